import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { PlaylistChecker } from '#src/protocol/m3u8/playlist-rules.js';
import { harmable, order } from '../support/harm.js';
import { patient } from '../support/patience.js';
import { publish } from '../support/publish.js';
import { startServer } from '../support/test-server.js';
import { until } from '../support/until.js';

test('live HLS over HTTP, from two delivery threads', { timeout: patient(60_000) }, async (t) => {
	const server = await startServer(t, { config: { threads: { ingest: 1, delivery: 2, remux: 1 } } });
	const url = server.httpUrl('hls/live/a/live.m3u8');
	/** A connection of its own for each request, so that both threads answer. */
	const get = (target: string, headers: Record<string, string> = {}): Promise<Response> =>
		fetch(target, { headers: { connection: 'close', ...headers } });

	assert.equal((await get(url)).status, 404);
	const publisher = await publish(t, server.rtmpUrl('live/a'));
	await until('there is a playlist', async () => (await get(url)).ok);

	await t.test('the playlist, blocked for again and again, breaks no rule', async () => {
		const checker = new PlaylistChecker();
		let playlist = checker.see(await (await get(url)).text());
		for (let reload = 0; reload < 20; reload++) {
			const msn = playlist.mediaSequence + playlist.segments.length;
			const part = playlist.openSegment?.parts.length ?? 0;
			const response = await get(`${url}?_HLS_msn=${msn}&_HLS_part=${part}`);
			assert.equal(response.status, 200);
			const text = await response.text();
			playlist = checker.see(text);
			const edge = [playlist.mediaSequence + playlist.segments.length, playlist.openSegment?.parts.length ?? 0];
			assert.ok(edge[0]! > msn || edge[1]! > part, 'nothing new');
		}
		assert.deepEqual(checker.violations, []);
	});

	await t.test('everything that it names is there, with its type and lifetime', async () => {
		const response = await get(url);
		assert.equal(response.headers.get('content-type'), 'application/vnd.apple.mpegurl');
		assert.match(response.headers.get('cache-control') ?? '', /^max-age=\d+$/);
		assert.equal(response.headers.get('access-control-allow-origin'), '*');
		const { segments, preloadHint, targetDuration } = parseMediaPlaylist(await response.text());
		const newest = segments.at(-1)!;
		const named = [newest.map!, newest.uri, ...newest.parts.map(({ uri }) => uri), preloadHint!];
		for (const uri of named) {
			const media = await get(new URL(uri, url).href);
			assert.equal(media.status, 200, uri);
			assert.equal(media.headers.get('content-type'), uri.includes('init') ? 'video/mp4' : 'video/iso.segment');
			assert.equal(media.headers.get('cache-control'), `max-age=${6 * targetDuration}`);
			const bytes = Buffer.from(await media.arrayBuffer());
			assert.equal(bytes.length, Number(media.headers.get('content-length')));
			assert.match(bytes.toString('latin1', 4, 8), /ftyp|styp|moof/);
		}
	});

	await t.test('compressed for those who take it', async () => {
		const packed = await get(url, { 'accept-encoding': 'gzip' });
		assert.equal(packed.headers.get('content-encoding'), 'gzip');
		assert.match(packed.headers.get('vary') ?? '', /Accept-Encoding/);
		assert.match(await packed.text(), /^#EXTM3U/);
		const plain = await get(url, { 'accept-encoding': 'identity' });
		assert.equal(plain.headers.get('content-encoding'), null);
		assert.match(await plain.text(), /^#EXTM3U/);
	});

	await t.test('what makes no sense is refused, what is not there not found', async () => {
		for (const [target, status] of [
			[`${url}?_HLS_part=1`, 400],
			[`${url}?_HLS_msn=999999999`, 400],
			[new URL('live_1.m4s', url).href, 404],
			[new URL('live_1_0.m4s', url).href, 404],
			[server.httpUrl('hls/live/none/live.m3u8'), 404],
		] as const) {
			const response = await get(target);
			assert.equal(response.status, status, target);
			assert.match(await response.text(), /"code":"[A-Z_]+"/);
		}
	});

	await t.test('an end, after which the playlist is complete', async () => {
		publisher.close();
		let text = '';
		await until(
			'the playlist has ended',
			async () => {
				text = await (await get(url)).text();
				return text.includes('#EXT-X-ENDLIST');
			},
			30_000,
		);
		assert.equal((await get(`${url}?_HLS_msn=999999999`)).status, 200);
		assert.equal(parseMediaPlaylist(text).preloadHint, null);
	});
});

test('a publisher that comes back, and a remux thread that dies, are one discontinuity each', {
	timeout: patient(90_000),
}, async (t) => {
	const orders = mkdtempSync(join(tmpdir(), 'millrace-harm-'));
	t.after(() => rmSync(orders, { recursive: true }));
	const server = await startServer(t, { env: harmable(orders) });
	const url = server.httpUrl('hls/live/b/live.m3u8');
	const checker = new PlaylistChecker();
	const discontinuities = (): number => {
		const { discontinuitySequence, segments, openSegment } = playlist;
		return (
			discontinuitySequence + [...segments, openSegment].filter((segment) => segment?.discontinuity === true).length
		);
	};
	const segmentsMore = async (count: number): Promise<void> => {
		const end = playlist.mediaSequence + playlist.segments.length + count;
		await until(
			'there are more segments',
			async () => {
				playlist = checker.see(await (await fetch(url)).text());
				return playlist.mediaSequence + playlist.segments.length >= end;
			},
			30_000,
		);
	};

	const first = await publish(t, server.rtmpUrl('live/b'));
	await until('there is a playlist', async () => (await fetch(url)).ok);
	let playlist = checker.see(await (await fetch(url)).text());
	const before = discontinuities();
	await segmentsMore(2);
	first.close();
	await publish(t, server.rtmpUrl('live/b'));
	await segmentsMore(3);
	assert.equal(discontinuities(), before + 1);
	order(orders, { kind: 'remux', how: 'crash' });
	await segmentsMore(3);
	assert.equal(discontinuities(), before + 2);
	assert.deepEqual(checker.violations, []);
});
