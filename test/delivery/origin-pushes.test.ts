import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { OriginPushes } from '#src/delivery/origin-pushes.js';
import type { PushChannel } from '#src/delivery/push-gate.js';
import type { Reason } from '#src/errors.js';
import { streamName } from '#src/stream-name.js';
import { until } from '../support/until.js';

const PUBLISHER = { protocol: 'ws-flv', address: '192.0.2.7:4000', query: 'key=a%20b' } as const;

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** An origin process that treats pushes as `handler` says, and one push to it. */
async function push(
	t: TestContext,
	handler: Handler,
): Promise<{ channel: PushChannel; events: string[]; end: () => Reason | null }> {
	const directory = mkdtempSync(path.join(tmpdir(), 'millrace-pushes-'));
	const socketPath = path.join(directory, 'origin.sock');
	const server = http.createServer(handler).on('checkContinue', handler).listen(socketPath);
	t.after(() => {
		server.closeAllConnections();
		server.close();
		rmSync(directory, { recursive: true });
	});
	await once(server, 'listening');
	const events: string[] = [];
	let end: Reason | null = null;
	const channel = new OriginPushes(socketPath).open(streamName('live', 'a'), PUBLISHER, {
		granted: () => events.push('granted'),
		room: () => events.push('room'),
		closed: (error) => {
			events.push('closed');
			end = error;
		},
	});
	return { channel, events, end: () => end };
}

describe('pushes on their way to the origin process', () => {
	it('begin with its verdict, say whose they are, and end when it has taken everything', async (t) => {
		let seen: IncomingMessage | null = null;
		let body = '';
		const { channel, events, end } = await push(t, (request, response) => {
			seen = request;
			response.writeContinue();
			request.setEncoding('latin1').on('data', (text: string) => {
				body += text;
			});
			request.on('end', () => response.end());
		});
		await until('granted', () => events.length === 1);
		const { method, url, headers } = seen!;
		assert.deepEqual([method, url], ['POST', '/live/a?key=a%20b']);
		assert.equal(headers['x-millrace-publisher'], 'ws-flv 192.0.2.7:4000');
		assert.equal(channel.write(Buffer.from('FLV')), true);
		channel.finish();
		await until('closed', () => end() !== null);
		assert.equal(body, 'FLV');
		assert.equal(end()?.code, 'STREAM_ENDED');
		assert.deepEqual(events, ['granted', 'closed']);
	});

	it('are refused with its words, before or after the verdict', async (t) => {
		const refusal = { code: 'PUBLISH_CONFLICT', message: 'Another publisher holds the stream: since noon' } as const;
		for (const granted of [false, true]) {
			const { events, end } = await push(t, (request, response) => {
				if (granted) {
					response.writeContinue();
				}
				request.resume();
				response.writeHead(409).end(JSON.stringify(refusal));
			});
			await until('closed', () => end() !== null);
			assert.deepEqual(end(), refusal);
			assert.deepEqual(events, granted ? ['granted', 'closed'] : ['closed']);
		}
	});

	it('wait for room when it reads nothing', async (t) => {
		let request: IncomingMessage | null = null;
		const { channel, events } = await push(t, (received, response) => {
			request = received;
			response.writeContinue();
		});
		await until('granted', () => events.length === 1);
		const piece = Buffer.alloc(64 * 1024);
		let written = 0;
		while (channel.write(piece)) {
			written += piece.length;
			assert.ok(written < 64 * 1024 * 1024, 'no end of room');
		}
		assert.deepEqual(events, ['granted']);
		request!.resume();
		await until('room', () => events.includes('room'));
		channel.abort('PEER_GONE');
	});

	it('end when it is gone, and tell it when the publisher is', async (t) => {
		const lost = await push(t, (request) => request.socket.destroy());
		await until('closed', () => lost.end() !== null);
		assert.equal(lost.end()?.code, 'SERVER_STOPPING');

		let request: IncomingMessage | null = null;
		const left = await push(t, (received, response) => {
			request = received;
			response.writeContinue();
		});
		await until('granted', () => left.events.length === 1);
		left.channel.abort('PEER_GONE');
		await until('told', () => request!.destroyed);
		assert.deepEqual(left.events, ['granted'], 'nothing follows');
	});
});
