import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildTag } from '#src/container/flv/writer.js';
import { rtmpPlayFormat } from '#src/ingest/rtmp-play-format.js';
import { ChunkReader } from '#src/protocol/rtmp/chunk-reader.js';
import { serializeMessage } from '#src/protocol/rtmp/chunk-writer.js';
import { parseCommand } from '#src/protocol/rtmp/commands.js';
import { MessageType, uint32Body } from '#src/protocol/rtmp/message.js';
import { RecordKind } from '#src/ring/layout.js';
import type { RecordBatch, RecordInfo } from '#src/ring/ring-reader.js';

const ALL = { audio: true, video: true };
const VIDEO = Buffer.alloc(300, 0x27);
const AUDIO = Buffer.from('af0121', 'hex');

type Item = { kind: RecordKind; dtsMs: number; body: Buffer | null };

function batchOf(items: readonly Item[]): RecordBatch {
	const tags: Uint8Array[] = [];
	const records: RecordInfo[] = [];
	let offset = 0;
	for (const { kind, dtsMs, body } of items) {
		const tagType = kind === RecordKind.audio ? 8 : kind === RecordKind.script ? 18 : 9;
		const tag = body === null ? Buffer.alloc(0) : buildTag(tagType, dtsMs, body);
		records.push({ kind, flags: 0, trackId: 0, dtsMs, frameNumber: 0, offset, length: tag.length });
		tags.push(tag);
		offset += tag.length;
	}
	return { bytes: Buffer.concat(tags), room: { before: 0, after: 0 }, records, next: 0 };
}

function messagesOf(bytes: Buffer, chunkSize: number) {
	const messages: { type: number; stream: number; at: number; body: string }[] = [];
	const reader = new ChunkReader(1_000_000, (type, stream, at, body) => {
		messages.push({ type, stream, at, body: body.toString('hex') });
	});
	reader.push(serializeMessage(128, 2, MessageType.setChunkSize, 0, 0, uint32Body(chunkSize)));
	reader.push(bytes);
	return messages.slice(1);
}

const BATCH = batchOf([
	{ kind: RecordKind.script, dtsMs: 1000, body: Buffer.from('02000161', 'hex') },
	{ kind: RecordKind.splice, dtsMs: 1000, body: null },
	{ kind: RecordKind.videoHeader, dtsMs: 1000, body: Buffer.from('1700', 'hex') },
	{ kind: RecordKind.video, dtsMs: 0x1000000, body: VIDEO },
	{ kind: RecordKind.audio, dtsMs: 2 ** 32 + 23.7, body: AUDIO },
	{ kind: RecordKind.end, dtsMs: 0, body: null },
]);

test('a batch becomes one Buffer of whole messages, without the records that are no tags', () => {
	for (const chunkSize of [128, 60_000]) {
		const bytes = rtmpPlayFormat(chunkSize, 3, ALL).encodeBatch(BATCH);
		assert.deepEqual(messagesOf(bytes, chunkSize), [
			{ type: 18, stream: 3, at: 1000, body: '02000161' },
			{ type: 9, stream: 3, at: 1000, body: '1700' },
			{ type: 9, stream: 3, at: 0x1000000, body: VIDEO.toString('hex') },
			{ type: 8, stream: 3, at: 23, body: AUDIO.toString('hex') },
		]);
	}
});

test('every message can be the first that a player gets', () => {
	const format = rtmpPlayFormat(60_000, 1, ALL);
	for (let from = 0; from < BATCH.records.length; from++) {
		const bytes = format.encodeBatch({ ...BATCH, records: BATCH.records.slice(from) });
		const expected = messagesOf(format.encodeBatch(BATCH), 60_000);
		assert.deepEqual(messagesOf(bytes, 60_000), expected.slice(expected.length - messagesOf(bytes, 60_000).length));
	}
});

test('a batch that means nothing here is empty', () => {
	const splice = batchOf([{ kind: RecordKind.splice, dtsMs: 5, body: null }]);
	assert.equal(rtmpPlayFormat(128, 1, ALL).encodeBatch(splice).length, 0);
	assert.equal(rtmpPlayFormat(128, 1, { audio: false, video: false }).encodeBatch(BATCH).length > 0, true);
});

test('an unwanted track is left out, its headers too', () => {
	const types = (choice: { audio: boolean; video: boolean }): number[] =>
		messagesOf(rtmpPlayFormat(128, 1, choice).encodeBatch(BATCH), 128).map(({ type }) => type);
	assert.deepEqual(types({ audio: true, video: false }), [18, 8]);
	assert.deepEqual(types({ audio: false, video: true }), [18, 9, 9]);
});

test('the key tells apart whatever makes other bytes', () => {
	const keys = [
		rtmpPlayFormat(128, 1, ALL),
		rtmpPlayFormat(129, 1, ALL),
		rtmpPlayFormat(128, 2, ALL),
		rtmpPlayFormat(128, 1, { audio: true, video: false }),
		rtmpPlayFormat(128, 1, { audio: false, video: true }),
	].map(({ key }) => key);
	assert.equal(new Set(keys).size, keys.length);
	assert.equal(rtmpPlayFormat(128, 1, { ...ALL }).key, keys[0]);
});

test('the start carries the headers at the time of the first frame, and the end says so twice', () => {
	const format = rtmpPlayFormat(60_000, 7, ALL);
	const headers = [{ kind: RecordKind.videoHeader, trackId: 0, body: Buffer.from('1700', 'hex') }];
	const start = format.encodeStart({ hasAudio: false, hasVideo: true, headers, dtsMs: 5040 });
	assert.deepEqual(messagesOf(start, 60_000), [{ type: 9, stream: 7, at: 5040, body: '1700' }]);
	const [notice, eof] = messagesOf(format.encodeEnd(), 60_000);
	assert.equal(parseCommand(20, Buffer.from(notice!.body, 'hex')).name, 'onStatus');
	assert.equal(notice?.stream, 7);
	assert.deepEqual(eof, { type: MessageType.userControl, stream: 0, at: 0, body: '000100000007' });
});
