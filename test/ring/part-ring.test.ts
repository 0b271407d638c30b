import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { MIN_PART_RING_BYTES, PartKind, PartWord, partRingBytesFor } from '#src/ring/part-layout.js';
import { PartRingReader } from '#src/ring/part-ring-reader.js';
import { PartRingWriter } from '#src/ring/part-ring-writer.js';
import { LAPPED } from '#src/ring/ring-reader.js';
import { type PartRingThreadData, partPattern } from '../support/part-ring-thread.js';

/** Shortly before positions wrap. */
const START = 2 ** 31 - 300;

/** Segments `from` to `to`, of three parts of `bytes`. */
function writeSegments(writer: PartRingWriter, from: number, to: number, bytes = 1000): void {
	for (let msn = from; msn <= to; msn++) {
		writer.write({ kind: PartKind.segment, msn, index: msn }, [Buffer.from(`init ${msn}`)]);
		for (let index = 0; index < 3; index++) {
			const half = Buffer.alloc(bytes / 2, msn * 3 + index);
			writer.write({ kind: PartKind.part, msn, index, time: 300 }, [half, half]);
		}
		writer.write({ kind: PartKind.close, msn, time: from });
	}
}

/** Numbers of the segments that can be read, each held to be whole. */
function readSegments(ring: SharedArrayBuffer): number[] {
	const reader = new PartRingReader(ring);
	const batch = reader.scan(reader.oldest);
	if (batch === null) {
		return [];
	}
	assert.notEqual(batch, LAPPED);
	const { records } = batch as Exclude<typeof batch, typeof LAPPED>;
	for (const record of records.filter(({ kind }) => kind === PartKind.part)) {
		const bytes = reader.payload([record]);
		assert.ok(bytes !== LAPPED && bytes.every((byte) => byte === ((record.msn * 3 + record.index) & 0xff)));
	}
	return records.filter(({ kind }) => kind === PartKind.segment).map(({ msn }) => msn);
}

describe('a part ring', () => {
	it('gives back what was written, over its end and over the end of positions', () => {
		const ring = PartRingWriter.allocate(MIN_PART_RING_BYTES, START);
		const writer = PartRingWriter.attach(ring);
		for (let msn = 1; msn <= 40; msn++) {
			writeSegments(writer, msn, msn);
			const segments = readSegments(ring);
			assert.equal(segments.at(-1), msn);
			assert.ok(segments.length >= Math.min(msn, 4), `${segments.length} segments`);
		}
	});

	it('tells a reader that stayed behind', () => {
		const ring = PartRingWriter.allocate(MIN_PART_RING_BYTES);
		const writer = PartRingWriter.attach(ring);
		const reader = new PartRingReader(ring);
		const cursor = reader.oldest;
		writeSegments(writer, 1, 1);
		const batch = reader.scan(cursor);
		assert.ok(batch !== null && batch !== LAPPED);
		writeSegments(writer, 2, 20);
		assert.equal(reader.scan(cursor), LAPPED);
		assert.equal(reader.payload(batch.records), LAPPED);
	});

	it('grows and shrinks with its newest segments at their positions', () => {
		const writer = PartRingWriter.attach(PartRingWriter.allocate(MIN_PART_RING_BYTES, START));
		writeSegments(writer, 1, 10);
		const before = readSegments(writer.ring);
		const cursor = new PartRingReader(writer.ring).tail;
		const bigger = writer.resize(4 * MIN_PART_RING_BYTES);
		assert.equal(new PartRingReader(writer.ring).replaced, true);
		assert.deepEqual(readSegments(bigger.ring), before);
		writeSegments(bigger, 11, 14);
		const batch = new PartRingReader(bigger.ring).scan(cursor);
		assert.ok(batch !== null && batch !== LAPPED && batch.records[0]?.msn === 11);
		const smaller = bigger.resize(MIN_PART_RING_BYTES);
		assert.equal(readSegments(smaller.ring).at(-1), 14);
		smaller.clear();
		assert.deepEqual(readSegments(smaller.ring), []);
	});

	it('is taken over from a writer that died in the middle of a record', () => {
		const ring = PartRingWriter.allocate(MIN_PART_RING_BYTES);
		const dead = PartRingWriter.attach(ring);
		writeSegments(dead, 1, 3);
		dead.set(PartWord.tailIntent, dead.get(PartWord.tail) + 100);
		const writer = PartRingWriter.attach(ring);
		writeSegments(writer, 4, 4);
		assert.deepEqual(readSegments(ring), [1, 2, 3, 4]);
	});

	it('comes in powers of two between its limits', () => {
		assert.deepEqual([1, 16 * 1024, 16 * 1024 + 1, 2 ** 40].map(partRingBytesFor), [
			2 ** 14,
			2 ** 14,
			2 ** 15,
			2 ** 26,
		]);
	});

	it('wakes who waits for more', async () => {
		const writer = PartRingWriter.attach(PartRingWriter.allocate(MIN_PART_RING_BYTES));
		const reader = new PartRingReader(writer.ring);
		const waits = [reader.waitBeyond(reader.tail, 60_000), reader.waitBeyond(reader.tail, 60_000)];
		writeSegments(writer, 1, 1);
		await Promise.all(waits);
	});

	it('never gives torn parts while another thread writes without a pause', async () => {
		const ring = PartRingWriter.allocate(64 * 1024, START);
		const stop = new SharedArrayBuffer(4);
		const workerData: PartRingThreadData = { ring, stop };
		const worker = new Worker(new URL('../support/part-ring-thread.js', import.meta.url), { workerData });
		const exited = once(worker, 'exit');
		const reader = new PartRingReader(ring);
		let [cursor, whole, lapped] = [reader.oldest, 0, 0];
		while (whole < 20_000 || lapped < 200) {
			const batch = reader.scan(cursor);
			if (batch === LAPPED) {
				lapped++;
				cursor = reader.oldest;
				continue;
			}
			for (const record of batch?.records ?? []) {
				const number = record.kind === PartKind.part ? record.time : record.msn;
				const bytes = record.kind === PartKind.close ? null : reader.payload([record]);
				if (bytes === LAPPED) {
					lapped++;
				} else if (bytes !== null) {
					whole++;
					assert.equal(Buffer.compare(bytes, partPattern(number)), 0, `part ${number} is torn`);
				}
			}
			cursor = batch?.next ?? cursor;
			if (batch === null) {
				await new Promise(setImmediate);
			}
		}
		Atomics.store(new Int32Array(stop), 0, 1);
		await exited;
	});
});
