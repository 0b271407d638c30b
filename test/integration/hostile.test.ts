import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { encodeAmf } from '#src/bench/load/amf0.js';
import { FLV_HEADER } from '#src/bench/load/flv-scanner.js';
import { encodeMessage, MessageType } from '#src/bench/load/rtmp-chunks.js';
import { childrenOf } from '../support/processes.js';
import { frames, publish, viewersOf } from '../support/publish.js';
import { startServer, until } from '../support/test-server.js';

type Port = 'rtmp' | 'http' | 'files' | 'admin';
type Attack = { name: string; port: Port; bytes: readonly Buffer[] };

const HANDSHAKE = Buffer.concat([Buffer.from([3]), Buffer.alloc(1536), Buffer.alloc(1536)]);
const CHUNK_BYTES = 128;
const UPGRADE = [
	'Connection: Upgrade',
	'Upgrade: websocket',
	'Sec-WebSocket-Version: 13',
	'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

const attacks: Attack[] = [
	...(['rtmp', 'http', 'files', 'admin'] as const).map((port) => {
		return { name: 'random bytes', port, bytes: [Buffer.concat([Buffer.from([0x99]), randomBytes(4096)])] };
	}),
	...(['rtmp', 'http', 'files', 'admin'] as const).map((port) => ({ name: 'not one byte', port, bytes: [] })),
	{ name: 'half a handshake', port: 'rtmp', bytes: [HANDSHAKE.subarray(0, 700)] },
	{ name: 'a handshake and silence', port: 'rtmp', bytes: [HANDSHAKE] },
	{ name: 'a handshake byte by byte', port: 'rtmp', bytes: [...HANDSHAKE].map((byte) => Buffer.from([byte])) },
	{ name: 'chunks of streams without a beginning', port: 'rtmp', bytes: [HANDSHAKE, Buffer.alloc(64, 0xc5)] },
	{ name: 'a thousand chunk streams', port: 'rtmp', bytes: [HANDSHAKE, manyChunkStreams(1000)] },
	{
		name: 'a message of 16 MB',
		port: 'rtmp',
		bytes: [HANDSHAKE, Buffer.from('030000ffffff1400000000', 'hex'), Buffer.alloc(128)],
	},
	{ name: 'a chunk size of 0', port: 'rtmp', bytes: [HANDSHAKE, control(MessageType.setChunkSize, 0)] },
	{ name: 'nested AMF objects', port: 'rtmp', bytes: [HANDSHAKE, command(amfBomb(50_000))] },
	{ name: 'an AMF array that promises four billion members', port: 'rtmp', bytes: [HANDSHAKE, command(amfPromise())] },
	{
		name: 'AMF that ends within a string',
		port: 'rtmp',
		bytes: [HANDSHAKE, command(Buffer.from('0200ff636f6e', 'hex'))],
	},
	{ name: 'a command that is no string', port: 'rtmp', bytes: [HANDSHAKE, command(encodeAmf([1, 2, null]))] },
	{ name: 'a header that never ends', port: 'http', bytes: endlessHead() },
	{
		name: 'a header of 1 MB',
		port: 'http',
		bytes: [Buffer.from(`GET / HTTP/1.1\r\nX: ${'x'.repeat(1_000_000)}\r\n\r\n`)],
	},
	{ name: 'a push that is not FLV', port: 'http', bytes: [post('live/evil'), chunk(Buffer.alloc(500, 0x41))] },
	{ name: 'an FLV tag of 16 MB', port: 'http', bytes: [post('live/evil'), chunk(FLV_HEADER), chunk(hugeTag())] },
	{ name: 'a push chunk with no length', port: 'http', bytes: [post('live/evil'), Buffer.from('zzzz\r\n')] },
	{ name: 'a path out of the tree', port: 'http', bytes: [request('GET /../../../../etc/passwd')] },
	{ name: 'a path out of the tree, encoded', port: 'files', bytes: [request('GET /flv/%2e%2e/%2e%2e/etc/passwd')] },
	{ name: 'a name with a slash in it', port: 'http', bytes: [post('live/..%2f..%2fevil'), chunk(FLV_HEADER)] },
	{
		name: 'an unmasked WebSocket frame',
		port: 'http',
		bytes: [upgrade('live/evil'), Buffer.from('820441424344', 'hex')],
	},
	{
		name: 'a WebSocket push that is not FLV',
		port: 'http',
		bytes: [upgrade('live/evil'), maskedFrame(Buffer.alloc(100))],
	},
	{
		name: 'a WebSocket frame of 2^60 bytes',
		port: 'http',
		bytes: [upgrade('live/evil'), Buffer.from('82ff1000000000000000', 'hex')],
	},
];

test('hostile clients end their own sessions and nobody else notices', {
	concurrency: true,
	timeout: 90_000,
}, async (t) => {
	const server = await startServer(t, {
		config: { play: { missing: 'wait' }, limits: { handshakeTimeout: '1s' }, publish: { idleTimeout: '2s' } },
	});
	const role = childrenOf(server.pid);
	const publisher = await publish(t, server.rtmpUrl('live/calm'));
	const watchers = viewersOf(t, server, 'live/calm');
	await frames(watchers, 20);

	await Promise.all(
		attacks.map((attack) =>
			t.test(`${attack.port}: ${attack.name}`, async (t) => {
				const victim = new Victim(t, server.ports[attack.port], attack.bytes);
				await until(`the server closes the connection (it said ${victim.received.length} bytes)`, () => victim.closed);
				assert.doesNotMatch(victim.received.toString('latin1'), /root:x:0/, 'a file outside of the root');
			}),
		),
	);

	await frames(watchers, 50);
	assert.deepEqual(publisher.failures, []);
	for (const watcher of watchers) {
		assert.equal(watcher.failure, null);
		assert.deepEqual(watcher.viewer.check.faults, { backwardSteps: 0, missingFrames: 0, undecodable: 0 });
	}
	assert.deepEqual(childrenOf(server.pid), role, 'no process was replaced');
	assert.doesNotMatch(server.output, /TypeError|RangeError|ReferenceError/);
});

/** A client that says its piece, part by part, and then waits for the server to close. */
class Victim {
	received = Buffer.alloc(0);
	closed = false;
	readonly #socket: Socket;

	constructor(t: TestContext, port: number, parts: readonly Buffer[]) {
		this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
		this.#socket.on('data', (bytes) => {
			this.received = Buffer.concat([this.received, bytes]);
		});
		this.#socket.on('error', () => this.#socket.destroy());
		this.#socket.on('close', () => {
			this.closed = true;
		});
		t.after(() => this.#socket.destroy());
		this.#send(parts, 0);
	}

	#send(parts: readonly Buffer[], index: number): void {
		if (index < parts.length && !this.#socket.destroyed) {
			this.#socket.write(parts[index]!);
			setTimeout(() => this.#send(parts, index + 1), 10);
		}
	}
}

function control(type: number, value: number): Buffer {
	const body = Buffer.alloc(4);
	body.writeUInt32BE(value);
	return encodeMessage({ type, timestampMs: 0, streamId: 0, body }, 2, CHUNK_BYTES);
}

function command(body: Buffer): Buffer {
	return encodeMessage({ type: MessageType.command, timestampMs: 0, streamId: 0, body }, 3, CHUNK_BYTES);
}

function amfBomb(depth: number): Buffer {
	return Buffer.concat([encodeAmf(['connect', 1]), Buffer.from('03000161'.repeat(depth), 'hex')]);
}

function amfPromise(): Buffer {
	return Buffer.concat([encodeAmf(['connect', 1]), Buffer.from('0affffffff', 'hex')]);
}

/** First chunks, each of another chunk stream, of messages that are never finished. */
function manyChunkStreams(count: number): Buffer {
	const chunks = Array.from({ length: count }, (_, n) => {
		const chunk = Buffer.alloc(3 + 11 + CHUNK_BYTES);
		chunk[0] = 1; // basic header of three bytes
		chunk.writeUInt16LE(n, 1);
		chunk.writeUIntBE(100_000, 3 + 3, 3); // message length
		chunk[3 + 6] = MessageType.video;
		return chunk;
	});
	return Buffer.concat(chunks);
}

function endlessHead(): Buffer[] {
	const lines = Array.from({ length: 1000 }, (_, n) => Buffer.from(`X-${n}: 1\r\n`));
	return [Buffer.from('GET /live/x.flv HTTP/1.1\r\n'), ...lines];
}

function request(line: string, ...headers: readonly string[]): Buffer {
	return Buffer.from(`${[`${line} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`);
}

function post(stream: string): Buffer {
	return Buffer.from(`POST /${stream} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
}

function upgrade(stream: string): Buffer {
	return Buffer.from(`${[`GET /${stream} HTTP/1.1`, 'Host: x', ...UPGRADE].join('\r\n')}\r\n\r\n`);
}

function chunk(bytes: Buffer): Buffer {
	return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

function hugeTag(): Buffer {
	return Buffer.concat([Buffer.from('09ffffff00000000000000', 'hex'), Buffer.alloc(1000)]);
}

function maskedFrame(bytes: Buffer): Buffer {
	return Buffer.concat([Buffer.from([0x82, 0x80 | bytes.length, 0, 0, 0, 0]), bytes]);
}
