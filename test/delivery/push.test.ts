import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { buildFileHeader, buildTag } from '#src/container/flv/writer.js';
import type { ErrorCode } from '#src/errors.js';
import { Figure } from '#src/ring/layout.js';
import { RingReader } from '#src/ring/ring-reader.js';
import { DeliveryThread } from '../support/delivery-thread.js';
import { AAC_HEADER, AVC_HEADER, aacFrame, avcInter, avcKey } from '../support/flv-bodies.js';
import { until } from '../support/until.js';

const FRAMES = 60;
const FLV = flvFile(FRAMES);

describe('pushing by HTTP', () => {
	for (const [method, path] of [
		['POST', '/live/test'],
		['POST', '/live/test.flv'],
		['PUT', '/live/test?key=secret'],
	] as const) {
		it(`takes ${method} ${path}, with a length or in chunks, and answers 200 at its end`, async (t) => {
			const thread = await DeliveryThread.start(t);
			const whole = await thread.ask(t, method, path, { body: FLV, headers: { 'Content-Length': FLV.length } });
			assert.equal(whole.response.statusCode, 200);
			assert.equal(videoFrames(thread), FRAMES);
			const chunked = await thread.ask(t, method, path, { body: FLV, headers: { 'Transfer-Encoding': 'chunked' } });
			assert.equal(chunked.response.statusCode, 200);
			assert.equal(videoFrames(thread), FRAMES * 2);
			assert.deepEqual(
				thread.ended.map(({ protocol, role, app, stream, code, bytesIn }) => [
					protocol,
					role,
					app,
					stream,
					code,
					bytesIn,
				]),
				Array(2).fill(['http-flv', 'publisher', 'live', 'test', 'STREAM_ENDED', FLV.length]),
			);
			const { publisher } = thread.ingest.told.find((message) => message.type === 'publish-request')!;
			assert.equal(publisher.query, path.includes('?') ? 'key=secret' : '');
			assert.match(publisher.address, /^127\.0\.0\.1:\d+$/);
		});
	}

	it('takes bytes cut anywhere', async (t) => {
		const thread = await DeliveryThread.start(t);
		const { request, answer } = openPush(t, thread);
		for (let at = 0; at < FLV.length; at += 13) {
			request.write(FLV.subarray(at, at + 13));
			if (at % 91 === 0) {
				await new Promise((resolve) => setImmediate(resolve));
			}
		}
		request.end();
		assert.equal((await answer).status, 200);
		assert.equal(videoFrames(thread), FRAMES);
	});

	it('takes the body of a request that offers h2c, as Java does, cut anywhere', async (t) => {
		const chunked = [Buffer.from(`${FLV.length.toString(16)}\r\n`), FLV, Buffer.from('\r\n0\r\n\r\n')];
		for (const [framing, body] of [
			[`Content-Length: ${FLV.length}`, FLV],
			['Transfer-Encoding: chunked', Buffer.concat(chunked)],
		] as const) {
			const head =
				'POST /live/test HTTP/1.1\r\nHost: test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n' +
				`HTTP2-Settings: AAMAAABkAAQBAAAAAAIAAAAA\r\n${framing}\r\n\r\n`;
			for (const cut of [0, 1, 100, body.length - 1, body.length]) {
				const thread = await DeliveryThread.start(t);
				const push = await thread.raw(t, Buffer.concat([Buffer.from(head), body.subarray(0, cut)]));
				await until(() => thread.ingest.told.length > 0);
				push.socket.write(body.subarray(cut));
				await until(() => push.bytes.includes('HTTP/1.1 '));
				assert.match(push.response.head, /^HTTP\/1\.1 200 /, `${framing}, cut at ${cut}`);
				assert.equal(videoFrames(thread), FRAMES, `${framing}, cut at ${cut}`);
			}
		}
	});

	it('asks for the body only when the verdict is there', async (t) => {
		const thread = await DeliveryThread.start(t);
		thread.ingest.grants = false;
		const { request, answer } = openPush(t, thread, { Expect: '100-continue' });
		let continued = false;
		request.on('continue', () => {
			continued = true;
			request.end(FLV);
		});
		request.flushHeaders();
		await until(() => thread.ingest.told.length === 1);
		assert.equal(continued, false);
		thread.ingest.grantAll();
		assert.equal((await answer).status, 200);
		assert.equal(continued, true);
	});

	for (const [code, status] of [
		['PUBLISH_CONFLICT', 409],
		['PUBLISH_REFUSED', 403],
		['STREAM_LIMIT', 503],
	] as const) {
		it(`answers ${status} when the verdict is ${code}, while the peer is still sending`, async (t) => {
			const thread = await DeliveryThread.start(t);
			thread.ingest.grants = false;
			const { request, answer } = openPush(t, thread);
			request.write(FLV);
			await until(() => thread.ingest.told.length === 1);
			thread.ingest.refuseAll(code, 'as the test wants it');
			const { status: seen, body } = await answer;
			assert.equal(seen, status);
			assert.deepEqual(JSON.parse(body), { code, message: `${message(code)}: as the test wants it` });
			assert.deepEqual(
				thread.ended.map((line) => line['code']),
				[code],
			);
		});
	}

	it('answers 400 when the body is no FLV', async (t) => {
		const thread = await DeliveryThread.start(t);
		const { response, body } = await thread.ask(t, 'POST', '/live/test', {
			body: Buffer.from('GIF89a, not FLV at all'),
		});
		assert.equal(response.statusCode, 400);
		assert.match(body.toString(), /"FLV_SIGNATURE"/);
		assert.equal(response.headers.connection, 'close');
	});

	it('answers 400 for a name that is none', async (t) => {
		const thread = await DeliveryThread.start(t);
		const { response, body } = await thread.ask(t, 'POST', '/live/..%2fetc', { body: FLV });
		assert.equal(response.statusCode, 400);
		assert.match(body.toString(), /"NAME_INVALID"/);
		assert.equal(thread.ingest.told.length, 0);
	});

	it('ends the publication when the peer is lost', async (t) => {
		const thread = await DeliveryThread.start(t);
		const { request, answer } = openPush(t, thread);
		request.write(FLV);
		await until(() => thread.ingest.requests.publications === 1);
		request.destroy();
		await assert.rejects(answer);
		await until(() => thread.ingest.news().length === 1);
		assert.deepEqual(thread.ingest.news(), ['publication-ended PEER_GONE']);
		assert.equal(thread.counters.get('sessionsAccepted'), 1);
		assert.equal(thread.counters.closed('HTTP_REQUEST'), 0);
		assert.deepEqual(
			thread.ended.map(({ code }) => code),
			['PEER_GONE'],
		);
	});

	it('answers what ended the publication from the other side', async (t) => {
		const thread = await DeliveryThread.start(t);
		const { request, answer } = openPush(t, thread);
		request.write(FLV);
		await until(() => thread.ingest.requests.publications === 1);
		const publicationId = thread.ingest.lastId;
		thread.ingest.requests.handle({ type: 'revoke', publicationId, code: 'PUBLISH_REPLACED', message: 'by a test' });
		assert.equal((await answer).status, 409);
	});

	it('answers 503 when the ingest thread dies, and while there is none', async (t) => {
		const thread = await DeliveryThread.start(t);
		const { request, answer } = openPush(t, thread);
		request.write(FLV);
		await until(() => thread.ingest.requests.publications === 1);
		thread.role.handle({ type: 'push-port-closed', index: 0 });
		assert.equal((await answer).status, 503);
		assert.equal((await thread.ask(t, 'POST', '/live/test', { body: FLV })).response.statusCode, 503);
	});

	it('lets a peer that sends faster than it is parsed wait', async (t) => {
		const thread = await DeliveryThread.start(t);
		const { request, answer } = openPush(t, thread);
		const big = flvFile(2000, 10_000);
		request.end(big);
		assert.equal((await answer).status, 200);
		assert.equal(videoFrames(thread), 2000);
	});
});

describe('pushing by WebSocket', () => {
	for (const [path, protocols] of [
		['/live/test', []],
		['/live/test.flv', ['publisher']],
		['/live/test.flv', ['post']],
	] as const) {
		it(`takes ${path} with sub-protocols [${protocols}], in messages and fragments cut anywhere`, async (t) => {
			const thread = await DeliveryThread.start(t);
			for (const size of [1, 7, 100, FLV.length]) {
				const socket = await openSocket(t, thread, path, [...protocols]);
				for (let at = 0; at < FLV.length; at += size) {
					socket.send(FLV.subarray(at, at + size), { fin: at % 3 === 0 || at + size >= FLV.length });
				}
				socket.close(1000);
				await new Promise((resolve) => socket.once('close', resolve));
			}
			await until(() => thread.ended.length === 4);
			assert.equal(videoFrames(thread), FRAMES * 4);
			assert.deepEqual(
				thread.ended.map(({ protocol, role, code, bytesIn }) => [protocol, role, code, bytesIn]),
				Array(4).fill(['ws-flv', 'publisher', 'STREAM_ENDED', FLV.length]),
			);
		});
	}

	it('refuses with an HTTP status before the upgrade', async (t) => {
		const thread = await DeliveryThread.start(t);
		thread.ingest.grants = false;
		const opening = openSocket(t, thread, '/live/test');
		await until(() => thread.ingest.told.length === 1);
		thread.ingest.refuseAll('PUBLISH_CONFLICT', 'as the test wants it');
		await assert.rejects(opening, /409/);
	});

	for (const [what, send, code, close] of [
		['a text message', (socket: WebSocket) => socket.send('hello'), 'WS_PROTOCOL', 1003],
		['bytes that are no FLV', (socket: WebSocket) => socket.send(Buffer.alloc(64)), 'FLV_SIGNATURE', 1007],
		['a message beyond the limit', (socket: WebSocket) => socket.send(Buffer.alloc(17 << 20)), 'WS_PROTOCOL', 1009],
	] as const) {
		it(`closes with ${close} after ${what}`, async (t) => {
			const thread = await DeliveryThread.start(t);
			const socket = await openSocket(t, thread, '/live/test');
			socket.on('error', () => socket.terminate());
			const closed = new Promise((resolve) => socket.once('close', resolve));
			send(socket);
			assert.equal(await closed, close);
			await until(() => thread.ended.length === 1);
			assert.equal(thread.ended[0]!['code'], code);
			await until(() => thread.ingest.requests.publications === 0);
		});
	}

	it('closes when the publication is over', async (t) => {
		const thread = await DeliveryThread.start(t);
		const socket = await openSocket(t, thread, '/live/test');
		const publicationId = thread.ingest.lastId;
		thread.ingest.requests.handle({ type: 'revoke', publicationId, code: 'SESSION_KICKED', message: 'by a test' });
		const [code, reason] = await new Promise<[number, Buffer]>((resolve) =>
			socket.once('close', (...values) => resolve(values)),
		);
		assert.deepEqual([code, reason.toString()], [1008, 'SESSION_KICKED']);
	});

	it('ends the publication when the peer is lost, before and after the verdict', async (t) => {
		const thread = await DeliveryThread.start(t);
		const socket = await openSocket(t, thread, '/live/test');
		socket.terminate();
		await until(() => thread.ended.length === 1);
		thread.ingest.grants = false;
		const opening = openSocket(t, thread, '/live/test');
		await until(() => thread.ingest.told.filter(({ type }) => type === 'publish-request').length === 2);
		const second = sockets.at(-1)!;
		second.terminate();
		await assert.rejects(opening);
		await until(() => thread.ended.length === 2);
		thread.ingest.grantAll();
		await until(() => thread.ingest.news().length === 2);
		assert.equal(thread.ingest.requests.publications, 0);
	});
});

const sockets: WebSocket[] = [];

function openSocket(
	t: TestContext,
	thread: DeliveryThread,
	path: string,
	protocols: string[] = [],
): Promise<WebSocket> {
	const socket = new WebSocket(`ws://127.0.0.1:${thread.port}${path}`, protocols);
	sockets.push(socket);
	t.after(() => socket.terminate());
	return new Promise((resolve, reject) => {
		socket.once('open', () => resolve(socket));
		socket.once('error', reject);
	});
}

function openPush(t: TestContext, thread: DeliveryThread, headers: http.OutgoingHttpHeaders = {}) {
	const request = http.request({ host: '127.0.0.1', port: thread.port, method: 'POST', path: '/live/test', headers });
	t.after(() => request.destroy());
	const answer = new Promise<{ status: number; body: string }>((resolve, reject) => {
		request.once('error', reject);
		request.once('response', (response) => {
			const parts: Buffer[] = [];
			response.on('data', (part: Buffer) => parts.push(part));
			response.once('end', () => resolve({ status: response.statusCode!, body: Buffer.concat(parts).toString() }));
		});
	});
	answer.catch(() => request.destroy());
	return { request, answer };
}

function flvFile(frames: number, extraBytes = 0): Buffer {
	const extra = Buffer.alloc(extraBytes);
	const tags = [buildTag(9, 0, AVC_HEADER), buildTag(8, 0, AAC_HEADER)];
	for (let frame = 0; frame < frames; frame++) {
		const body = frame % 20 === 0 ? avcKey(frame) : avcInter(frame);
		tags.push(buildTag(9, frame * 40, Buffer.concat([body, extra])), buildTag(8, frame * 40 + 20, aacFrame(frame)));
	}
	return Buffer.concat([buildFileHeader(true, true), ...tags]);
}

function videoFrames(thread: DeliveryThread): number {
	const grown = thread.ingest.told.findLast((message) => message.type === 'ring-grown');
	const ring = grown?.ring ?? thread.ingest.streams.get('live/test')?.info.ring;
	return ring === undefined ? 0 : new RingReader(ring).figure(Figure.videoFrames);
}

function message(code: ErrorCode): string {
	return {
		PUBLISH_CONFLICT: 'Another publisher holds the stream',
		PUBLISH_REFUSED: 'The publish was refused',
		STREAM_LIMIT: 'More live streams than limits.streams',
	}[code as 'STREAM_LIMIT'];
}
