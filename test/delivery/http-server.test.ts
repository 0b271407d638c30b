import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { testConfig } from '../support/config.js';
import { DeliveryThread } from '../support/delivery-thread.js';
import { unchunk } from '../support/flv-check.js';
import { LiveStream } from '../support/live-stream.js';
import { until } from '../support/until.js';

const GET = 'GET /live/test.flv HTTP/1.1\r\nHost: test\r\n\r\n';

describe('the HTTP listener', () => {
	for (const [what, bytes] of [
		['RTMP', Buffer.concat([Buffer.from([3]), Buffer.alloc(1536, 7)])],
		['TLS', Buffer.from('16030100a5010000a10303', 'hex')],
		['a lone line', Buffer.from('hello\r\n\r\n')],
		['a bad header', Buffer.from('GET / HTTP/1.1\r\nno colon here\r\n\r\n')],
		['two lengths', Buffer.from('POST /live/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n')],
	] as const) {
		it(`answers ${what} with 400 and one counted close`, async (t) => {
			const thread = await DeliveryThread.start(t);
			const peer = await thread.raw(t, bytes);
			await until(() => peer.socket.destroyed);
			assert.match(peer.response.head, /^HTTP\/1\.1 400 /);
			assert.match(peer.response.head, /Connection: close/);
			assert.equal(thread.counters.closed('HTTP_REQUEST'), 1);
			await until(() => thread.counters.get('currentConnections') === 0);
		});
	}

	it('answers 431 to a head without end', async (t) => {
		const thread = await DeliveryThread.start(t);
		const peer = await thread.raw(t, `GET / HTTP/1.1\r\nX: ${'y'.repeat(20_000)}`);
		await until(() => peer.socket.destroyed);
		assert.match(peer.response.head, /^HTTP\/1\.1 431 /);
	});

	it('cuts off heads that come too slowly, and peers that say nothing', async (t) => {
		const thread = await DeliveryThread.start(t, { limits: { handshakeTimeout: '100ms' } });
		const slow = await thread.raw(t, 'GET / HTTP/1.1\r\n');
		const drip = setInterval(() => slow.socket.write('X: y\r\n'), 50);
		t.after(() => clearInterval(drip));
		const silent = await thread.raw(t, '');
		await until(() => slow.socket.destroyed && silent.socket.destroyed);
		assert.match(slow.response.head, /^HTTP\/1\.1 408 /);
		assert.equal(thread.counters.closed('HANDSHAKE_TIMEOUT'), 2);
	});

	it('refuses connections beyond the limit with 503 and goes on when there is room', async (t) => {
		const thread = await DeliveryThread.start(t, { limits: { connections: 2 } });
		thread.announce(new LiveStream()).gop();
		const held = await Promise.all([thread.raw(t, GET), thread.raw(t, GET)]);
		await until(() => held.every(({ bytes }) => bytes.length > 0));
		const third = await thread.raw(t, GET);
		await until(() => third.socket.destroyed);
		assert.match(third.response.head, /^HTTP\/1\.1 503 /);
		assert.match(third.response.body.toString(), /CONNECTION_LIMIT/);
		assert.equal(thread.counters.closed('CONNECTION_LIMIT'), 1);
		held[0]!.socket.destroy();
		await until(() => thread.counters.get('currentConnections') === 1);
		const fourth = await thread.raw(t, GET);
		await until(() => fourth.bytes.length > 0);
		assert.match(fourth.response.head, /^HTTP\/1\.1 200 /);
	});

	it('answers preflight requests and lets listed origins read every answer', async (t) => {
		const thread = await DeliveryThread.start(t, { http: { corsOrigins: ['https://page.example'] } });
		const headers = { Origin: 'https://page.example', 'Access-Control-Request-Headers': 'range' };
		const preflight = await thread.ask(t, 'OPTIONS', '/live/test.flv', { headers });
		assert.equal(preflight.response.statusCode, 204);
		assert.equal(preflight.response.headers['access-control-allow-origin'], 'https://page.example');
		assert.equal(preflight.response.headers['access-control-allow-headers'], 'range');
		assert.match(preflight.response.headers['access-control-allow-methods']!, /\bPUT\b/);
		for (const [path, status] of [
			['/live/test.flv', 404],
			['/live/b%61d.flv', 400],
			['/nothing.html', 404],
		] as const) {
			const { response } = await thread.ask(t, 'GET', path, { headers });
			assert.equal(response.statusCode, status);
			assert.equal(response.headers['access-control-allow-origin'], 'https://page.example', path);
			assert.equal(response.headers.vary, 'Origin');
		}
		const stranger = await thread.ask(t, 'GET', '/live/test.flv', { headers: { Origin: 'https://other.example' } });
		assert.equal(stranger.response.headers['access-control-allow-origin'], undefined);
	});

	it('takes no notice of an upgrade that it does not know, as curl and Java offer', async (t) => {
		const thread = await DeliveryThread.start(t);
		thread.announce(new LiveStream()).gop();
		const offer =
			'Host: test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n';
		const viewer = await thread.raw(t, `GET /live/test.flv HTTP/1.1\r\n${offer}`);
		await until(() => viewer.bytes.includes('FLV'));
		assert.match(viewer.response.head, /^HTTP\/1\.1 200 /);
		const file = await thread.raw(t, `GET /none.html HTTP/1.1\r\n${offer}`);
		await until(() => file.bytes.includes('HTTP_REQUEST'));
		assert.match(file.response.head, /^HTTP\/1\.1 404 /);
		file.socket.write(`GET /none.html HTTP/1.1\r\n${offer}`);
		await until(() => file.bytes.toString().match(/HTTP\/1\.1 404 /g)?.length === 2);
	});

	it('refuses other methods', async (t) => {
		const thread = await DeliveryThread.start(t);
		for (const method of ['DELETE', 'PATCH']) {
			assert.equal((await thread.ask(t, method, '/live/test')).response.statusCode, 405);
		}
	});

	it('takes over a new configuration', async (t) => {
		const thread = await DeliveryThread.start(t);
		const config = testConfig({
			http: { corsOrigins: ['https://page.example'] },
			play: { missing: 'wait', waitTimeout: '1ms' },
		});
		thread.role.handle({ type: 'config', config });
		const { response } = await thread.ask(t, 'GET', '/live/test.flv', { headers: { Origin: 'https://page.example' } });
		assert.equal(response.headers['access-control-allow-origin'], 'https://page.example');
	});

	it('drains: ends viewers and pushes politely, closes idle connections, and says when it is done', async (t) => {
		const thread = await DeliveryThread.start(t);
		thread.announce(new LiveStream()).gop();
		const viewer = await thread.raw(t, GET);
		const idle = await thread.raw(t, 'GET /nothing HTTP/1.1\r\nHost: test\r\n\r\n');
		const push = await thread.raw(t, 'POST /live/pushed HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nFLV');
		const webSocket = new WebSocket(`ws://127.0.0.1:${thread.port}/live/test.flv`);
		const closed = new Promise<number>((resolve) => webSocket.once('close', resolve));
		await until(
			() => viewer.bytes.length > 0 && idle.bytes.includes('}\n') && thread.ingest.requests.publications === 1,
		);
		await until(() => webSocket.readyState === WebSocket.OPEN);
		thread.role.handle({ type: 'drain', deadlineMs: 10_000 });
		await until(() => thread.sent.some(({ type }) => type === 'drained'));
		assert.equal(unchunk(viewer.response.body).ended, true);
		assert.equal(await closed, 1001);
		assert.match(push.response.head, /^HTTP\/1\.1 503 /);
		assert.ok(idle.socket.destroyed);
		assert.deepEqual(
			thread.ended.map(({ code }) => code),
			Array(3).fill('SERVER_STOPPING'),
		);
		assert.equal(thread.counters.get('currentConnections'), 0);
	});

	it('is done at the deadline even if a viewer takes nothing', async (t) => {
		const thread = await DeliveryThread.start(t);
		const stream = thread.announce(new LiveStream({ ringBytes: 2 ** 22 }));
		stream.gop();
		const viewer = await thread.raw(t, GET);
		await until(() => viewer.bytes.length > 0);
		viewer.socket.pause();
		for (let round = 0; round < 100; round++) {
			stream.gop(10, 20_000);
			await new Promise((resolve) => setImmediate(resolve));
		}
		thread.role.handle({ type: 'drain', deadlineMs: 600 });
		await until(() => thread.sent.some(({ type }) => type === 'drained'));
	});
});

describe('files', () => {
	const makeMedia = (t: TestContext): string => {
		const root = mkdtempSync(path.join(tmpdir(), 'millrace-files-'));
		t.after(() => rmSync(root, { recursive: true }));
		const media = path.join(root, 'media');
		mkdirSync(path.join(media, 'flv/live/test'), { recursive: true });
		mkdirSync(path.join(media, 'hls/live/test'), { recursive: true });
		writeFileSync(path.join(media, 'flv/live/test/index.flv'), '0123456789');
		writeFileSync(path.join(media, 'flv/live/test/.secret'), 'secret');
		writeFileSync(path.join(media, 'hls/live/test/index.m3u8'), '#EXTM3U');
		writeFileSync(path.join(media, 'private.txt'), 'secret');
		writeFileSync(path.join(root, 'outside.txt'), 'secret');
		symlinkSync('/etc', path.join(media, 'etc'));
		return media;
	};

	it('come with their type, ranges and CORS, on both ports', async (t) => {
		const thread = await DeliveryThread.start(t, { media: makeMedia(t) });
		for (const port of [thread.port, thread.filesPort]) {
			const whole = await thread.ask(t, 'GET', '/flv/live/test/index.flv', { port });
			assert.equal(whole.response.statusCode, 200);
			assert.equal(whole.body.toString(), '0123456789');
			assert.equal(whole.response.headers['content-type'], 'video/x-flv');
			assert.equal(whole.response.headers['access-control-allow-origin'], '*');
			const part = await thread.ask(t, 'GET', '/flv/live/test/index.flv', { port, headers: { Range: 'bytes=2-4' } });
			assert.equal(part.response.statusCode, 206);
			assert.equal(part.body.toString(), '234');
			assert.equal(part.response.headers['access-control-allow-origin'], '*');
			const playlist = await thread.ask(t, 'HEAD', '/hls/live/test/index.m3u8', { port });
			assert.equal(playlist.response.headers['content-type'], 'application/vnd.apple.mpegurl');
			assert.equal(playlist.response.headers['content-length'], '7');
		}
	});

	it('are not found outside of the open folders, whatever the path', async (t) => {
		const thread = await DeliveryThread.start(t, { media: makeMedia(t) });
		for (const target of [
			'/flv/live/test/.secret',
			'/flv/live/test',
			'/flv/live/test/',
			'/flv/../private.txt',
			'/flv/%2e%2e/private.txt',
			'/flv/..%2fprivate.txt',
			'/flv/..%5cprivate.txt',
			'/flv/../../outside.txt',
			'/flv/%2e%2e%2f%2e%2e%2foutside.txt',
			'/private.txt',
			'/etc/passwd',
			'/flv/live/test/index.flv%00.txt',
			'/flv//etc/passwd',
			'//etc/passwd',
			'/%c0%ae%c0%ae/private.txt',
			'/..',
			'/%',
		]) {
			const peer = await thread.raw(t, `GET ${target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n`);
			await until(() => peer.socket.destroyed);
			assert.match(peer.response.head, /^HTTP\/1\.1 40[04] /, target);
			assert.doesNotMatch(peer.bytes.toString(), /secret|root:/, target);
		}
	});

	it('are all that the files port serves', async (t) => {
		const thread = await DeliveryThread.start(t);
		thread.announce(new LiveStream()).gop();
		const options = { port: thread.filesPort };
		assert.equal((await thread.ask(t, 'GET', '/live/test.flv', options)).response.statusCode, 404);
		assert.equal((await thread.ask(t, 'POST', '/live/other', options)).response.statusCode, 404);
		assert.equal(thread.ingest.told.length, 0);
	});
});
