import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type DeliveryThread, DeliveryThread as Thread } from '../support/delivery-thread.js';
import { assertContinuous, assertDecodable, parseFlv, parseTags, serials, unchunk } from '../support/flv-check.js';
import { LiveStream } from '../support/live-stream.js';
import { until } from '../support/until.js';

const GET = 'GET /live/test.flv HTTP/1.1\r\nHost: test\r\n\r\n';

describe('playing by HTTP-FLV', () => {
	it('answers with the head that players and proxies want, then chunks of FLV until the stream ends', async (t) => {
		const thread = await Thread.start(t);
		const stream = thread.announce(new LiveStream());
		stream.gop();
		const viewer = await thread.raw(t, GET);
		await until(() => viewer.response.body.length > 0);
		for (let round = 0; round < 20; round++) {
			stream.gop();
			await new Promise((resolve) => setImmediate(resolve));
		}
		thread.endStream(stream);
		await until(() => viewer.socket.destroyed);
		const { head, body } = viewer.response;
		assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
		for (const line of [
			'Content-Type: video/x-flv',
			'Cache-Control: no-store',
			'X-Accel-Buffering: no',
			'Connection: close',
			'Transfer-Encoding: chunked',
			'Access-Control-Allow-Origin: *',
		]) {
			assert.ok(head.split('\r\n').includes(line), line);
		}
		const { body: flv, ended } = unchunk(body);
		assert.equal(ended, true);
		assert.equal(parseFlv(flv).flags, 5);
		assertContinuous(parseFlv(flv).tags);
		assert.equal(serials(parseFlv(flv).tags).at(-1), stream.serial);
		assert.deepEqual(
			thread.ended.map(({ protocol, role, app, stream, code, bytesOut }) => [
				protocol,
				role,
				app,
				stream,
				code,
				bytesOut,
			]),
			[['http-flv', 'player', 'live', 'test', 'STREAM_ENDED', body.length]],
		);
		assert.equal(thread.counters.closed('STREAM_ENDED'), 1);
		await until(() => thread.counters.get('currentConnections') === 0);
	});

	it('delimits by close for HTTP/1.0', async (t) => {
		const thread = await Thread.start(t);
		const stream = thread.announce(new LiveStream());
		stream.gop();
		const viewer = await thread.raw(t, 'GET /live/test.flv HTTP/1.0\r\n\r\n');
		await until(() => viewer.response.body.length > 0);
		thread.endStream(stream);
		await until(() => viewer.socket.destroyed);
		const { head, body } = viewer.response;
		assert.doesNotMatch(head, /Transfer-Encoding/i);
		assertContinuous(parseFlv(body).tags);
		assert.equal(parseTags(body.subarray(13)).length, parseFlv(body).tags.length);
	});

	it('says what tracks there are', async (t) => {
		const thread = await Thread.start(t);
		for (const [name, audio, video, flags] of [
			['sound', true, false, 4],
			['picture', false, true, 1],
		] as const) {
			const stream = thread.announce(new LiveStream({ name, audio, video }));
			stream.writer.markStartPoint(stream.dtsMs);
			if (audio) {
				stream.audio();
			} else {
				stream.video(true);
			}
			const viewer = await thread.raw(t, GET.replace('test', name));
			await until(() => unchunk(viewer.response.body).body.length > 0);
			assert.equal(parseFlv(unchunk(viewer.response.body).body).flags, flags);
		}
	});

	it('answers HEAD without a body and without a viewer', async (t) => {
		const thread = await Thread.start(t);
		thread.announce(new LiveStream()).gop();
		const found = await thread.ask(t, 'HEAD', '/live/test.flv');
		assert.equal(found.response.statusCode, 200);
		assert.equal(found.response.headers['content-type'], 'video/x-flv');
		assert.equal(found.body.length, 0);
		assert.equal((await thread.ask(t, 'HEAD', '/live/other.flv')).response.statusCode, 404);
		assert.equal(thread.counters.stream(1, 'current:http-flv'), 0);
	});

	it('answers 404 with a reason for a stream that is not there, and keeps the connection', async (t) => {
		const thread = await Thread.start(t);
		const peer = await thread.raw(t, GET + GET);
		await until(() => peer.bytes.toString().split('STREAM_NOT_FOUND').length === 3);
		assert.match(peer.response.head, /^HTTP\/1\.1 404 Not Found\r\n/);
		assert.match(peer.response.head, /Access-Control-Allow-Origin: \*/);
		assert.equal(peer.socket.destroyed, false);
		assert.deepEqual(
			thread.ended.map(({ code }) => code),
			['STREAM_NOT_FOUND', 'STREAM_NOT_FOUND'],
		);
	});

	it('waits for the stream and its first keyframe before it answers, when told to', async (t) => {
		const thread = await Thread.start(t, { play: { missing: 'wait' } });
		const viewer = await thread.raw(t, GET);
		const stream = new LiveStream({ ready: false });
		await until(() => thread.counters.get('sessionsAccepted') === 1);
		thread.announce(stream);
		stream.video(false);
		stream.makeReady();
		await new Promise((resolve) => setTimeout(resolve, 30));
		assert.equal(viewer.bytes.length, 0, 'no head before there is media');
		stream.gop();
		await until(() => unchunk(viewer.response.body).body.length > 0);
		assertContinuous(parseFlv(unchunk(viewer.response.body).body).tags);
	});

	it('answers 404 when the wait is over, with or without a stream', async (t) => {
		const thread = await Thread.start(t, { play: { missing: 'wait', waitTimeout: '50ms' } });
		const never = await thread.ask(t, 'GET', '/live/never.flv');
		assert.equal(never.response.statusCode, 404);
		thread.announce(new LiveStream({ ready: false }));
		const empty = await thread.ask(t, 'GET', '/live/test.flv');
		assert.equal(empty.response.statusCode, 404);
		assert.match(empty.body.toString(), /STREAM_NOT_FOUND/);
		assert.equal(empty.response.headers['access-control-allow-origin'], '*');
	});

	it('forgets a viewer that leaves while it waits, while it plays, and at half close', async (t) => {
		const thread = await Thread.start(t, { play: { missing: 'wait' } });
		const waiting = await thread.raw(t, GET.replace('test', 'other'));
		const stream = thread.announce(new LiveStream());
		stream.gop();
		const playing = await thread.raw(t, GET);
		const halfClosed = await thread.raw(t, GET);
		await until(() => playing.bytes.length > 0 && halfClosed.bytes.length > 0);
		assert.equal(thread.counters.stream(1, 'current:http-flv'), 2);
		waiting.socket.destroy();
		playing.socket.destroy();
		halfClosed.socket.end();
		await until(() => thread.ended.length === 3);
		assert.deepEqual(
			thread.ended.map(({ code }) => code),
			['PEER_GONE', 'PEER_GONE', 'PEER_GONE'],
		);
		assert.equal(thread.counters.stream(1, 'current:http-flv'), 0);
		await until(() => thread.counters.get('currentConnections') === 0);
	});

	it('serves the next request behind a page on the same connection', async (t) => {
		const thread = await Thread.start(t);
		thread.announce(new LiveStream()).gop();
		const peer = await thread.raw(t, 'GET /live/none.flv HTTP/1.1\r\nHost: test\r\n\r\n');
		await until(() => peer.bytes.includes('}\n'));
		peer.socket.write(GET);
		await until(() => peer.bytes.includes('FLV'));
	});

	it('gives viewers that join at any moment the same frames, merged or not', async (t) => {
		for (const mergeWindow of [0, 25]) {
			const thread = await Thread.start(t, { play: { mergeWindow } });
			const stream = thread.announce(new LiveStream());
			stream.gop(3);
			const viewers: Awaited<ReturnType<DeliveryThread['raw']>>[] = [];
			for (let step = 0; step < 100; step++) {
				stream.video(step % 25 === 0, 500 + ((step * 7919) % 9000));
				stream.audio();
				if (step % 4 === 0) {
					viewers.push(await thread.raw(t, GET));
				}
				if (step === 50) {
					stream.grow(2 ** 22);
					thread.role.handle({ type: 'stream-ring', streamId: stream.info.streamId, ring: stream.info.ring });
				}
				await new Promise((resolve) => setImmediate(resolve));
			}
			await until(() => thread.counters.stream(1, 'current:http-flv') === viewers.length);
			thread.endStream(stream);
			await until(() => viewers.every(({ socket }) => socket.destroyed));
			for (const viewer of viewers) {
				const { tags } = parseFlv(unchunk(viewer.response.body).body);
				assertContinuous(tags);
				assert.equal(serials(tags).at(-1), stream.serial);
			}
		}
	});

	it('keeps slow viewers from harming anyone: they skip to a keyframe and go on', async (t) => {
		// However long it takes, nobody is to be closed.
		const thread = await Thread.start(t, { play: { maxLag: '1h' } });
		const stream = thread.announce(new LiveStream({ ringBytes: 2 ** 21 }));
		stream.gop();
		const [healthy, ...slow] = await openViewers(t, thread, 21);
		for (const { socket } of slow) {
			socket.pause();
		}
		// More than the kernel holds for each and the ring for all.
		for (let round = 0; round < 120; round++) {
			stream.gop(10, 20_000);
			await until(() => healthy!.socket.bytesRead > (round + 1) * 200_000);
		}
		await until(() => newestSerial(healthy!) === stream.serial);
		for (const { socket } of slow) {
			socket.resume();
		}
		stream.gop();
		await until(() => slow.every((viewer) => newestSerial(viewer) === stream.serial));
		thread.endStream(stream);
		assertContinuous(parseFlv(unchunk(healthy!.response.body).body).tags);
		for (const viewer of slow) {
			assert.ok(assertDecodable(parseFlv(unchunk(viewer.response.body).body).tags) > 0);
		}
		assert.ok(thread.counters.stream(1, 'skips') >= slow.length);
	});

	it('closes a viewer that stays behind, and says so', async (t) => {
		const thread = await Thread.start(t, { play: { maxLag: '300ms' } });
		const stream = thread.announce(new LiveStream());
		stream.gop();
		const [stuck] = await openViewers(t, thread, 1);
		stuck!.socket.pause();
		while (thread.ended.length === 0) {
			stream.gop(10, 20_000);
			await new Promise((resolve) => setTimeout(resolve, 2));
		}
		assert.equal(thread.ended[0]!['code'], 'SUBSCRIBER_LAGGING');
		assert.equal(thread.counters.stream(1, 'lagClosed'), 1);
	});
});

/**
 * The serial number of the newest frame, without a look at all earlier ones: its body's end, previous tag size, the
 * chunk's end.
 */
function newestSerial({ response: { body } }: { response: { body: Buffer } }): number {
	return body.length < 10 ? 0 : body.readUInt32BE(body.length - 10);
}

async function openViewers(t: TestContext, thread: DeliveryThread, count: number) {
	const viewers = await Promise.all(Array.from({ length: count }, () => thread.raw(t, GET)));
	await until(() => viewers.every(({ response }) => response.body.length > 0));
	return viewers;
}
