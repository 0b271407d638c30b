import assert from 'node:assert/strict';
import { type Position, RecordKind, recordUnits } from '#src/ring/layout.js';
import { LAPPED, type RecordBatch, type RingReader } from '#src/ring/ring-reader.js';
import type { RingWriter } from '#src/ring/ring-writer.js';

/** Body bytes that tell which record they belong to, so that a torn one gives itself away wherever it was torn. */
export function patternBody(seed: number, length: number): Uint8Array {
	const body = new Uint8Array(length);
	for (let index = 0; index < length; index++) {
		body[index] = patternByte(seed, index);
	}
	return body;
}

function patternByte(seed: number, index: number): number {
	return (Math.imul(seed, 31) + Math.imul(index, 7) + (index >>> 8)) & 0xff;
}

/** Checks every byte of every tag of a batch against its frame number; dtsMs is expected to be ten times that. */
export function checkPattern(batch: RecordBatch): void {
	for (const { frameNumber, dtsMs, offset, length, kind } of batch.records) {
		assert.equal(dtsMs, frameNumber * 10);
		const tag = batch.bytes.subarray(offset, offset + length);
		const bodyLength = length - 15;
		assert.equal(tag[0], kind === RecordKind.audio ? 8 : 9);
		assert.equal(tag.readUIntBE(1, 3), bodyLength);
		assert.equal(tag.readUInt32BE(length - 4), bodyLength + 11);
		for (let index = 0; index < bodyLength; index++) {
			if (tag[11 + index] !== patternByte(frameNumber, index)) {
				assert.fail(`frame ${frameNumber} is torn at byte ${index} of ${bodyLength}`);
			}
		}
	}
}

export type ModelRecord = {
	position: Position;
	next: Position;
	kind: RecordKind;
	flags: number;
	trackId: number;
	dtsMs: number;
	body: Uint8Array;
};

/** The right contents of a ring: every record since the beginning, and how far back a reader may still look. */
export class RingModel {
	readonly records: ModelRecord[] = [];
	/** Units behind `oldest` that have been written; grows with the ring's history. */
	#tail = 0;
	#readableFrom = 0;
	#capacityUnits: number;
	readonly #start: Position;

	constructor(start: Position, capacityBytes: number) {
		this.#start = start;
		this.#capacityUnits = capacityBytes / 8;
	}

	write(writer: RingWriter, kind: RecordKind, flags: number, trackId: number, dtsMs: number, length: number): void {
		const body = patternBody(this.records.length, length);
		const units = recordUnits(kind === RecordKind.splice || kind === RecordKind.end ? 0 : length + 15);
		const position = this.#position(this.#tail);
		assert.equal(writer.tail, position);
		assert.equal(writer.write(kind, flags, trackId, dtsMs, body), true);
		this.#tail += units;
		this.records.push({ position, next: this.#position(this.#tail), kind, flags, trackId, dtsMs, body });
		this.#readableFrom = Math.max(this.#readableFrom, this.#tail - this.#capacityUnits);
	}

	grown(capacityBytes: number): void {
		this.#capacityUnits = capacityBytes / 8;
	}

	/** Holds a read from the beginning of record `index` against what was written. */
	checkRead(reader: RingReader, index: number, maxBytes: number): void {
		const first = this.records[index]!;
		const offset = (first.position - this.#start) | 0;
		const batch = reader.read(first.position, maxBytes, { before: 3, after: 5 });
		if (offset < this.#readableFrom) {
			assert.equal(batch, LAPPED);
			return;
		}
		assert.ok(batch !== null && batch !== LAPPED, `record ${index} of ${this.records.length} should be readable`);
		let total = 0;
		for (const [at, record] of batch.records.entries()) {
			const expected = this.records[index + at]!;
			const { position: _position, next: _next, body, ...fields } = expected;
			const isTag = record.length > 0;
			assert.deepEqual(
				{ kind: record.kind, flags: record.flags, trackId: record.trackId, dtsMs: record.dtsMs },
				fields,
			);
			assert.equal(record.frameNumber, index + at + 1);
			assert.equal(record.offset, total);
			const tag = batch.bytes.subarray(record.offset, record.offset + record.length);
			assert.equal(
				Buffer.compare(tag.subarray(11, isTag ? record.length - 4 : 11), isTag ? body : new Uint8Array()),
				0,
			);
			total += record.length;
		}
		const last = this.records[index + batch.records.length - 1]!;
		const following = this.records[index + batch.records.length];
		assert.equal(batch.next, last.next);
		assert.equal(batch.bytes.length, total);
		assert.ok(batch.records.length === 1 || total <= maxBytes);
		assert.ok(following === undefined || total + following.body.length + 15 > maxBytes || isMark(following.kind));
		assert.ok(batch.bytes.byteOffset >= 3 && batch.bytes.buffer.byteLength >= batch.bytes.byteOffset + total + 5);
	}

	#position(units: number): Position {
		return (this.#start + units) | 0;
	}
}

function isMark(kind: RecordKind): boolean {
	return kind === RecordKind.splice || kind === RecordKind.end;
}
