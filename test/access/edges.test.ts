import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import type { Verdict } from '#src/access/access.js';
import type { AccessAction } from '#src/access/request.js';
import { buildFileHeader } from '#src/container/flv/writer.js';
import { streamName } from '#src/stream-name.js';
import { DeliveryThread } from '../support/delivery-thread.js';
import { LiveStream } from '../support/live-stream.js';
import { REFUSED } from '../support/recording-access.js';
import { RtmpThread } from '../support/rtmp-thread.js';
import { until } from '../support/until.js';

const FLV_HEADER = buildFileHeader(true, true);
const AUTHORIZATION = `Basic ${Buffer.from('alice:secret').toString('base64')}`;

/** A way in or out over HTTP: the method, the path, and how the rules see it. */
const EDGES: { method: string; path: string; action: AccessAction; protocol: string }[] = [
	{ method: 'GET', path: '/live/test.flv', action: 'play', protocol: 'http-flv' },
	{ method: 'HEAD', path: '/live/test.flv', action: 'play', protocol: 'http-flv' },
	{ method: 'POST', path: '/live/test', action: 'publish', protocol: 'http-flv' },
	{ method: 'PUT', path: '/live/test.flv', action: 'publish', protocol: 'http-flv' },
	{ method: 'GET', path: '/hls/live/test/live.m3u8', action: 'view', protocol: 'hls' },
	{ method: 'HEAD', path: '/hls/live/test/live.m3u8', action: 'view', protocol: 'hls' },
	{ method: 'GET', path: '/hls/live/test/live.mpd', action: 'view', protocol: 'dash' },
	{ method: 'GET', path: '/hls/live/test/live_1.m4s', action: 'view', protocol: 'hls' },
	{ method: 'GET', path: '/hls/live/test.m3u8', action: 'view', protocol: 'hls' },
	{ method: 'GET', path: '/hls/live/test/index.m3u8', action: 'view', protocol: 'hls' },
	{ method: 'GET', path: '/hls/live/%74est/index.m3u8', action: 'view', protocol: 'hls' },
	{ method: 'GET', path: '/mp4/live/test/output_merge/index.m3u8', action: 'view', protocol: 'hls' },
	{ method: 'GET', path: '/mp4/live/test/output_separate/manifest.mpd', action: 'view', protocol: 'dash' },
	{ method: 'GET', path: '/mp4/live/test/clip.mp4', action: 'view', protocol: 'file' },
	{ method: 'GET', path: '/flv/live/test/index.flv', action: 'view', protocol: 'file' },
];

describe('the rules, at every edge of HTTP', () => {
	for (const { method, path, action, protocol } of EDGES) {
		it(`hear once of ${method} ${path} as ${action} by ${protocol}, and nothing comes past a refusal`, async (t) => {
			const thread = await DeliveryThread.start(t);
			thread.announce(new LiveStream()).gop();
			thread.access.verdict = () => REFUSED;
			const headers = { authorization: AUTHORIZATION, 'user-agent': 'test/1', referer: 'https://tv.example/' };
			const answer = await thread.ask(t, method, `${path}?key=a%20b&token=t`, { headers });
			assert.equal(answer.response.statusCode, 403);
			assert.ok(method === 'HEAD' || answer.body.toString().includes('as the test wants it'));
			assert.equal(thread.access.requests.length, 1);
			const [request] = thread.access.requests;
			assert.deepEqual(
				{ ...request, asked: { app: request!.asked.app, name: request!.asked.name }, port: 0 },
				{
					...{ action, protocol, asked: { app: 'live', name: 'test' }, query: 'key=a%20b&token=t' },
					...{ ip: '127.0.0.1', port: 0, user: 'alice', password: 'secret', token: 't' },
					...{ tcUrl: '', swfUrl: '', flashVer: '', pageUrl: 'https://tv.example/', userAgent: 'test/1' },
					...{ publishType: '', play: { start: -2, duration: -1, reset: true }, sessionId: 'test-1', number: 1 },
				},
			);
			assert.equal(thread.ingest.told.length, 0, 'the coordinator hears nothing of it');
		});
	}

	it('are not asked for pages', async (t) => {
		const thread = await DeliveryThread.start(t);
		thread.access.verdict = () => REFUSED;
		for (const path of ['/index.html', '/server.json', '/time', '/assets/style.css']) {
			await thread.ask(t, 'GET', path);
		}
		assert.deepEqual(thread.access.requests, []);
	});

	it('may take their time: a viewer gets its stream after the verdict, under its public name', async (t) => {
		const thread = await DeliveryThread.start(t);
		thread.announce(new LiveStream({ name: 'public' })).gop();
		let settle: (verdict: Verdict) => void = () => undefined;
		thread.access.verdict = () => new Promise((resolve) => (settle = resolve));
		const peer = await thread.raw(t, 'GET /live/secret.flv HTTP/1.1\r\nHost: a\r\n\r\n');
		await until(() => thread.access.requests.length === 1);
		assert.equal(peer.bytes.length, 0);
		settle({ allowed: true, name: streamName('live', 'public') });
		await until(() => peer.bytes.length > 100);
	});

	it('may take their time: a push is read after the verdict, and forgotten when its peer has left', async (t) => {
		const thread = await DeliveryThread.start(t);
		const settle: ((verdict: Verdict) => void)[] = [];
		thread.access.verdict = () => new Promise((resolve) => settle.push(resolve));
		const push = async (): Promise<{ socket: { destroy(): void } }> => {
			const peer = await thread.raw(
				t,
				'POST /live/pushed HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n',
			);
			peer.socket.write(FLV_HEADER);
			return peer;
		};
		const gone = await push();
		await until(() => settle.length === 1);
		gone.socket.destroy();
		await until(() => thread.counters.get('currentConnections') === 0);
		settle[0]!({ allowed: true, name: streamName('live', 'pushed') });
		await push();
		await until(() => settle.length === 2);
		settle[1]!({ allowed: true, name: streamName('live', 'pushed') });
		await until(() => thread.ingest.told.length === 1);
	});
});

describe('the rules, at the edges of WebSockets', () => {
	for (const { path, action } of [
		{ path: 'live/test.flv', action: 'play' },
		{ path: 'live/test', action: 'publish' },
	] as const) {
		it(`hear once of a handshake to ${action}, and refuse before the upgrade`, async (t) => {
			const thread = await DeliveryThread.start(t);
			thread.announce(new LiveStream()).gop();
			thread.access.verdict = () => REFUSED;
			const socket = new WebSocket(`ws://127.0.0.1:${thread.port}/${path}?token=t`);
			await assert.rejects(opened(t, socket), /403/);
			assert.equal(thread.access.requests.length, 1);
			const [request] = thread.access.requests;
			assert.deepEqual([request?.action, request?.protocol, request?.token], [action, 'ws-flv', 't']);
		});
	}
});

describe('the rules, at the edges of RTMP', () => {
	it('hear of a publish with what connect said, and refuse it before the coordinator hears of it', async (t) => {
		const thread = await RtmpThread.start(t);
		thread.access.verdict = () => REFUSED;
		const client = await thread.connect(t, 'live', { connectProperties: { pageUrl: 'https://tv.example/' } });
		await assert.rejects(
			client.publish('cam?user=alice&pass=secret'),
			/NetStream\.Publish\.Denied .*as the test wants it/,
		);
		assert.deepEqual(thread.requests.publications, []);
		const [request] = thread.access.requests;
		const { action, asked, protocol, user, password, query, pageUrl, publishType, ip } = request!;
		assert.deepEqual(
			{ action, asked, protocol, user, password, query, pageUrl, publishType, ip },
			{
				...{
					action: 'publish',
					asked: { app: 'live', name: 'cam' },
					protocol: 'rtmp',
					user: 'alice',
					password: 'secret',
				},
				...{ query: 'user=alice&pass=secret', pageUrl: 'https://tv.example/', publishType: 'live', ip: '127.0.0.1' },
			},
		);
		assert.match(request!.tcUrl, /^rtmp:\/\/127\.0\.0\.1:\d+\/live$/);
	});

	it('hear of a play, and refuse it', async (t) => {
		const thread = await RtmpThread.start(t);
		thread.announce(new LiveStream());
		thread.access.verdict = () => REFUSED;
		const client = await thread.connect(t, 'live');
		await assert.rejects(
			client.play('test', () => undefined),
			/NetStream\.Play\.Failed .*as the test wants it/,
		);
		assert.deepEqual(
			thread.access.requests.map(({ action, asked }) => [action, asked]),
			[['play', { app: 'live', name: 'test' }]],
		);
	});

	for (const wish of ['publish', 'play'] as const) {
		it(`may take their time: a ${wish} whose session has ended meanwhile asks for nothing`, async (t) => {
			const thread = await RtmpThread.start(t);
			thread.announce(new LiveStream());
			let settle: (verdict: Verdict) => void = () => undefined;
			const verdict = new Promise<Verdict>((resolve) => (settle = resolve));
			thread.access.verdict = () => verdict;
			const client = await thread.connect(t, 'live', { connectProperties: { capsEx: 0 } });
			const asked = wish === 'publish' ? client.publish('test') : client.play('test', () => undefined);
			const over = assert.rejects(asked);
			await until('the rules are asked', () => thread.access.requests.length === 1);
			void thread.server.drain(0);
			await over;
			settle({ allowed: true, name: streamName('live', 'test') });
			await verdict;
			await new Promise((resolve) => setImmediate(resolve));
			assert.deepEqual(thread.requests.publications, []);
			assert.equal(thread.hubs.subscribers, 0);
		});
	}

	it('name the stream that is published', async (t) => {
		const thread = await RtmpThread.start(t);
		thread.access.verdict = async () => ({ allowed: true, name: streamName('live', 'public') });
		const client = await thread.connect(t, 'live');
		await client.publish('a secret key/with ~ everything');
		assert.equal(thread.requests.publications[0]?.name.key, 'live/public');
		client.close();
		await until(() => thread.logged.some(({ msg }) => msg === 'session ended'));
		assert.doesNotMatch(JSON.stringify(thread.logged), /secret/);
	});
});

function opened(t: TestContext, socket: WebSocket): Promise<void> {
	t.after(() => socket.terminate());
	return new Promise((resolve, reject) => {
		socket.once('open', () => resolve());
		socket.once('error', reject);
	});
}
