import { assert } from '../errors.js';
import { fence } from './fence.js';
import {
	distance,
	Figure,
	HEADER_BYTES,
	HEADER_DATA_BYTES,
	HEADER_DATA_OFFSET,
	HEADER_SLOT_BYTES,
	HEADER_SLOTS,
	HEADER_SLOTS_OFFSET,
	Lifecycle,
	type Position,
	RECORD_HEADER_BYTES,
	RECORD_HEADER_UNITS,
	type RecordKind,
	RING_MAGIC,
	type RingViews,
	recordUnits,
	START_POINT_BYTES,
	START_POINTS,
	START_POINTS_OFFSET,
	StreamFlag,
	UNIT_BYTES,
	viewRing,
	Word,
} from './layout.js';
import type { HeaderSlot } from './ring-writer.js';

/** One record of a batch. `offset` and `length` frame its FLV tag within the batch's bytes (length 0: splice or end). */
export type RecordInfo = {
	kind: RecordKind;
	flags: number;
	trackId: number;
	dtsMs: number;
	/** Counts every record of the stream by one, modulo 2^32: a gap is loss. */
	frameNumber: number;
	offset: number;
	length: number;
};

/** Records copied out of the ring: `bytes` is private to the reader's thread and never overwritten. */
export type RecordBatch = {
	/** FLV tags back to back, in `bytes[0, length)`. */
	bytes: Buffer;
	/** Bytes of the same allocation in front of and behind `bytes` that framing may use. One format of a batch only may. */
	room: BatchRoom;
	records: RecordInfo[];
	/** Cursor after the last record of the batch. */
	next: Position;
};

/** Bytes in front of and behind the tags in a batch's allocation, for framing that would otherwise need a second copy. */
export type BatchRoom = { before: number; after: number };

/** Memory that batches are read into, one after the other; it grows with the largest. */
export class SpanMemory {
	#bytes = Buffer.allocUnsafeSlow(LEAST_SPAN_BYTES);

	atLeast(bytes: number): Buffer {
		if (bytes > this.#bytes.length) {
			this.#bytes = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)));
		}
		return this.#bytes;
	}
}

const LEAST_SPAN_BYTES = 64 * 1024;
/** A writer replaces the headers within microseconds; an attempt to read them takes some, too. */
const MAX_HEADER_ATTEMPTS = 1000;

const NO_ROOM: BatchRoom = { before: 0, after: 0 };

/** A reader fell so far behind that its cursor has been overwritten: a number to count, not an error. */
export const LAPPED = 'lapped';

/**
 * A view of one ring for one thread. Any number may read one ring. It holds no cursor: cursors are plain positions that
 * belong to subscribers, so a thousand subscribers share one reader.
 *
 * Reading is copy, then check that the writer's intent has not passed what was copied.
 */
export class RingReader {
	readonly ring: SharedArrayBuffer;
	readonly #views: RingViews;

	constructor(ring: SharedArrayBuffer) {
		this.ring = ring;
		this.#views = viewRing(ring);
		assert(this.#views.words[Word.magic] === RING_MAGIC, 'not a ring');
	}

	/** Position after the newest complete record. */
	get tail(): Position {
		return Atomics.load(this.#views.words, Word.tail);
	}

	get flags(): number {
		return Atomics.load(this.#views.words, Word.flags);
	}

	/** The stream's tracks are known, and a player can be answered. */
	get ready(): boolean {
		return (this.flags & StreamFlag.ready) !== 0;
	}

	get ended(): boolean {
		return Atomics.load(this.#views.words, Word.lifecycle) === Lifecycle.ended;
	}

	get lifecycle(): number {
		return Atomics.load(this.#views.words, Word.lifecycle);
	}

	/** A bigger ring has taken over; this one gets no more records. */
	get replaced(): boolean {
		return Atomics.load(this.#views.words, Word.replaced) === 1;
	}

	/** Changes whenever `readHeaders` would return something else. */
	get headersVersion(): number {
		return Atomics.load(this.#views.words, Word.headersVersion);
	}

	/** One of the stream's figures (Figure.*). */
	figure(figure: number): number {
		return this.#views.figures[figure]!;
	}

	/** True while every byte from `cursor` on is intact. What was copied before the call is whole if the answer is yes. */
	isReadable(cursor: Position): boolean {
		const { words, capacityUnits } = this.#views;
		fence();
		const behind = distance(cursor, Atomics.load(words, Word.tailIntent));
		return behind >= 0 && behind <= capacityUnits && distance(Atomics.load(words, Word.oldest), cursor) >= 0;
	}

	/**
	 * Returns where a new subscriber starts: the newest keyframe that is still in the ring. An audio-only stream has the
	 * newest start point that is at least `audioBackMs` old, or else the oldest one. Null when nothing can be decoded
	 * from here on yet.
	 */
	startPosition(audioBackMs: number): Position | null {
		const audioOnly = (this.flags & StreamFlag.hasVideo) === 0;
		const latestDtsMs = this.#views.figures[Figure.lastDtsMs]! - audioBackMs;
		return this.#newestStart((dtsMs) => !audioOnly || dtsMs <= latestDtsMs);
	}

	/**
	 * The newest place at or before `timeMs` (stream time modulo 2^32) where decoding can start. Null when that is not in the ring any
	 * more, or the stream has not come as far.
	 */
	startBefore(timeMs: number): Position | null {
		const lastDtsMs = this.#views.figures[Figure.lastDtsMs]!;
		const agoMs = (lastDtsMs - timeMs) | 0;
		let found = false;
		const position = this.#newestStart((dtsMs) => {
			found = agoMs >= 0 && dtsMs <= lastDtsMs - agoMs;
			return found;
		});
		return found ? position : null;
	}

	/** The oldest of the last START_POINTS places where decoding can start: for a recorder, which wants all there is. */
	oldestStart(): Position | null {
		return this.#newestStart(() => false);
	}

	/** The newest start point that is `early` enough, or else the oldest one. */
	#newestStart(early: (dtsMs: number) => boolean): Position | null {
		const { words, figures } = this.#views;
		for (;;) {
			const count = Atomics.load(words, Word.startPointCount);
			let best: Position | null = null;
			// The oldest entry of the table is the one that the writer overwrites next.
			for (let back = 1; back <= Math.min(count, START_POINTS - 1); back++) {
				const at = START_POINTS_OFFSET + ((count - back) & (START_POINTS - 1)) * START_POINT_BYTES;
				const position = words[at / 4]!;
				if (distance(Atomics.load(words, Word.startFloor), position) < 0 || !this.isReadable(position)) {
					break;
				}
				best = position;
				if (early(figures[at / 8 + 1]!)) {
					break;
				}
			}
			fence();
			if (Atomics.load(words, Word.startPointCount) === count) {
				return best;
			}
		}
	}

	/**
	 * Copies of the current sequence headers and metadata, for a subscriber that starts now. Empty, under an odd version that
	 * will not last, when a writer died while it was replacing them.
	 */
	readHeaders(): { version: number; slots: HeaderSlot[] } {
		const { words, header } = this.#views;
		let version = 0;
		for (let attempt = 0; attempt < MAX_HEADER_ATTEMPTS; attempt++) {
			version = Atomics.load(words, Word.headersVersion);
			const copy = Buffer.allocUnsafe(HEADER_BYTES);
			header.copy(copy, HEADER_SLOTS_OFFSET, HEADER_SLOTS_OFFSET);
			fence();
			if (version % 2 === 0 && Atomics.load(words, Word.headersVersion) === version) {
				return { version, slots: parseHeaderSlots(copy) };
			}
		}
		return { version: version | 1, slots: [] };
	}

	/**
	 * Copies the records from `cursor` up to the tail into one fresh Buffer with `room` around the tags; `batch.bytes`
	 * is the part between. It copies no more than `maxBytes` of tags, but always at least one record. A record that
	 * begins at `until` or behind it is left out.
	 * @returns null when there is nothing new, LAPPED when the writer has overtaken the cursor.
	 */
	read(
		cursor: Position,
		maxBytes: number,
		room: BatchRoom = NO_ROOM,
		until?: Position,
	): RecordBatch | typeof LAPPED | null {
		const tail = this.tail;
		const limit = until === undefined || distance(until, tail) < 0 ? tail : until;
		if (distance(cursor, limit) <= 0) {
			return this.isReadable(cursor) ? null : LAPPED;
		}
		if (!this.isReadable(cursor)) {
			return LAPPED;
		}
		const found = this.#list(cursor, limit, tail, maxBytes);
		if (found === LAPPED) {
			return LAPPED;
		}
		const { records, total, next } = found;
		const allocation = Buffer.allocUnsafeSlow(room.before + total + room.after);
		let from = cursor;
		for (const record of records) {
			this.#copyOut((from + RECORD_HEADER_UNITS) | 0, allocation, room.before + record.offset, record.length);
			from = (from + recordUnits(record.length)) | 0;
		}
		if (!this.isReadable(cursor)) {
			return LAPPED;
		}
		return { bytes: allocation.subarray(room.before, room.before + total), room, records, next };
	}

	/**
	 * As `read`, for one who uses up each batch before anybody reads again: everything is copied at once, as it lies in the ring, into
	 * `memory`, so tags are apart in `bytes`. Byte by byte, as a copy out of shared memory to an odd place is made, it takes eight times as long.
	 */
	readSpan(cursor: Position, maxBytes: number, memory: SpanMemory): RecordBatch | typeof LAPPED | null {
		const { tail } = this;
		const isBehind = distance(cursor, tail) > 0;
		if (!isBehind || !this.isReadable(cursor)) {
			return !isBehind && this.isReadable(cursor) ? null : LAPPED;
		}
		const found = this.#list(cursor, tail, tail, maxBytes);
		if (found === LAPPED) {
			return LAPPED;
		}
		const { records, next } = found;
		const spanBytes = distance(cursor, next) * UNIT_BYTES;
		const bytes = memory.atLeast(spanBytes);
		this.#copyOut(cursor, bytes, 0, spanBytes);
		if (!this.isReadable(cursor)) {
			return LAPPED;
		}
		let at = 0;
		for (const record of records) {
			record.offset = at + RECORD_HEADER_BYTES;
			at += recordUnits(record.length) * UNIT_BYTES;
		}
		return { bytes, room: NO_ROOM, records, next };
	}

	/**
	 * Lists the records from `cursor` on, with tags back to back. Nothing in the list is certain before the next check.
	 */
	#list(
		cursor: Position,
		limit: Position,
		tail: Position,
		maxBytes: number,
	): { records: RecordInfo[]; total: number; next: Position } | typeof LAPPED {
		const { recordWords, recordFigures, unitMask } = this.#views;
		const records: RecordInfo[] = [];
		let at = cursor;
		let total = 0;
		// Lengths may be torn while the writer laps us: bound every step by the tail, and believe nothing before the last check.
		while (distance(at, limit) > 0) {
			const first = at & unitMask;
			const length = recordWords[first * 2]!;
			const next = (at + recordUnits(length)) | 0;
			if (length < 0 || distance(next, tail) < 0) {
				return LAPPED;
			}
			if (records.length > 0 && total + length > maxBytes) {
				break;
			}
			const word = recordWords[first * 2 + 1]!;
			records.push({
				kind: (word & 0xff) as RecordKind,
				flags: (word >>> 8) & 0xff,
				trackId: word >>> 16,
				dtsMs: recordFigures[(at + 1) & unitMask]!,
				frameNumber: recordWords[((at + 2) & unitMask) * 2]!,
				offset: total,
				length,
			});
			total += length;
			at = next;
		}
		return { records, total, next: at };
	}

	/**
	 * Resolves when the tail moves on from `seen`, the state changes, or `timeoutMs` is over; at once if it has moved already.
	 * A pending wait does not keep the event loop alive. Hold one for each hub, never one for each subscriber.
	 */
	async waitBeyond(seen: Position, timeoutMs: number): Promise<void> {
		const { words } = this.#views;
		// Counted before the tail is looked at: a writer that saw nobody waiting has stored a tail that is seen here.
		Atomics.add(words, Word.waiters, 1);
		const result = Atomics.waitAsync(words, Word.tail, seen, timeoutMs);
		if (result.async) {
			await result.value;
		}
		Atomics.sub(words, Word.waiters, 1);
	}

	/**
	 * Wakes everybody who waits for this ring, in every thread, although nothing has changed. It calls off a wait of
	 * one's own.
	 */
	wake(): void {
		Atomics.notify(this.#views.words, Word.tail);
	}

	#copyOut(position: Position, target: Buffer, targetAt: number, length: number): void {
		const { bytes, unitMask } = this.#views;
		const at = (position & unitMask) * UNIT_BYTES;
		const room = bytes.length - at;
		if (length <= room) {
			bytes.copy(target, targetAt, at, at + length);
		} else {
			bytes.copy(target, targetAt, at, bytes.length);
			bytes.copy(target, targetAt + room, 0, length - room);
		}
	}
}

function parseHeaderSlots(header: Buffer): HeaderSlot[] {
	const slots: HeaderSlot[] = [];
	for (let index = 0; index < HEADER_SLOTS; index++) {
		const at = HEADER_SLOTS_OFFSET + index * HEADER_SLOT_BYTES;
		const kind = header[at]!;
		if (kind === 0) {
			break;
		}
		const length = header.readUInt32LE(at + 4);
		const offset = header.readUInt32LE(at + 8);
		assert(
			offset >= HEADER_DATA_OFFSET && offset + length <= HEADER_DATA_OFFSET + HEADER_DATA_BYTES,
			'header slot range',
		);
		slots.push({
			kind: kind as RecordKind,
			trackId: header[at + 1]!,
			body: Buffer.from(header.subarray(offset, offset + length)),
		});
	}
	return slots;
}
