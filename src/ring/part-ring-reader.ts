import { assert } from '../errors.js';
import { fence } from './fence.js';
import { distance, type Position } from './layout.js';
import {
	copyFromRing,
	PART_RECORD_BYTES,
	PART_RECORD_UNITS,
	PART_RING_MAGIC,
	PART_UNIT_BYTES,
	type PartRecord,
	type PartRingViews,
	PartWord,
	parsePartRecord,
	partRecordUnits,
	viewPartRing,
} from './part-layout.js';
import { LAPPED } from './ring-reader.js';

/** Records that `scan` returns at once. */
const MAX_RECORDS = 4096;

/** A view of one part ring for one thread; holds no cursor. Reading is copy, then check that the intent has not passed it. */
export class PartRingReader {
	readonly ring: SharedArrayBuffer;
	readonly #views: PartRingViews;
	readonly #head = Buffer.alloc(PART_RECORD_BYTES);

	constructor(ring: SharedArrayBuffer) {
		this.ring = ring;
		this.#views = viewPartRing(ring);
		assert(this.#views.words[PartWord.magic] === PART_RING_MAGIC, 'not a part ring');
	}

	/** The position at which reading begins: a segment record, or the tail. */
	get oldest(): Position {
		return Atomics.load(this.#views.words, PartWord.oldest);
	}

	get tail(): Position {
		return Atomics.load(this.#views.words, PartWord.tail);
	}

	/** Another ring has taken over; this one gets no more records. */
	get replaced(): boolean {
		return Atomics.load(this.#views.words, PartWord.replaced) === 1;
	}

	/** Seconds; 0 until the first segment is complete. Never changes afterwards. */
	get targetDuration(): number {
		return Atomics.load(this.#views.words, PartWord.targetDuration);
	}

	get partTargetMs(): number {
		return Atomics.load(this.#views.words, PartWord.partTargetMs);
	}

	/** Tells the writer that somebody watches; `nowMs` is wall clock. */
	want(nowMs: number): void {
		Atomics.store(this.#views.words, PartWord.wantedAt, Math.floor(nowMs / 1000));
	}

	/** Heads of the records from `cursor` on; null when there are none. */
	scan(cursor: Position): { records: PartRecord[]; next: Position } | null | typeof LAPPED {
		const { tail } = this;
		const records: PartRecord[] = [];
		let at = cursor;
		if (!this.#isIntact(cursor)) {
			return LAPPED;
		}
		while (distance(at, tail) > 0 && records.length < MAX_RECORDS) {
			this.#copy(at, this.#head, PART_RECORD_BYTES);
			const record = parsePartRecord(this.#head, at);
			const next = (at + partRecordUnits(record.length)) | 0;
			if (record.length < 0 || distance(next, tail) < 0) {
				return LAPPED;
			}
			records.push(record);
			at = next;
		}
		if (!this.#isIntact(cursor)) {
			return LAPPED;
		}
		return records.length === 0 ? null : { records, next: at };
	}

	/** A copy of the payloads of `records`, back to back; or of what they have of one track. */
	payload(records: readonly PartRecord[], track: 'video' | 'audio' | null = null): Buffer | typeof LAPPED {
		const [first] = records;
		const shareOf = (record: PartRecord) => (track === null ? { at: 0, length: record.length } : record[track]);
		const total = records.reduce((sum, record) => sum + shareOf(record).length, 0);
		if (first === undefined || !this.#isIntact(first.position)) {
			return LAPPED;
		}
		const copy = Buffer.allocUnsafeSlow(total);
		const { bytes, unitMask } = this.#views;
		let done = 0;
		for (const record of records) {
			const { at, length } = shareOf(record);
			const unit = (record.position + PART_RECORD_UNITS) & unitMask;
			copyFromRing(bytes, (unit * PART_UNIT_BYTES + at) % bytes.length, copy, done, length);
			done += length;
		}
		return this.#isIntact(first.position) ? copy : LAPPED;
	}

	/** Resolves when the tail moves on from `seen`, somebody calls `wake`, or `timeoutMs` is over. */
	async waitBeyond(seen: Position, timeoutMs: number): Promise<void> {
		const result = Atomics.waitAsync(this.#views.words, PartWord.tail, seen, timeoutMs);
		if (result.async) {
			await result.value;
		}
	}

	/** Wakes everybody who waits for this ring, in every thread, although nothing has changed. */
	wake(): void {
		Atomics.notify(this.#views.words, PartWord.tail);
	}

	/** True while every byte from `position` on is what was written there. */
	#isIntact(position: Position): boolean {
		const { words, capacityUnits } = this.#views;
		fence();
		const behind = distance(position, Atomics.load(words, PartWord.tailIntent));
		return behind >= 0 && behind <= capacityUnits && distance(Atomics.load(words, PartWord.oldest), position) >= 0;
	}

	#copy(position: Position, target: Buffer, length: number): void {
		copyFromRing(this.#views.bytes, (position & this.#views.unitMask) * PART_UNIT_BYTES, target, 0, length);
	}
}
