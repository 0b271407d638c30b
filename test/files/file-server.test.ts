import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { ERROR_CODES, reasonOf } from '#src/errors.js';
import { FileServer } from '#src/files/file-server.js';
import { Counters } from '#src/metrics/counters.js';
import { type Answer, DeliveryThread } from '../support/delivery-thread.js';
import { until } from '../support/until.js';

const PLAYLIST = `#EXTM3U\n${'#EXTINF:4.0,\nsegment.ts\n'.repeat(200)}`;
const LARGE_BYTES = 9 * 1024 * 1024;

type Server = {
	thread: DeliveryThread;
	media: string;
	ask: (path: string, headers?: http.OutgoingHttpHeaders, method?: string) => Promise<Answer>;
};

async function serve(t: TestContext, overrides: Record<string, unknown> = {}): Promise<Server> {
	const media = mkdtempSync(path.join(tmpdir(), 'millrace-served-'));
	t.after(() => rmSync(media, { recursive: true }));
	mkdirSync(path.join(media, 'hls/live/test'), { recursive: true });
	mkdirSync(path.join(media, 'flv/live/test'), { recursive: true });
	writeFileSync(path.join(media, 'hls/live/test/index.m3u8'), PLAYLIST);
	writeFileSync(path.join(media, 'hls/live/test/segment_1.ts'), '0123456789');
	const thread = await DeliveryThread.start(t, { media, ...overrides });
	const ask = (target: string, headers: http.OutgoingHttpHeaders = {}, method = 'GET'): Promise<Answer> =>
		thread.ask(t, method, target, { port: thread.filesPort, headers });
	return { thread, media, ask };
}

const SEGMENT = '/hls/live/test/segment_1.ts';
const INDEX = '/hls/live/test/index.m3u8';

describe('served files', () => {
	it('say how long they may be kept: segments for good, playlists for a moment, all else not unasked', async (t) => {
		const { ask, media } = await serve(t);
		writeFileSync(path.join(media, 'flv/live/test/index.flv'), 'FLV');
		const control = async (target: string): Promise<string | undefined> =>
			(await ask(target)).response.headers['cache-control'];
		assert.match((await control(SEGMENT))!, /max-age=\d{4,}, immutable/);
		assert.equal(await control(INDEX), 'max-age=1');
		assert.equal(await control('/flv/live/test/index.flv'), 'no-cache');
	});

	it('are not sent again to those who have them', async (t) => {
		const { ask, thread } = await serve(t);
		const first = await ask(SEGMENT);
		const { etag, 'last-modified': modified } = first.response.headers;
		for (const headers of [{ 'If-None-Match': etag }, { 'If-Modified-Since': modified }]) {
			const again = await ask(SEGMENT, headers);
			assert.equal(again.response.statusCode, 304);
			assert.equal(again.body.length, 0);
			assert.equal(again.response.headers.etag, etag);
			assert.equal(again.response.headers['access-control-allow-origin'], '*');
		}
		assert.equal((await ask(SEGMENT, { 'If-Match': '"other"' })).response.statusCode, 412);
		assert.equal(thread.counters.get('fileRequests3xx'), 2);
		assert.equal(thread.counters.get('fileRequests2xx'), 1);
		assert.equal(thread.counters.get('fileBytesOut'), 10);
	});

	it('answer HEAD with what GET would say, without a body', async (t) => {
		const { ask } = await serve(t);
		const [get, head] = [await ask(SEGMENT), await ask(SEGMENT, {}, 'HEAD')];
		assert.equal(head.body.length, 0);
		const { date: _get, ...expected } = get.response.headers;
		const { date: _head, ...said } = head.response.headers;
		assert.deepEqual(said, expected);
	});

	for (const [what, range, status, body, contentRange] of [
		['a range', 'bytes=2-4', 206, '234', 'bytes 2-4/10'],
		['the end', 'bytes=-3', 206, '789', 'bytes 7-9/10'],
		['more than there is', 'bytes=-100', 206, '0123456789', 'bytes 0-9/10'],
		['from the middle', 'bytes=5-', 206, '56789', 'bytes 5-9/10'],
		['nothing that is there', 'bytes=10-', 416, '', 'bytes */10'],
		['nonsense', 'bytes=x', 200, '0123456789', undefined],
	] as const) {
		it(`give ${what} by Range: ${range}`, async (t) => {
			const { ask } = await serve(t);
			const answer = await ask(SEGMENT, { Range: range });
			assert.equal(answer.response.statusCode, status);
			assert.equal(answer.body.toString(), body);
			assert.equal(answer.response.headers['content-range'], contentRange);
		});
	}

	it('give several ranges as multipart/byteranges', async (t) => {
		const { ask } = await serve(t);
		const { response, body } = await ask(SEGMENT, { Range: 'bytes=0-1,8-' });
		assert.equal(response.statusCode, 206);
		const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(response.headers['content-type']!)?.[1];
		const parts = body.toString().split(`--${boundary}`);
		assert.match(parts[1]!, /Content-Type: video\/mp2t\r\nContent-Range: bytes 0-1\/10\r\n\r\n01\r\n$/);
		assert.match(parts[2]!, /Content-Range: bytes 8-9\/10\r\n\r\n89\r\n$/);
		assert.equal(parts[3], '--\r\n');
		assert.equal(Number(response.headers['content-length']), body.length);
	});

	it('give a range only of the version that the client holds', async (t) => {
		const { ask } = await serve(t);
		const { etag, 'last-modified': modified } = (await ask(SEGMENT)).response.headers;
		const get = (ifRange: string | undefined) => ask(SEGMENT, { Range: 'bytes=0-1', 'If-Range': ifRange });
		assert.equal((await get(etag)).response.statusCode, 206);
		assert.equal((await get(modified)).response.statusCode, 206);
		assert.equal((await get('"old"')).response.statusCode, 200);
	});

	it('are compressed when they are text, each coding under an entity tag of its own', async (t) => {
		const { ask } = await serve(t);
		const plain = await ask(INDEX);
		const brotli = await ask(INDEX, { 'Accept-Encoding': 'gzip, br' });
		const gzip = await ask(INDEX, { 'Accept-Encoding': 'gzip' });
		assert.equal(brotli.response.headers['content-encoding'], 'br');
		assert.equal(brotliDecompressSync(brotli.body).toString(), PLAYLIST);
		assert.equal(gzip.response.headers['content-encoding'], 'gzip');
		assert.equal(gunzipSync(gzip.body).toString(), PLAYLIST);
		assert.equal(plain.response.headers['content-encoding'], undefined);
		for (const { response } of [plain, brotli, gzip]) {
			assert.equal(response.headers.vary, 'Accept-Encoding');
		}
		const tags = [plain, brotli, gzip].map(({ response }) => response.headers.etag);
		assert.equal(new Set(tags).size, 3);
		const known = { 'If-None-Match': gzip.response.headers.etag, 'Accept-Encoding': 'gzip' };
		assert.equal((await ask(INDEX, known)).response.statusCode, 304);
		assert.equal((await ask(SEGMENT, { 'Accept-Encoding': 'gzip' })).response.headers['content-encoding'], undefined);
		const ranged = await ask(INDEX, { 'Accept-Encoding': 'gzip', Range: 'bytes=0-6' });
		assert.equal(ranged.body.toString(), '#EXTM3U');
	});

	it('name the origin in Vary too when not every page may read them', async (t) => {
		const { ask } = await serve(t, { http: { corsOrigins: ['https://page.example'] } });
		const { response } = await ask(INDEX, { Origin: 'https://page.example' });
		assert.equal(response.headers.vary, 'Origin, Accept-Encoding');
		assert.equal(response.headers['access-control-allow-origin'], 'https://page.example');
	});

	it('come whole, in ranges and in several ranges when they are large', async (t) => {
		const { ask, media, thread } = await serve(t);
		const bytes = Buffer.alloc(LARGE_BYTES);
		for (let at = 0; at < LARGE_BYTES; at += 4) {
			bytes.writeUInt32BE(at, at);
		}
		writeFileSync(path.join(media, 'hls/live/test/big.ts'), bytes);
		const target = '/hls/live/test/big.ts';
		assert.ok((await ask(target)).body.equals(bytes));
		const range = await ask(target, { Range: 'bytes=1000000-8000000' });
		assert.ok(range.body.equals(bytes.subarray(1_000_000, 8_000_001)));
		const ranges = await ask(target, { Range: 'bytes=0-999999,-1000000' });
		assert.equal(Number(ranges.response.headers['content-length']), ranges.body.length);
		assert.ok(ranges.body.includes(bytes.subarray(-1_000_000)));
		await ask(target, {}, 'HEAD');
		await ask(target, { 'If-None-Match': range.response.headers.etag });
		await until(() => thread.counters.get('fileRequests2xx') === 4);
		assert.equal(thread.counters.get('currentFileCacheBytes'), 0);
	});

	it('end where they ended when the request came, though they grow meanwhile', async (t) => {
		const { ask, media } = await serve(t);
		const file = path.join(media, 'flv/live/test/index.flv');
		writeFileSync(file, Buffer.alloc(LARGE_BYTES));
		const answer = ask('/flv/live/test/index.flv');
		appendFileSync(file, 'more');
		const { response, body } = await answer;
		assert.equal(Number(response.headers['content-length']), body.length);
	});

	it('free what they hold when the peer leaves in the middle', async (t) => {
		const { media, thread } = await serve(t);
		writeFileSync(path.join(media, 'hls/live/test/big.ts'), Buffer.alloc(4 * LARGE_BYTES));
		const peer = await thread.raw(t, 'GET /hls/live/test/big.ts HTTP/1.1\r\nHost: test\r\n\r\n', thread.filesPort);
		await until(() => peer.bytes.length > 0);
		peer.socket.destroy();
		await until(() => thread.counters.get('fileRequests2xx') === 1);
		assert.ok(thread.counters.get('fileBytesOut') < 4 * LARGE_BYTES);
	});

	it('are listed only when that is asked for, with names that cannot become markup', async (t) => {
		const { ask, media } = await serve(t, { files: { listing: true } });
		writeFileSync(path.join(media, 'hls/live/test/<b>&"x".ts'), '');
		const { response, body } = await ask('/hls/live/test/');
		assert.equal(response.statusCode, 200);
		assert.match(body.toString(), /<a href="\.\/segment_1\.ts">segment_1\.ts<\/a>/);
		assert.doesNotMatch(body.toString(), /<b>/);
		assert.equal((await ask('/hls/live/none/')).response.statusCode, 404);
		const { ask: closed } = await serve(t);
		assert.equal((await closed('/hls/live/test/')).response.statusCode, 404);
	});

	it('are logged, whole or refused, when that is asked for', async (t) => {
		const directory = mkdtempSync(path.join(tmpdir(), 'millrace-access-'));
		t.after(() => rmSync(directory, { recursive: true }));
		const accessLog = path.join(directory, 'access.log');
		const { ask, thread } = await serve(t, { files: { accessLog } });
		await ask(SEGMENT, { 'User-Agent': 'test' });
		await ask('/none');
		thread.role.handle({ type: 'drain', deadlineMs: 1000 });
		await until(() => thread.sent.some(({ type }) => type === 'drained'));
		const [first, second] = readFileSync(accessLog, 'utf8').split('\n');
		assert.match(
			first!,
			/^127\.0\.0\.1 - - \[.*\] "GET \/hls\/live\/test\/segment_1\.ts HTTP\/1\.1" 200 10 "-" "test"$/,
		);
		assert.match(second!, /"GET \/none HTTP\/1\.1" 404 \d+ "-" "-"$/);
	});

	it('that the system cannot read are 500, and the path on the disk is for the log alone', async (t) => {
		const fault = Object.assign(new Error("EIO: i/o error, open '/srv/secret'"), { syscall: 'open', code: 'EIO' });
		const faults: string[] = [];
		const server = new FileServer({
			source: { hot: () => null, find: () => Promise.reject(fault) },
			counters: new Counters(),
			accessLog: null,
			onFault: (sentence, detail) => faults.push(`${sentence}: ${detail}`),
		});
		const listener = http.createServer((request, response) => server.serve(request, response, '/a.ts', {}));
		t.after(() => listener.close().closeAllConnections());
		await once(listener.listen(0, '127.0.0.1'), 'listening');
		const answer = await fetch(`http://127.0.0.1:${(listener.address() as AddressInfo).port}/a.ts`);
		assert.equal(answer.status, 500);
		assert.deepEqual(await answer.json(), reasonOf('FILE_UNREADABLE'));
		assert.deepEqual(faults, [`${ERROR_CODES.FILE_UNREADABLE}: ${fault.message}`]);
	});

	it('go on over one connection', async (t) => {
		const { thread } = await serve(t);
		const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
		t.after(() => agent.destroy());
		const get = (target: string): Promise<number> =>
			new Promise((resolve, reject) => {
				http
					.get({ host: '127.0.0.1', port: thread.filesPort, path: target, agent }, (response) => {
						const { localPort = 0 } = response.socket;
						response.resume().on('end', () => resolve(localPort));
					})
					.on('error', reject);
			});
		const ports = [await get(SEGMENT), await get('/none'), await get(INDEX), await get('/..')];
		assert.equal(new Set(ports).size, 1);
	});
});
