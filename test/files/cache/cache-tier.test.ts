import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';
import { FakeUpstream, serveText, TestTier } from '../../support/cache-tier.js';
import { until } from '../../support/until.js';

const SEGMENT = '/hls/live/test/segment_1.ts';
const PLAYLIST = '/hls/live/test/index.m3u8';
const LIVE_SEGMENT = '/hls/live/test/live_video_5_7.m4s';
/** More than there are connections to one upstream. */
const MANY_READERS = 300;
/** The upstream says nothing while hundreds of readers come, which takes seconds on a busy machine. */
const PATIENT = { gateway: { stallTimeout: '60s' } };
const IMMUTABLE = { 'Content-Type': 'video/mp2t', 'Cache-Control': 'max-age=3600', ETag: '"s1"' };
const playlist = (sequence: number, target = 4): string =>
	`#EXTM3U\n#EXT-X-TARGETDURATION:${target}\n#EXT-X-MEDIA-SEQUENCE:${sequence}\n`;

describe('a caching tier', () => {
	for (const threads of [1, 3]) {
		it(`asks its upstream once however many want the same, in ${threads} threads`, async (t) => {
			const waiting: ServerResponse[] = [];
			const upstream = await FakeUpstream.start(t, (_request, response) => waiting.push(response));
			const tier = await TestTier.start(t, [upstream.url], { threads });
			const answers = Array.from({ length: 60 }, (_, index) => tier.ask(SEGMENT, {}, { thread: index % threads }));
			await until(() => waiting.length > 0);
			setTimeout(() => waiting[0]!.writeHead(200, IMMUTABLE).end('0123456789'), 100);
			for (const { status, body } of await Promise.all(answers)) {
				assert.equal(status, 200);
				assert.equal(body.toString(), '0123456789');
			}
			for (let thread = 0; thread < threads; thread++) {
				assert.match(String((await tier.ask(SEGMENT, {}, { thread })).headers['cache-status']), /; hit$/);
			}
			assert.equal(upstream.requests.length, 1);
			const sum = tier.counters.reduce((total, counters) => total + counters.get('fileUpstreamRequests'), 0);
			assert.equal(sum, 1);
		});
	}

	it('serves ranges, HEAD, 304 and compressed text of what it keeps', async (t) => {
		const text = playlist(1) + '#EXTINF:4,\nx.ts\n'.repeat(100);
		const dated = { 'Cache-Control': 'max-age=60', 'Last-Modified': 'Tue, 15 Nov 1994 12:45:26 GMT' };
		const upstream = await FakeUpstream.start(t, (request, response) => {
			const handler = request.url === SEGMENT ? serveText('0123456789', IMMUTABLE) : serveText(text, dated);
			handler(request, response);
		});
		const tier = await TestTier.start(t, [upstream.url]);
		const range = await tier.ask(SEGMENT, { Range: 'bytes=2-4' });
		assert.equal(range.status, 206);
		assert.equal(range.body.toString(), '234');
		assert.equal((await tier.ask(SEGMENT, { 'If-None-Match': '"s1"' })).status, 304);
		assert.equal((await tier.ask(SEGMENT, { Range: 'bytes=20-' })).status, 416);
		const head = await tier.ask(SEGMENT, {}, { method: 'HEAD' });
		assert.equal(head.headers['content-length'], '10');
		assert.equal(head.headers['content-type'], 'video/mp2t');
		assert.equal(head.headers['access-control-allow-origin'], '*');
		assert.equal(head.headers.via, '1.1 millrace');
		const packed = await tier.ask(PLAYLIST, { 'Accept-Encoding': 'br' });
		assert.equal(brotliDecompressSync(packed.body).toString(), text);
		const since = { 'If-Modified-Since': packed.headers['last-modified'] };
		assert.equal((await tier.ask(PLAYLIST, since)).status, 304);
		assert.equal(upstream.requests.length, 2);
		assert.equal(upstream.requests[0]!.headers.range, undefined);
	});

	it('revalidates what is no longer fresh, and takes over what has changed', async (t) => {
		const upstream = await FakeUpstream.start(t, serveText(playlist(1), { 'Cache-Control': 'no-cache', ETag: '"1"' }));
		const tier = await TestTier.start(t, [upstream.url]);
		await tier.ask(PLAYLIST);
		const again = await tier.ask(PLAYLIST);
		assert.match(String(again.headers['cache-status']), /fwd-status=304/);
		assert.equal(again.body.toString(), playlist(1));
		assert.equal(upstream.requests[1]!.headers['if-none-match'], '"1"');
		assert.equal(tier.counters[0]!.get('fileCacheRevalidated'), 1);
		upstream.handler = serveText(playlist(2), { 'Cache-Control': 'no-cache', ETag: '"2"' });
		assert.equal((await tier.ask(PLAYLIST)).body.toString(), playlist(2));
	});

	it('gives out a live playlist while it is being renewed', async (t) => {
		const headers = { 'Cache-Control': 'max-age=1, stale-while-revalidate=60' };
		const upstream = await FakeUpstream.start(t, serveText(playlist(1, 60), headers));
		const tier = await TestTier.start(t, [upstream.url]);
		await tier.ask(PLAYLIST);
		const waiting: ServerResponse[] = [];
		upstream.handler = (_request, response) => waiting.push(response);
		while (waiting.length === 0) {
			await tier.ask(PLAYLIST);
		}
		assert.equal((await tier.ask(PLAYLIST)).body.toString(), playlist(1, 60));
		assert.ok(tier.counters[0]!.get('fileCacheStale') > 0);
		assert.equal(waiting.length, 1);
		waiting[0]!.writeHead(200, headers).end(playlist(2, 60));
		let body = '';
		while (body !== playlist(2, 60)) {
			body = (await tier.ask(PLAYLIST)).body.toString();
		}
	});

	it('shares requests that wait at the upstream for a part, and gives no old answer for them', async (t) => {
		const waiting: ServerResponse[] = [];
		const upstream = await FakeUpstream.start(t, (_request, response) => waiting.push(response));
		const tier = await TestTier.start(t, [upstream.url]);
		const [first, second] = [`${PLAYLIST}?_HLS_msn=5&_HLS_part=1`, `${PLAYLIST}?_HLS_msn=5&_HLS_part=2`];
		const answers = [tier.ask(first), tier.ask(first), tier.ask(second)];
		await until(() => waiting.length === 2);
		assert.deepEqual(upstream.requests.map(({ target }) => target).sort(), [first, second]);
		for (const response of waiting) {
			response.writeHead(200, { 'Cache-Control': 'no-store' }).end(playlist(5));
		}
		for (const { status } of await Promise.all(answers)) {
			assert.equal(status, 200);
		}
		await upstream.kill();
		assert.equal((await tier.ask(first)).status, 502);
	});

	it('passes it on when such a request waited in vain', async (t) => {
		const upstream = await FakeUpstream.start(t, (_request, response) => response.writeHead(503).end());
		const tier = await TestTier.start(t, [upstream.url]);
		const late = await tier.ask(`${PLAYLIST}?_HLS_msn=5`);
		assert.equal(late.status, 503);
		assert.match(late.body.toString(), /HLS_STALLED/);
		assert.equal((await tier.ask(PLAYLIST)).status, 502);
	});

	it('goes on with what it has while no upstream answers, and says so', async (t) => {
		const upstream = await FakeUpstream.start(t, serveText(playlist(1), { 'Cache-Control': 'no-cache', ETag: '"1"' }));
		const tier = await TestTier.start(t, [upstream.url], { threads: 2 });
		await tier.ask(PLAYLIST);
		await upstream.kill();
		for (const thread of [0, 1, 0, 1]) {
			const stale = await tier.ask(PLAYLIST, {}, { thread });
			assert.equal(stale.status, 200);
			assert.equal(stale.body.toString(), playlist(1));
			assert.match(String(stale.headers['cache-status']), /detail=stale/);
		}
		const unknown = await tier.ask('/hls/live/other/index.m3u8');
		assert.equal(unknown.status, 502);
		assert.match(unknown.body.toString(), /UPSTREAM_FAILED/);
		assert.ok(tier.faults.length > 0);
	});

	it('answers 504 when an upstream accepts and says nothing', async (t) => {
		const upstream = await FakeUpstream.start(t, () => undefined);
		const tier = await TestTier.start(t, [upstream.url], { gateway: { stallTimeout: '100ms' } });
		const { status, body } = await tier.ask(SEGMENT);
		assert.equal(status, 504);
		assert.match(body.toString(), /UPSTREAM_TIMEOUT/);
	});

	it('asks upstreams in their order, one that has failed last', async (t) => {
		const broken = await FakeUpstream.start(t, (_request, response) => response.writeHead(500).end());
		const cut = await FakeUpstream.start(t, (_request, response) => {
			response.writeHead(200, { 'Content-Length': 100 });
			response.write('half');
			setTimeout(() => response.destroy(), 20);
		});
		const good = await FakeUpstream.start(t, serveText('0123456789', IMMUTABLE));
		const tier = await TestTier.start(t, [broken.url, cut.url, good.url]);
		assert.equal((await tier.ask('/a.ts')).body.toString(), '0123456789');
		assert.equal((await tier.ask('/b.ts')).body.toString(), '0123456789');
		const asked = [broken, cut, good].map(({ requests }) => requests.length);
		assert.deepEqual(asked, [1, 1, 2]);
		assert.equal(tier.counters[0]!.get('fileUpstreamFailures'), 2);
	});

	it('believes for a moment that something is not there', async (t) => {
		const upstream = await FakeUpstream.start(t, (_request, response) => response.writeHead(404).end('none'));
		const tier = await TestTier.start(t, [upstream.url], { cache: { notFound: '1m' } });
		for (let count = 0; count < 5; count++) {
			assert.equal((await tier.ask(SEGMENT)).status, 404);
		}
		assert.equal(upstream.requests.length, 1);
		const doubting = await TestTier.start(t, [upstream.url], { cache: { notFound: 0 } });
		assert.equal((await doubting.ask(SEGMENT)).status, 404);
		upstream.handler = serveText('here', IMMUTABLE);
		assert.equal((await doubting.ask(SEGMENT)).status, 200);
	});

	it('passes through what is too large, what is for one client alone, and requests that say who asks', async (t) => {
		const upstream = await FakeUpstream.start(t, (request, response) => {
			if (request.url === '/large.mp4') {
				const isRange = request.headers.range === 'bytes=0-3';
				response.writeHead(isRange ? 206 : 200, {
					'Content-Length': isRange ? 4 : 5000,
					...(isRange ? { 'Content-Range': 'bytes 0-3/5000' } : {}),
				});
				response.end(Buffer.alloc(isRange ? 4 : 5000, 'x'));
			} else {
				response.writeHead(200, request.url === '/private.json' ? { 'Cache-Control': 'private' } : IMMUTABLE);
				response.end(String(request.headers.authorization));
			}
		});
		const tier = await TestTier.start(t, [upstream.url], { cache: { maxObject: 1000 } });
		assert.equal((await tier.ask('/large.mp4')).body.length, 5000);
		const range = await tier.ask('/large.mp4', { Range: 'bytes=0-3' });
		assert.equal(range.status, 206);
		assert.equal(range.headers['content-range'], 'bytes 0-3/5000');
		assert.equal(range.body.toString(), 'xxxx');
		const before = upstream.requests.length;
		await Promise.all([tier.ask('/private.json'), tier.ask('/private.json')]);
		assert.ok(upstream.requests.length >= before + 2);
		assert.equal((await tier.ask('/who.json', { Authorization: 'Bearer a' })).body.toString(), 'Bearer a');
		assert.equal((await tier.ask('/who.json', { Authorization: 'Bearer b' })).body.toString(), 'Bearer b');
		assert.equal((await tier.ask('/who.json')).body.toString(), 'undefined');
	});

	it('passes a segment of live DASH on while it is being made', async (t) => {
		const growing: ServerResponse[] = [];
		const upstream = await FakeUpstream.start(t, (_request, response) => {
			response.writeHead(200, { 'Cache-Control': 'no-store' }).write('first');
			growing.push(response);
		});
		const tier = await TestTier.start(t, [upstream.url]);
		const response = await fetch(`${tier.url}/hls/live/test/live_video_5_7.m4s`);
		const reader = response.body!.getReader();
		assert.equal(Buffer.from((await reader.read()).value!).toString(), 'first');
		growing[0]!.end('second');
		assert.equal(Buffer.from((await reader.read()).value!).toString(), 'second');
		assert.equal((await reader.read()).done, true);
	});

	it('asks once for a segment that is being made, however many read it, and begins at its beginning for each', async (t) => {
		const growing: ServerResponse[] = [];
		const upstream = await FakeUpstream.start(t, (request, response) => {
			if (request.url === LIVE_SEGMENT) {
				response.writeHead(200, { 'Cache-Control': 'no-store' }).write('first ');
				growing.push(response);
			} else {
				response.end('other');
			}
		});
		const tier = await TestTier.start(t, [upstream.url], PATIENT);
		const early = Array.from({ length: MANY_READERS }, () => tier.ask(LIVE_SEGMENT));
		await until(() => growing.length > 0);
		growing[0]!.write('second ');
		await until(() => tier.counters[0]!.get('fileUpstreamBytes') === 'first second '.length);
		const late = tier.ask(LIVE_SEGMENT);
		assert.equal((await tier.ask('/hls/live/test/live.m3u8')).body.toString(), 'other');
		growing[0]!.end('third');
		for (const answer of await Promise.all([...early, late])) {
			assert.equal(answer.body.toString(), 'first second third');
			assert.equal(answer.headers['cache-control'], 'no-store');
		}
		assert.equal(upstream.requests.length, 2);
	});

	it('calls a segment that is being made off when the last who read it has left', async (t) => {
		const growing: ServerResponse[] = [];
		let left = 0;
		const upstream = await FakeUpstream.start(t, (_request, response) => {
			response.on('close', () => {
				left += 1;
			});
			response.writeHead(200).write('first');
			growing.push(response);
		});
		const tier = await TestTier.start(t, [upstream.url]);
		const aborts = [new AbortController(), new AbortController()];
		const readers = await Promise.all(aborts.map(({ signal }) => fetch(tier.url + LIVE_SEGMENT, { signal })));
		aborts[0]!.abort();
		await assert.rejects(readers[0]!.text());
		growing[0]!.write('second');
		const reader = readers[1]!.body!.getReader();
		for (let text = ''; text !== 'firstsecond'; ) {
			text += Buffer.from((await reader.read()).value!).toString();
		}
		assert.equal(left, 0);
		aborts[1]!.abort();
		await until(() => left === 1);
		const anew = tier.ask(LIVE_SEGMENT);
		await until(() => growing.length === 2);
		growing[1]!.end();
		assert.equal((await anew).body.toString(), 'first');
	});

	it('cuts all readers of a segment off whose upstream dies, or never ends it', async (t) => {
		const growing: ServerResponse[] = [];
		const upstream = await FakeUpstream.start(t, (_request, response) => {
			response.writeHead(200).write('first');
			growing.push(response);
		});
		const tier = await TestTier.start(t, [upstream.url], { cache: { maxObject: 10_000 } });
		const isCutOff = (name: string): Promise<void> => assert.rejects(tier.ask(name), { code: 'ECONNRESET' });
		const dying = [isCutOff(LIVE_SEGMENT), isCutOff(LIVE_SEGMENT)];
		await until(() => growing.length > 0);
		growing[0]!.destroy();
		const endless = isCutOff(LIVE_SEGMENT.replace('_7', '_8'));
		await until(() => growing.length > 1);
		growing[1]!.write(Buffer.alloc(10_000));
		await Promise.all([...dying, endless]);
	});

	it('asks once for a playlist that somebody has asked for too early', async (t) => {
		let isThere = false;
		const upstream = await FakeUpstream.start(t, (_request, response) => {
			if (isThere) {
				setTimeout(() => response.end(playlist(7)), 50);
			} else {
				response.writeHead(400).end();
			}
		});
		const tier = await TestTier.start(t, [upstream.url]);
		const early = '/hls/live/test/live.m3u8?_HLS_msn=9';
		assert.equal((await tier.ask(early)).status, 400);
		isThere = true;
		const before = upstream.requests.length;
		for (const { status } of await Promise.all([tier.ask(early), tier.ask(early)])) {
			assert.equal(status, 200);
		}
		assert.equal(upstream.requests.length, before + 1);
	});

	it('keeps complete segments of live DASH as anything else, and says when there is none', async (t) => {
		const upstream = await FakeUpstream.start(t, (request, response) => {
			if (request.url === LIVE_SEGMENT) {
				response.writeHead(200, { 'Cache-Control': 'max-age=6', 'Content-Length': 5 }).end('whole');
			} else {
				response.writeHead(404).end();
			}
		});
		const tier = await TestTier.start(t, [upstream.url]);
		for (const result of ['millrace; fwd=uri-miss', 'millrace; hit']) {
			const { body, headers } = await tier.ask(LIVE_SEGMENT);
			assert.equal(body.toString(), 'whole');
			assert.equal(headers['cache-status'], result);
		}
		assert.equal(upstream.requests.length, 1);
		assert.equal((await tier.ask(LIVE_SEGMENT.replace('_7', '_8'))).status, 404);
		await upstream.kill();
		assert.equal((await tier.ask(LIVE_SEGMENT.replace('_7', '_9'))).status, 502);
	});

	it('never keeps more than it may', async (t) => {
		const upstream = await FakeUpstream.start(t, serveText('x'.repeat(10_000), IMMUTABLE));
		const tier = await TestTier.start(t, [upstream.url], { cache: { memory: 50_000 } });
		for (let number = 0; number < 20; number++) {
			await tier.ask(`/segment_${number}.ts`);
			assert.ok(tier.counters[0]!.get('currentFileCacheBytes') <= 50_000);
		}
		assert.equal((await tier.ask('/segment_19.ts')).status, 200);
		assert.equal(upstream.requests.length, 20);
		assert.equal((await tier.ask('/segment_0.ts')).status, 200);
		assert.equal(upstream.requests.length, 21);
	});

	it('works in cascades, where one request reaches the origin', async (t) => {
		const origin = await FakeUpstream.start(t, serveText('0123456789', IMMUTABLE));
		const middle = await TestTier.start(t, [origin.url], { processId: 'middle000001' });
		const edge = await TestTier.start(t, [middle.url], { processId: 'edge00000001' });
		const answers = await Promise.all([edge.ask(SEGMENT), edge.ask(SEGMENT), middle.ask(SEGMENT)]);
		assert.ok(answers.every(({ body }) => body.toString() === '0123456789'));
		assert.equal(origin.requests.length, 1);
		assert.equal((await edge.ask(SEGMENT)).headers['cache-control'], 'max-age=3600');
	});

	it('refuses to go in circles', async (t) => {
		const relay = await FakeUpstream.start(t, (request, response) => {
			const via = { 'x-millrace-via': request.headers['x-millrace-via'] };
			void second.ask(request.url ?? '', via).then(({ status }) => response.writeHead(status).end());
		});
		const first = await TestTier.start(t, [relay.url], { processId: 'first0000001' });
		const second = await TestTier.start(t, [first.url], { processId: 'second000001' });
		const { status, body } = await first.ask(SEGMENT);
		assert.equal(status, 508);
		assert.match(body.toString(), /RELAY_LOOP/);
	});

	it('asks for itself what a thread owns that is gone', async (t) => {
		const upstream = await FakeUpstream.start(t, serveText('0123456789', IMMUTABLE));
		const tier = await TestTier.start(t, [upstream.url], { threads: 2 });
		tier.tiers[0]!.removePeer(1);
		for (let number = 0; number < 10; number++) {
			assert.equal((await tier.ask(`/segment_${number}.ts`)).status, 200);
		}
	});
});
