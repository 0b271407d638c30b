import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { DeliveryThread } from '../support/delivery-thread.js';
import { assertContinuous, parseFlv, serials } from '../support/flv-check.js';
import { LiveStream } from '../support/live-stream.js';
import { until } from '../support/until.js';

type Viewer = { socket: WebSocket; messages: Buffer[]; closed: Promise<[number, string]> };

describe('playing by WebSocket-FLV', () => {
	it('gives FLV in binary messages, and closes normally when the stream ends', async (t) => {
		const thread = await DeliveryThread.start(t);
		const stream = thread.announce(new LiveStream());
		stream.gop();
		const viewers = await Promise.all([open(t, thread), open(t, thread, ['flv', 'superProtocol']), open(t, thread)]);
		for (let round = 0; round < 20; round++) {
			stream.gop(5, 30_000);
			await new Promise((resolve) => setImmediate(resolve));
		}
		await until(() => viewers.every(({ messages }) => newest(messages) === stream.serial));
		thread.endStream(stream);
		for (const { messages, closed } of viewers) {
			assert.deepEqual(await closed, [1000, 'STREAM_ENDED']);
			assert.ok(messages.length > 5);
			assertContinuous(parseFlv(Buffer.concat(messages)).tags);
		}
		await until(() => thread.counters.get('currentConnections') === 0);
		assert.deepEqual(
			thread.ended.map(({ protocol, role, code }) => [protocol, role, code]),
			Array(3).fill(['ws-flv', 'player', 'STREAM_ENDED']),
		);
	});

	it('answers pings between the frames', async (t) => {
		const thread = await DeliveryThread.start(t);
		const stream = thread.announce(new LiveStream());
		stream.gop();
		const { socket, messages } = await open(t, thread);
		let pongs = 0;
		socket.on('pong', () => {
			pongs++;
		});
		for (let round = 0; round < 50; round++) {
			stream.gop(3, 50_000);
			socket.ping();
			socket.send('still here');
			await new Promise((resolve) => setImmediate(resolve));
		}
		await until(() => pongs === 50 && newest(messages) === stream.serial);
		assertContinuous(parseFlv(Buffer.concat(messages)).tags);
	});

	it('answers the closing handshake of a viewer that leaves', async (t) => {
		const thread = await DeliveryThread.start(t);
		thread.announce(new LiveStream()).gop();
		const { socket, closed } = await open(t, thread);
		socket.close(1000, 'bye');
		assert.equal((await closed)[0], 1000);
		await until(() => thread.ended.length === 1);
		assert.equal(thread.ended[0]!['code'], 'PEER_GONE');
		assert.equal(thread.counters.stream(1, 'current:ws-flv'), 0);
	});

	it('closes a viewer that sends too much with the code for it', async (t) => {
		const thread = await DeliveryThread.start(t);
		thread.announce(new LiveStream()).gop();
		const { socket, closed } = await open(t, thread);
		socket.send(Buffer.alloc(100_000));
		assert.equal((await closed)[0], 1009);
		await until(() => thread.counters.get('currentConnections') === 0);
	});

	it('refuses a stream that is not there before the upgrade', async (t) => {
		const thread = await DeliveryThread.start(t);
		await assert.rejects(open(t, thread), /404/);
		assert.equal(thread.ended[0]!['code'], 'STREAM_NOT_FOUND');
	});

	it('tells a page, which cannot read a status, by the code and sentence of a close frame', async (t) => {
		const thread = await DeliveryThread.start(t);
		const socket = new WebSocket(`ws://127.0.0.1:${thread.port}/live/none.flv`, { origin: 'https://tv.example' });
		const closed = new Promise((resolve) => {
			socket.on('close', (code, reason) => resolve([code, reason.toString()]));
		});
		assert.deepEqual(await closed, [4404, 'The stream is not live']);
		assert.equal(thread.ended[0]!['code'], 'STREAM_NOT_FOUND');
		await until(() => thread.counters.get('currentConnections') === 0);
	});

	it('waits for the stream when told to, and gives up at the deadline', async (t) => {
		const thread = await DeliveryThread.start(t, {
			apps: { live: { play: { missing: 'wait' } } },
			play: { waitTimeout: '50ms' },
		});
		const opening = open(t, thread);
		await until(() => thread.counters.get('sessionsAccepted') === 1);
		const stream = thread.announce(new LiveStream({ ready: false }));
		await assert.rejects(opening, /404/);
		const second = open(t, thread);
		stream.gop();
		stream.makeReady();
		const { messages } = await second;
		await until(() => messages.length > 0);
		assertContinuous(parseFlv(Buffer.concat(messages)).tags);
	});

	it('refuses what is no handshake', async (t) => {
		const thread = await DeliveryThread.start(t);
		thread.announce(new LiveStream()).gop();
		const lines = ['GET /live/test.flv HTTP/1.1', 'Host: test', 'Connection: Upgrade', 'Upgrade: websocket'];
		for (const extra of [
			[],
			['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: short'],
			['Sec-WebSocket-Version: 7', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='],
		]) {
			const peer = await thread.raw(t, `${[...lines, ...extra].join('\r\n')}\r\n\r\n`);
			await until(() => peer.socket.destroyed);
			assert.match(peer.response.head, /^HTTP\/1\.1 400 /);
		}
		assert.equal(thread.counters.closed('HTTP_REQUEST'), 3);
	});

	it('refuses pages of origins that are not allowed to push', async (t) => {
		const thread = await DeliveryThread.start(t, { http: { corsOrigins: ['https://good.example'] } });
		const push = (origin: string): Promise<unknown> =>
			new Promise((resolve, reject) => {
				const socket = new WebSocket(`ws://127.0.0.1:${thread.port}/live/pushed`, { origin });
				t.after(() => socket.terminate());
				// Granted once the connection stays open: a refused page sees it close again.
				socket.once('open', () => thread.ingest.told.length > 0 && resolve(undefined));
				socket.once('close', (code, reason) => reject(new Error(`${code} ${reason}`)));
			});
		await assert.rejects(push('https://evil.example'), /4403 The publish was refused: pages of this origin/);
		await push('https://good.example');
	});
});

function newest(messages: readonly Buffer[]): number | undefined {
	return messages.length === 0 ? undefined : serials(parseFlv(Buffer.concat(messages)).tags).at(-1);
}

async function open(t: TestContext, thread: DeliveryThread, protocols: string[] = []): Promise<Viewer> {
	const socket = new WebSocket(`ws://127.0.0.1:${thread.port}/live/test.flv`, protocols);
	t.after(() => socket.terminate());
	const messages: Buffer[] = [];
	socket.on('message', (message: Buffer, isBinary) => {
		assert.ok(isBinary);
		messages.push(message);
	});
	const closed = new Promise<[number, string]>((resolve) =>
		socket.once('close', (code, reason) => resolve([code, reason.toString()])),
	);
	await new Promise<void>((resolve, reject) => {
		socket.once('open', () => resolve());
		socket.once('error', reject);
	});
	return { socket, messages, closed };
}
