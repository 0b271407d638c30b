import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { liveResourceOf, serveLive } from '#src/delivery/live-hls.js';
import { parseMediaPath } from '#src/http/paths.js';
import { type Piece, SEGMENT_TYPE } from '#src/live/answer.js';
import { streamName } from '#src/stream-name.js';
import { until } from '../support/until.js';

const PIECE = Buffer.alloc(256 * 1024, 'x');
/** More than the kernel takes for one connection. */
const PIECES = 200;

/** A segment that grows as the test says, served to one client. */
class Growing {
	/** Pieces that were asked for. */
	asked = 0;
	readonly answered: { status: number; bytes: number }[] = [];
	response: ServerResponse | null = null;
	waiting: ((piece: Piece) => void) | null = null;
	calledOff = 0;
	readonly #port: Promise<number>;
	readonly #t: TestContext;

	constructor(t: TestContext, pieceOf: (index: number) => Piece | null) {
		this.#t = t;
		const piece = (index: number, reply: (piece: Piece) => void): (() => void) => {
			this.asked = index + 1;
			const now = pieceOf(index);
			if (now !== null) {
				reply(now);
			} else {
				this.waiting = reply;
			}
			return () => {
				this.calledOff++;
			};
		};
		const live = {
			get: () => ({
				ask: (_: unknown, __: string, reply: (answer: never) => void) => {
					reply({ status: 200, contentType: SEGMENT_TYPE, maxAgeSeconds: 0, body: { piece } } as never);
					return () => undefined;
				},
			}),
		};
		const server = createServer((request, response) => {
			this.response = response;
			const done = (status: number, bytes: number): void => {
				this.answered.push({ status, bytes });
			};
			const files = { exchange: () => ({ request, response, fields: [], vary: '', done }) };
			serveLive(
				{ live, files },
				request,
				response,
				{
					name: streamName('a', 'b'),
					resource: liveResourceOf(parseMediaPath('/hls/a/b/live_video_1_2.m4s')!)!,
					query: '',
				},
				{},
			);
		});
		t.after(() => {
			server.close();
			server.closeAllConnections();
		});
		this.#port = new Promise((resolve) => {
			server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
		});
	}

	async request(method = 'GET', version = '1.1'): Promise<{ socket: Socket; received: () => string }> {
		const socket = connect(await this.#port, '127.0.0.1');
		let text = '';
		socket.on('data', (bytes) => {
			text += bytes.toString('latin1');
		});
		this.#t.after(() => socket.destroy());
		socket.write(`${method} / HTTP/${version}\r\nHost: x\r\n\r\n`);
		return { socket, received: () => text };
	}
}

describe('a segment that is being made', () => {
	it('comes in HTTP chunks as it grows', async (t) => {
		const growing = new Growing(t, (index) => (index === 0 ? Buffer.from('first') : null));
		const { received } = await growing.request();
		await until('the first chunk', () => received().endsWith('5\r\nfirst\r\n'));
		assert.match(received(), /Transfer-Encoding: chunked/i);
		assert.match(received(), /Cache-Control: no-store/i);
		assert.match(received(), /X-Accel-Buffering: no/i);
		growing.waiting!(Buffer.from('second'));
		await until('the second chunk', () => received().endsWith('6\r\nsecond\r\n'));
		growing.waiting!('end');
		await until('the end', () => received().endsWith('0\r\n\r\n'));
		await until('it is counted', () => growing.answered.length > 0);
		assert.deepEqual(growing.answered, [{ status: 200, bytes: 11 }]);
	});

	it('is not queued for a peer who reads slowly', async (t) => {
		const growing = new Growing(t, (index) => (index < PIECES ? PIECE : 'end'));
		const { socket } = await growing.request();
		socket.pause();
		await until('the socket is full', () => growing.response?.writableNeedDrain === true);
		const asked = growing.asked;
		await new Promise((resolve) => setTimeout(resolve, 100));
		assert.ok(growing.asked - asked <= 1 && growing.asked < PIECES / 2, `${growing.asked} pieces were taken`);
		assert.ok(growing.response!.writableLength <= 2 * PIECE.length, `${growing.response!.writableLength} bytes wait`);
		socket.resume();
		await until('it has all', () => growing.answered.length > 0);
		assert.deepEqual(growing.answered, [{ status: 200, bytes: PIECES * PIECE.length }]);
	});

	it('is cut off when it is lost, so that nobody takes it for whole', async (t) => {
		const growing = new Growing(t, (index) => (index === 0 ? Buffer.from('first') : 'lost'));
		const { socket, received } = await growing.request();
		await new Promise((resolve) => socket.once('close', resolve));
		assert.equal(received().endsWith('0\r\n\r\n'), false);
	});

	it('is not waited for any more when the peer has gone', async (t) => {
		const growing = new Growing(t, () => null);
		const { socket } = await growing.request();
		await until('it waits', () => growing.waiting !== null);
		socket.destroy();
		await until('it was called off', () => growing.calledOff > 0);
		assert.deepEqual(growing.answered, [{ status: 200, bytes: 0 }]);
	});

	it('has a head of its own', async (t) => {
		const growing = new Growing(t, () => null);
		const { received } = await growing.request('HEAD');
		await until('the head', () => received().endsWith('\r\n\r\n'));
		assert.equal(growing.asked, 0);
	});
});
