import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PeerError } from '#src/errors.js';
import { ChunkReader, MAX_CHUNK_STREAMS } from '#src/protocol/rtmp/chunk-reader.js';
import { serializeMessage } from '#src/protocol/rtmp/chunk-writer.js';
import { everySplit, lend } from '../../support/splits.js';

type Message = { type: number; stream: number; at: number; body: string };

const MAX_MESSAGE_BYTES = 4096;

/** Bytes from hexadecimal digits with spaces; `aa*128` repeats a byte. */
function hex(text: string): Buffer {
	const expanded = text.replace(/([0-9a-f]{2})\*(\d+)/g, (_, byte: string, count: string) =>
		byte.repeat(Number(count)),
	);
	return Buffer.from(expanded.replaceAll(' ', ''), 'hex');
}

function readAll(pieces: Iterable<Buffer>, maxMessageBytes = MAX_MESSAGE_BYTES): Message[] {
	const messages: Message[] = [];
	const reader = new ChunkReader(maxMessageBytes, (type, stream, at, body) => {
		messages.push({ type, stream, at, body: body.toString('hex') });
	});
	for (const piece of pieces) {
		reader.push(piece);
	}
	return messages;
}

const video = (at: number, body: string): Message => ({ type: 9, stream: 1, at, body: hex(body).toString('hex') });

const CASES: { name: string; bytes: string; messages: Message[] }[] = [
	{ name: 'a type 0 chunk', bytes: '06 0003e8 000002 09 01000000 aabb', messages: [video(1000, 'aabb')] },
	{
		name: 'a type 1 chunk with another length',
		bytes: '06 0003e8 000002 09 01000000 aabb 46 000014 000001 09 cc',
		messages: [video(1000, 'aabb'), video(1020, 'cc')],
	},
	{
		name: 'type 2, then type 3 with the same delta',
		bytes: '06 0003e8 000001 09 01000000 aa 86 000014 bb c6 cc c6 dd',
		messages: [video(1000, 'aa'), video(1020, 'bb'), video(1040, 'cc'), video(1060, 'dd')],
	},
	{
		name: 'type 3 after type 0 with its timestamp as the delta (ffmpeg)',
		bytes: '04 000017 000001 08 01000000 aa c4 bb',
		messages: [
			{ type: 8, stream: 1, at: 23, body: 'aa' },
			{ type: 8, stream: 1, at: 46, body: 'bb' },
		],
	},
	{
		name: 'a message in three chunks',
		bytes: '06 000000 000101 09 01000000 aa*128 c6 bb*128 c6 cc',
		messages: [video(0, 'aa*128 bb*128 cc')],
	},
	{
		name: 'two messages whose chunks alternate',
		bytes: '06 000000 000081 09 01000000 aa*128 04 000001 000082 08 01000000 bb*128 c6 aa c4 bbbb',
		messages: [video(0, 'aa*129'), { type: 8, stream: 1, at: 1, body: 'bb'.repeat(130) }],
	},
	{
		name: 'a message of no bytes',
		bytes: '04 000005 000000 08 01000000 06 000000 000001 09 01000000 aa',
		messages: [{ type: 8, stream: 1, at: 5, body: '' }, video(0, 'aa')],
	},
	{
		name: 'chunk stream ids of two and three bytes',
		bytes: '00 00 000001 000001 09 01000000 aa 01 0001 000002 000001 09 01000000 bb c0 00 cc c1 0001 dd',
		messages: [video(1, 'aa'), video(2, 'bb'), video(2, 'cc'), video(4, 'dd')],
	},
	{
		name: 'a smaller and a larger chunk size, changed within a message',
		bytes:
			'06 000000 000085 09 01000000 aa*128 02 000000 000004 01 00000000 00000004 c6 aaaaaaaa c6 aa' +
			'02 000000 000004 01 00000000 00001000 06 000000 000006 09 01000000 bb*6',
		messages: [
			{ type: 1, stream: 0, at: 0, body: '00000004' },
			video(0, 'aa*133'),
			{ type: 1, stream: 0, at: 0, body: '00001000' },
			video(0, 'bb*6'),
		],
	},
	{
		name: 'an abort of an unfinished message',
		bytes: '06 000000 000081 09 01000000 aa*128 02 000000 000004 02 00000000 00000006 06 000009 000001 09 01000000 bb',
		messages: [{ type: 2, stream: 0, at: 0, body: '00000006' }, video(9, 'bb')],
	},
	{
		name: 'an abort of a chunk stream that has nothing under way',
		bytes: '02 000000 000004 02 00000000 00000006',
		messages: [{ type: 2, stream: 0, at: 0, body: '00000006' }],
	},
	{
		name: 'a new header while a message is under way',
		bytes: '06 000000 000081 09 01000000 aa*128 06 000009 000001 09 01000000 bb',
		messages: [video(9, 'bb')],
	},
	{
		name: 'an extended timestamp, repeated on type 3',
		bytes: '06 ffffff 000082 09 01000000 01000000 aa*128 c6 01000000 aaaa',
		messages: [video(0x1000000, 'aa*130')],
	},
	{
		name: 'an extended timestamp that the peer leaves out on type 3',
		bytes: '06 ffffff 000082 09 01000000 01000000 aa*128 c6 aaaa',
		messages: [video(0x1000000, 'aa*130')],
	},
	{
		name: 'payload behind type 3 that begins like the extended timestamp that was left out',
		bytes: '06 ffffff 000084 09 01000000 01000000 aa*128 c6 01000001 06 000005 000001 09 01000000 bb',
		messages: [video(0x1000000, 'aa*128 01000001'), video(5, 'bb')],
	},
	{
		name: 'an extended delta, and type 3 with the absolute timestamp in its place',
		bytes: '06 000005 000001 09 01000000 aa 46 ffffff 000081 09 01000000 aa*128 c6 01000005 aa',
		messages: [video(5, 'aa'), video(0x1000005, 'aa*129')],
	},
	{
		name: 'the extended timestamp 0xFFFFFF itself',
		bytes: '06 ffffff 000001 09 01000000 00ffffff aa',
		messages: [video(0xffffff, 'aa')],
	},
	{
		name: 'type 3 that starts a message after an extended timestamp',
		bytes: '06 ffffff 000001 09 01000000 01000000 aa c6 01000000 bb c6 cc',
		messages: [video(0x1000000, 'aa'), video(0x1000000, 'bb'), video(0x1000000, 'cc')],
	},
	{
		name: 'a delta over the end of 32 bits',
		bytes: '06 ffffff 000001 09 01000000 fffffffe aa 46 000005 000001 09 bb',
		messages: [video(0xfffffffe, 'aa'), video(3, 'bb')],
	},
	{
		name: 'type 1 on a new chunk stream (librtmp)',
		bytes: '06 000000 000001 09 01000000 aa 44 000007 000001 08 bb 84 000007 cc',
		messages: [video(0, 'aa'), { type: 8, stream: 1, at: 7, body: 'bb' }, { type: 8, stream: 1, at: 14, body: 'cc' }],
	},
	{
		name: 'type 2 on a new chunk stream (DJI Osmo)',
		bytes: 'a1 000007 06 000000 000001 09 01000000 aa',
		messages: [{ type: 0, stream: 0, at: 7, body: '' }, video(0, 'aa')],
	},
];

for (const { name, bytes, messages } of CASES) {
	test(`the chunk reader reads ${name}, cut anywhere`, () => {
		for (const pieces of everySplit(hex(bytes))) {
			assert.deepEqual(readAll(lend(pieces)), messages);
		}
	});
}

const REFUSALS: { name: string; bytes: string; code: string }[] = [
	{ name: 'type 3 on a new chunk stream', bytes: 'c6 aa', code: 'RTMP_CHUNK_STREAM' },
	{ name: 'type 3 after a type 2 that had no length', bytes: 'a1 000007 e1', code: 'RTMP_CHUNK_STREAM' },
	{ name: 'a chunk size of 0', bytes: '02 000000 000004 01 00000000 00000000', code: 'RTMP_CHUNK_SIZE' },
	{ name: 'a chunk size with the top bit', bytes: '02 000000 000004 01 00000000 80000000', code: 'RTMP_CHUNK_SIZE' },
	{ name: 'a chunk size of no bytes', bytes: '02 000000 000000 01 00000000', code: 'RTMP_CHUNK_SIZE' },
	{ name: 'a message over the limit', bytes: '06 000000 001001 09 01000000', code: 'RTMP_MESSAGE_TOO_LARGE' },
	{
		name: 'unfinished messages over the limit together',
		bytes: '06 000000 001000 09 01000000 aa*128 07 000000 001000 09 01000000 aa*128 08 000000 000001 09 01000000',
		code: 'RTMP_MESSAGE_TOO_LARGE',
	},
];

for (const { name, bytes, code } of REFUSALS) {
	test(`the chunk reader refuses ${name}`, () => {
		assert.throws(() => readAll([hex(bytes)]), { name: 'PeerError', code });
	});
}

test('the chunk reader refuses more chunk streams than the limit', () => {
	const message = (id: number): Buffer => {
		const bytes = hex('00 00 000000 000001 09 01000000 aa');
		bytes[1] = id;
		return bytes;
	};
	const allowed = Buffer.concat(Array.from({ length: MAX_CHUNK_STREAMS }, (_, id) => message(id)));
	assert.equal(readAll([allowed]).length, MAX_CHUNK_STREAMS);
	assert.throws(() => readAll([allowed, message(MAX_CHUNK_STREAMS)]), { code: 'RTMP_CHUNK_STREAM_LIMIT' });
});

test('an aborted or replaced message frees its share of the limit', () => {
	const unfinished = hex('06 000000 001000 09 01000000 aa*128');
	const abort = hex('02 000000 000004 02 00000000 00000006');
	assert.equal(readAll(Array.from({ length: 10 }, () => Buffer.concat([unfinished, abort]))).length, 10);
	assert.equal(readAll(Array.from({ length: 10 }, () => unfinished)).length, 0);
});

test('a message that lies whole in one piece is handed out as a view of it', () => {
	const piece = hex('06 000000 000004 09 01000000 aabbccdd');
	let seen: Buffer | undefined;
	new ChunkReader(MAX_MESSAGE_BYTES, (_type, _stream, _at, body) => {
		seen = body;
	}).push(piece);
	assert.equal(seen?.buffer, piece.buffer);
	assert.equal(seen?.byteOffset, piece.byteOffset + 12);
});

test('a limit that is raised holds for the next message', () => {
	const reader = new ChunkReader(1, () => undefined);
	reader.maxMessageBytes = 2;
	reader.push(hex('06 000000 000002 09 01000000 aabb'));
	assert.throws(() => reader.push(hex('06 000000 000003 09 01000000 aabbcc')), { code: 'RTMP_MESSAGE_TOO_LARGE' });
});

const anyMessage = fc.record({
	chunkStreamId: fc.integer({ min: 3, max: 63 }),
	type: fc.constantFrom(8, 9, 18, 20),
	stream: fc.constantFrom(0, 1, 2, 0xffffffff),
	at: fc.oneof(fc.nat(0xffffff), fc.constantFrom(0xfffffe, 0xffffff, 0x1000000, 0x7fffffff, 0x80000000, 0xffffffff)),
	body: fc.uint8Array({ maxLength: 700 }),
});

test('the chunk reader reads back whatever the writer writes, in any chunk size, cut anywhere', () => {
	fc.assert(
		fc.property(
			fc.array(anyMessage, { maxLength: 8 }),
			fc.integer({ min: 1, max: 1000 }),
			fc.infiniteStream(fc.integer({ min: 1, max: 300 })),
			(messages, chunkSize, cuts) => {
				const size = Buffer.alloc(4);
				size.writeUInt32BE(chunkSize);
				const wire = Buffer.concat([
					serializeMessage(128, 2, 1, 0, 0, size),
					...messages.map((m) => serializeMessage(chunkSize, m.chunkStreamId, m.type, m.stream, m.at, m.body)),
				]);
				const pieces: Buffer[] = [];
				for (let at = 0; at < wire.length; at += pieces.at(-1)!.length) {
					pieces.push(Buffer.from(wire.subarray(at, at + cuts.next().value!)));
				}
				const expected = messages.map(({ type, stream, at, body }) => ({
					type,
					stream,
					at,
					body: Buffer.from(body).toString('hex'),
				}));
				assert.deepEqual(readAll(pieces).slice(1), expected);
			},
		),
		{ interruptAfterTimeLimit: 1000 },
	);
});

test('the chunk reader refuses any bytes with a code or hands out bounded messages', () => {
	const seeds = CASES.map((one) => hex(one.bytes));
	const bytes = fc.oneof(
		fc.uint8Array({ maxLength: 600 }),
		fc.tuple(fc.constantFrom(...seeds), fc.nat(300), fc.nat(255)).map(([seed, at, byte]) => {
			const copy = Buffer.from(seed);
			copy[at % copy.length] = byte;
			return copy;
		}),
	);
	fc.assert(
		fc.property(bytes, (input) => {
			try {
				for (const message of readAll([Buffer.from(input)])) {
					assert.ok(message.body.length <= MAX_MESSAGE_BYTES * 2);
				}
			} catch (error) {
				assert.ok(error instanceof PeerError);
			}
		}),
		{ numRuns: 3000, interruptAfterTimeLimit: 1000 },
	);
});
