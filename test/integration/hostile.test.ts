import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { ErrorCode } from '#src/errors.js';
import { encodeAmf } from '#src/tools/load/amf0.js';
import { FLV_HEADER } from '#src/tools/load/flv-scanner.js';
import { encodeMessage, MessageType } from '#src/tools/load/rtmp-chunks.js';
import { patient, slowed } from '../support/patience.js';
import { childrenOf } from '../support/processes.js';
import { frames, publish, viewersOf } from '../support/publish.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { until } from '../support/until.js';

type Port = 'rtmp' | 'http' | 'files' | 'admin';
/** `codes`: what is counted; nothing where the answer is an ordinary one, and on the admin port. */
type Attack = { name: string; port: Port; bytes: readonly Buffer[]; codes: readonly ErrorCode[] };

const HANDSHAKE = Buffer.concat([Buffer.from([3]), Buffer.alloc(1536), Buffer.alloc(1536)]);
const CHUNK_BYTES = 128;
const UPGRADE = [
	'Connection: Upgrade',
	'Upgrade: websocket',
	'Sec-WebSocket-Version: 13',
	'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

function rtmp(name: string, code: ErrorCode, ...bytes: Buffer[]): Attack {
	return { name, port: 'rtmp', bytes, codes: [code] };
}

function http(name: string, code: ErrorCode | null, ...bytes: Buffer[]): Attack {
	return { name, port: 'http', bytes, codes: code === null ? [] : [code] };
}

/** The bytes of a peer that has been allowed to publish. */
function rtmpPublisher(name: string, code: ErrorCode, ...bytes: Buffer[]): Attack {
	const connect = command(encodeAmf(['connect', 1, { app: 'live', tcUrl: 'rtmp://x/live' }]));
	const publish = encodeAmf(['publish', 3, null, name.replaceAll(' ', '-'), 'live']);
	return rtmp(
		name,
		code,
		HANDSHAKE,
		connect,
		command(encodeAmf(['createStream', 2, null])),
		command(publish, 1),
		...bytes,
	);
}

const attacks: Attack[] = [
	rtmp('random bytes', 'RTMP_VERSION', garbage()),
	http('random bytes', 'HTTP_REQUEST', garbage()),
	{ ...http('random bytes', 'HTTP_REQUEST', garbage()), port: 'files' },
	{ ...http('random bytes', null, garbage()), port: 'admin' },
	rtmp('not one byte', 'HANDSHAKE_TIMEOUT'),
	http('not one byte', 'HANDSHAKE_TIMEOUT'),
	{ ...http('not one byte', 'HANDSHAKE_TIMEOUT'), port: 'files' },
	{ ...http('not one byte', null), port: 'admin' },
	rtmp('half a handshake', 'HANDSHAKE_TIMEOUT', HANDSHAKE.subarray(0, 700)),
	rtmp('a handshake and silence', 'HANDSHAKE_TIMEOUT', HANDSHAKE),
	rtmp('a handshake byte by byte', 'HANDSHAKE_TIMEOUT', ...[...HANDSHAKE].map((byte) => Buffer.from([byte]))),
	rtmp('chunks of streams without a beginning', 'RTMP_CHUNK_STREAM', HANDSHAKE, Buffer.alloc(64, 0xc5)),
	rtmp('a thousand chunk streams', 'RTMP_CHUNK_STREAM_LIMIT', HANDSHAKE, manyChunkStreams(1000)),
	rtmp('a message of 16 MB', 'RTMP_MESSAGE_TOO_LARGE', HANDSHAKE, Buffer.from('03000000ffffff1400000000', 'hex')),
	rtmp('a chunk size of 0', 'RTMP_CHUNK_SIZE', HANDSHAKE, control(MessageType.setChunkSize, 0)),
	rtmp('nested AMF objects', 'AMF_MALFORMED', HANDSHAKE, command(amfBomb(10_000))),
	rtmp('an AMF array of four billion members', 'NAME_INVALID', HANDSHAKE, command(amfPromise())),
	rtmp('AMF that ends within a string', 'AMF_MALFORMED', HANDSHAKE, command(Buffer.from('0200ff636f6e', 'hex'))),
	rtmp('a command that is no string', 'RTMP_COMMAND', HANDSHAKE, command(encodeAmf([1, 2, null]))),
	rtmpPublisher('an aggregate that lies about its parts', 'IDLE_TIMEOUT', media(22, Buffer.alloc(64, 0xff))),
	rtmpPublisher('a frame of 16 MB', 'RTMP_MESSAGE_TOO_LARGE', Buffer.from('06000000ffffff0901000000', 'hex')),
	rtmpPublisher('silence after the start', 'IDLE_TIMEOUT'),
	rtmpPublisher('only empty frames', 'IDLE_TIMEOUT', media(9, Buffer.alloc(0)), media(8, Buffer.alloc(0))),
	http('a header that never ends', 'HANDSHAKE_TIMEOUT', ...endlessHead()),
	http('a header of 1 MB', 'HTTP_REQUEST', Buffer.from(`GET / HTTP/1.1\r\nX: ${'x'.repeat(1_000_000)}\r\n\r\n`)),
	http('a push that is not FLV', 'FLV_SIGNATURE', post('live/a'), chunk(Buffer.alloc(500, 0x41))),
	http('an FLV tag of 16 MB', 'FLV_TAG_TOO_LARGE', post('live/b'), chunk(FLV_HEADER), chunk(hugeTag())),
	http(
		'an FLV header that is 4 GB long',
		'FLV_SIGNATURE',
		post('live/c'),
		chunk(Buffer.from('464c560105ffffffff', 'hex')),
	),
	// The request is refused, and the push that was under way loses its peer.
	{
		...http('a push chunk with no length', null, post('live/d'), Buffer.from('zzzz\r\n')),
		codes: ['HTTP_REQUEST', 'PEER_GONE'],
	},
	http('a path out of the tree', null, request('GET /../../../../etc/passwd')),
	{ ...http('a path out of the tree, encoded', null, request('GET /flv/%2e%2e/%2e%2e/etc/passwd')), port: 'files' },
	http('a name with a slash in it', 'NAME_INVALID', post('live/..%2f..%2fevil'), chunk(FLV_HEADER)),
	http('an unmasked WebSocket frame', 'WS_PROTOCOL', upgrade('live/e'), Buffer.from('820441424344', 'hex')),
	http('a WebSocket push that is not FLV', 'FLV_SIGNATURE', upgrade('live/f'), maskedFrame(Buffer.alloc(100))),
	http('a WebSocket frame of 2^60 bytes', 'WS_PROTOCOL', upgrade('live/g'), Buffer.from('82ff1000000000000000', 'hex')),
	http('a WebSocket text frame', 'WS_PROTOCOL', upgrade('live/h'), Buffer.from('81840000000074657874', 'hex')),
];

test('hostile clients end their own sessions and nobody else notices', {
	concurrency: true,
	timeout: patient(90_000),
}, async (t) => {
	const server = await startServer(t, {
		config: {
			play: { missing: 'wait' },
			limits: { handshakeTimeout: `${slowed(4000)}ms` },
			publish: { idleTimeout: `${slowed(6000)}ms` },
		},
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
	assert.deepEqual(await closedSessions(server), expectedCloses());

	await frames(watchers, 50);
	assert.deepEqual(publisher.failures, []);
	for (const watcher of watchers) {
		assert.equal(watcher.failure, null);
		assert.deepEqual(watcher.viewer.check.faults, { backwardSteps: 0, missingFrames: 0, undecodable: 0 });
	}
	assert.deepEqual(childrenOf(server.pid), role, 'no process was replaced');
	assert.doesNotMatch(server.output, /TypeError|RangeError|ReferenceError/);
});

/** Sessions that have ended, by code; none are left out. */
async function closedSessions(server: ServerProcess): Promise<Record<string, number>> {
	const metrics = await (await fetch(server.adminUrl('metrics'))).text();
	const counts = [...metrics.matchAll(/millrace_sessions_closed_total\{code="(\w+)"\} ([1-9]\d*)/g)];
	return Object.fromEntries(counts.map(([, code, count]) => [code, Number(count)]));
}

function expectedCloses(): Record<string, number> {
	const counts: Record<string, number> = {};
	for (const code of attacks.flatMap((attack) => attack.codes)) {
		counts[code] = (counts[code] ?? 0) + 1;
	}
	return counts;
}

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

function command(body: Buffer, streamId = 0): Buffer {
	return encodeMessage({ type: MessageType.command, timestampMs: 0, streamId, body }, 3, CHUNK_BYTES);
}

function media(type: number, body: Buffer): Buffer {
	return encodeMessage({ type, timestampMs: 0, streamId: 1, body }, 6, CHUNK_BYTES);
}

/** Cannot be mistaken for a first byte of RTMP or a method of HTTP. */
function garbage(): Buffer {
	return Buffer.concat([Buffer.from([0x99]), randomBytes(4096)]);
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
		chunk.writeUIntBE(1000, 3 + 3, 3); // message length
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
