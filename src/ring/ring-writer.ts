import {
	PREVIOUS_TAG_SIZE_BYTES,
	TAG_HEADER_BYTES,
	TagType,
	writePreviousTagSize,
	writeTagHeader,
} from '../container/flv/tag.js';
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
	MAX_RECORD_SHARE,
	type Position,
	RECORD_HEADER_BYTES,
	RECORD_HEADER_UNITS,
	RecordFlag,
	RecordKind,
	RING_MAGIC,
	type RingViews,
	recordUnits,
	START_POINT_BYTES,
	START_POINTS,
	START_POINTS_OFFSET,
	UNIT_BYTES,
	viewRing,
	Word,
} from './layout.js';

const TAG_OVERHEAD_BYTES = TAG_HEADER_BYTES + PREVIOUS_TAG_SIZE_BYTES;
const TAG_TYPE: { readonly [kind in RecordKind]: number } = {
	[RecordKind.audio]: TagType.audio,
	[RecordKind.audioHeader]: TagType.audio,
	[RecordKind.video]: TagType.video,
	[RecordKind.videoHeader]: TagType.video,
	[RecordKind.script]: TagType.script,
	[RecordKind.splice]: 0,
	[RecordKind.end]: 0,
};

/** Positions that do not move with the tail are brought up when they are 4 GiB behind; `distance` is sound up to 16 GiB. */
const MAX_BEHIND_UNITS = 2 ** 29;

/** One sequence header or metadata as the ring keeps it for late viewers. `body` is an FLV tag body. */
export type HeaderSlot = { kind: RecordKind; trackId: number; body: Uint8Array };

/**
 * The one writer of a ring. **Not thread-safe: one writer per ring at any time.** The coordinator passes ownership from
 * one thread to the next and raises `writerEpoch`. A forgotten older writer then finds itself `fenced` and writes
 * nothing.
 *
 * The order of stores is the algorithm (after Aeron's broadcast transmitter): tailIntent, bytes, tail, notify.
 */
export class RingWriter {
	readonly ring: SharedArrayBuffer;
	readonly #views: RingViews;
	readonly #epoch: number;
	#tail: Position;

	private constructor(ring: SharedArrayBuffer, epoch: number) {
		this.ring = ring;
		this.#views = viewRing(ring);
		this.#epoch = epoch;
		this.#tail = Atomics.load(this.#views.words, Word.tail);
	}

	/** Allocates an empty ring of `capacityBytes` (a power of two); its first position is `start`. */
	static allocate(capacityBytes: number, start: Position = 0): SharedArrayBuffer {
		assert(Number.isInteger(Math.log2(capacityBytes)), `ring capacity ${capacityBytes} is not a power of two`);
		const ring = new SharedArrayBuffer(HEADER_BYTES + capacityBytes);
		const { words } = viewRing(ring);
		words[Word.capacityUnits] = capacityBytes / UNIT_BYTES;
		for (const word of [Word.tail, Word.tailIntent, Word.oldest, Word.startFloor]) {
			words[word] = start;
		}
		Atomics.store(words, Word.magic, RING_MAGIC);
		return ring;
	}

	/** Becomes the writer of `ring` under `epoch`, the value of `writerEpoch` that the coordinator granted. */
	static attach(ring: SharedArrayBuffer, epoch: number): RingWriter {
		const writer = new RingWriter(ring, epoch);
		const { words } = writer.#views;
		assert(words[Word.magic] === RING_MAGIC, 'not a ring');
		// A writer that died between intent and tail has overwritten what lies one ring's length before its intent. Readers must
		// have learned that from `oldest` before the intent that says so goes back.
		const lostUpTo = (Atomics.load(words, Word.tailIntent) - writer.#views.capacityUnits) | 0;
		if (distance(words[Word.oldest]!, lostUpTo) > 0) {
			Atomics.store(words, Word.oldest, lostUpTo);
		}
		Atomics.store(words, Word.tailIntent, writer.#tail);
		writer.#finishHeaders();
		return writer;
	}

	/** True when another writer has been granted this ring, or a bigger one has replaced it. */
	get fenced(): boolean {
		const { words } = this.#views;
		return Atomics.load(words, Word.writerEpoch) !== this.#epoch || words[Word.replaced] === 1;
	}

	get tail(): Position {
		return this.#tail;
	}

	get capacityBytes(): number {
		return this.#views.capacityUnits * UNIT_BYTES;
	}

	/** Largest FLV tag body that this ring takes; a larger one needs `grow` first. */
	get maxBodyBytes(): number {
		return this.capacityBytes / MAX_RECORD_SHARE - RECORD_HEADER_BYTES - TAG_OVERHEAD_BYTES;
	}

	/**
	 * Appends one record and wakes the readers. `body` is an FLV tag body, copied before return; the tag's header (timestamp =
	 * `dtsMs` modulo 2^32) and previous-tag-size are made here. Splice and end records carry no tag.
	 * A video keyframe of track 0 becomes a start point; audio-only streams mark theirs with `markStartPoint`.
	 * @returns false when this writer is fenced and nothing was written.
	 */
	write(kind: RecordKind, flags: number, trackId: number, dtsMs: number, body: Uint8Array): boolean {
		if (this.fenced) {
			return false;
		}
		const { words, figures, recordWords, recordFigures, unitMask } = this.#views;
		const tagType = TAG_TYPE[kind];
		const tagLength = tagType === 0 ? 0 : body.length + TAG_OVERHEAD_BYTES;
		assert(body.length <= this.maxBodyBytes, `record of ${body.length} bytes in a ring of ${this.capacityBytes}`);
		const start = this.#tail;
		const tail = (start + recordUnits(tagLength)) | 0;

		Atomics.store(words, Word.tailIntent, tail);
		fence();

		const first = start & unitMask;
		const second = (start + 1) & unitMask;
		const third = (start + 2) & unitMask;
		const frameNumber = (words[Word.frameNumber]! + 1) | 0;
		recordWords[first * 2] = tagLength;
		recordWords[first * 2 + 1] = kind | (flags << 8) | (trackId << 16);
		recordFigures[second] = dtsMs;
		recordWords[third * 2] = frameNumber;
		recordWords[third * 2 + 1] = 0;
		if (tagType !== 0) {
			this.#writeTag((start + RECORD_HEADER_UNITS) | 0, tagType, dtsMs, body);
		}
		words[Word.frameNumber] = frameNumber;
		if (dtsMs > figures[Figure.lastDtsMs]!) {
			figures[Figure.lastDtsMs] = dtsMs;
		}

		this.#tail = tail;
		Atomics.store(words, Word.tail, tail);
		if (kind === RecordKind.video && flags & RecordFlag.keyframe && trackId === 0) {
			this.#addStartPoint(start, dtsMs);
		}
		// To notify takes a lock that the whole process shares. A reader that died while it waited stays counted: that costs no more.
		if (Atomics.load(words, Word.waiters) !== 0) {
			Atomics.notify(words, Word.tail);
		}
		this.#followTail();
		return true;
	}

	/** Makes the next record's position a start point for new subscribers (audio-only streams, about twice a second). */
	markStartPoint(dtsMs: number): void {
		if (!this.fenced) {
			this.#addStartPoint(this.#tail, dtsMs);
		}
	}

	/**
	 * Forgets all start points: records before here need other sequence headers than the slots now hold. Cursors stay.
	 */
	clearStartPoints(): void {
		if (!this.fenced) {
			Atomics.store(this.#views.words, Word.startFloor, this.#tail);
		}
	}

	/**
	 * Replaces the whole set of sequence headers and metadata for late viewers; `slots` is copied.
	 * @returns false when they do not fit (16 slots, 63 KiB) and nothing was changed.
	 */
	setHeaders(slots: readonly HeaderSlot[]): boolean {
		const total = slots.reduce((sum, slot) => sum + slot.body.length, 0);
		if (slots.length > HEADER_SLOTS || total > HEADER_DATA_BYTES || this.fenced) {
			return false;
		}
		const { words, header } = this.#views;
		// Sequence lock: odd while writing. Readers retry when the version was odd or has moved.
		Atomics.add(words, Word.headersVersion, 1);
		fence();
		header.fill(0, HEADER_SLOTS_OFFSET, HEADER_SLOTS_OFFSET + HEADER_SLOTS * HEADER_SLOT_BYTES);
		let dataOffset = HEADER_DATA_OFFSET;
		for (const [index, slot] of slots.entries()) {
			const at = HEADER_SLOTS_OFFSET + index * HEADER_SLOT_BYTES;
			header[at] = slot.kind;
			header[at + 1] = slot.trackId;
			header.writeUInt32LE(slot.body.length, at + 4);
			header.writeUInt32LE(dataOffset, at + 8);
			header.set(slot.body, dataOffset);
			dataOffset += slot.body.length;
		}
		Atomics.add(words, Word.headersVersion, 1);
		return true;
	}

	/** Sets the `flags` word (StreamFlag) and wakes readers that wait for `ready`. */
	setFlags(flags: number): void {
		if (!this.fenced) {
			Atomics.store(this.#views.words, Word.flags, flags);
			Atomics.notify(this.#views.words, Word.tail);
		}
	}

	/** Overwrites one of the stream's figures (Figure.*); readable by any thread at any time. */
	setFigure(figure: number, value: number): void {
		this.#views.figures[figure] = value;
	}

	addFigure(figure: number, amount: number): void {
		this.#views.figures[figure]! += amount;
	}

	getFigure(figure: number): number {
		return this.#views.figures[figure]!;
	}

	/**
	 * Moves the stream into a bigger ring with everything that can still be read. Positions do not change, so a cursor
	 * into the old ring is a cursor into the new one. The old ring is marked `replaced` and its readers are woken. The
	 * owner of the stream must now tell them where the new one is.
	 */
	grow(capacityBytes: number): RingWriter {
		assert(capacityBytes > this.capacityBytes, 'a ring only grows');
		const old = this.#views;
		const readableUnits = Math.min(distance(old.words[Word.oldest]!, this.#tail), old.capacityUnits);
		const ring = RingWriter.allocate(capacityBytes, this.#tail);
		const views = viewRing(ring);
		views.header.set(old.header);
		views.words[Word.capacityUnits] = views.capacityUnits;
		views.words[Word.waiters] = 0;
		views.words[Word.oldest] = (this.#tail - readableUnits) | 0;
		for (let done = 0; done < readableUnits; ) {
			const position = (this.#tail - readableUnits + done) | 0;
			const from = position & old.unitMask;
			const to = position & views.unitMask;
			const units = Math.min(readableUnits - done, old.capacityUnits - from, views.capacityUnits - to);
			views.bytes.set(old.bytes.subarray(from * UNIT_BYTES, (from + units) * UNIT_BYTES), to * UNIT_BYTES);
			done += units;
		}
		const writer = RingWriter.attach(ring, this.#epoch);
		// A writer that was fenced meanwhile must not take the old ring away from its successor.
		if (!this.fenced) {
			Atomics.store(old.words, Word.replaced, 1);
			Atomics.notify(old.words, Word.tail);
		}
		return writer;
	}

	#addStartPoint(position: Position, dtsMs: number): void {
		const { words, figures } = this.#views;
		const count = words[Word.startPointCount]!;
		const at = START_POINTS_OFFSET + (count & (START_POINTS - 1)) * START_POINT_BYTES;
		fence(); // who sees any of this sees the count that was there before
		words[at / 4] = position;
		figures[at / 8 + 1] = dtsMs;
		Atomics.store(words, Word.startPointCount, (count + 1) | 0);
	}

	/** Brings the positions that stand still up behind the tail, long before `distance` would take them for the future. */
	#followTail(): void {
		const { words, capacityUnits } = this.#views;
		const tail = this.#tail;
		if (distance(words[Word.oldest]!, tail) > MAX_BEHIND_UNITS) {
			Atomics.store(words, Word.oldest, (tail - capacityUnits) | 0);
		}
		if (distance(words[Word.startFloor]!, tail) > MAX_BEHIND_UNITS) {
			const count = words[Word.startPointCount]!;
			const newest = words[(START_POINTS_OFFSET + ((count - 1) & (START_POINTS - 1)) * START_POINT_BYTES) / 4]!;
			if (count !== 0 && distance(newest, tail) > capacityUnits) {
				Atomics.store(words, Word.startPointCount, 0);
			}
			Atomics.store(words, Word.startFloor, (tail - capacityUnits) | 0);
		}
	}

	/** Empties headers that a writer was replacing when it died. */
	#finishHeaders(): void {
		const { words, header } = this.#views;
		if (words[Word.headersVersion]! % 2 !== 0) {
			header.fill(0, HEADER_SLOTS_OFFSET, HEADER_SLOTS_OFFSET + HEADER_SLOTS * HEADER_SLOT_BYTES);
			Atomics.add(words, Word.headersVersion, 1);
		}
	}

	#writeTag(position: Position, tagType: number, dtsMs: number, body: Uint8Array): void {
		writeTagHeader(tagHeader, 0, tagType, body.length, dtsMs);
		writePreviousTagSize(previousTagSize, 0, body.length);
		let at = this.#copyIn((position & this.#views.unitMask) * UNIT_BYTES, tagHeader);
		at = this.#copyIn(at, body);
		this.#copyIn(at, previousTagSize);
	}

	/** Copies `source` to byte `at` of the record area, over the end if need be. @returns the byte after it. */
	#copyIn(at: number, source: Uint8Array): number {
		const { bytes } = this.#views;
		const room = bytes.length - at;
		if (source.length < room) {
			bytes.set(source, at);
			return at + source.length;
		}
		bytes.set(source.subarray(0, room), at);
		bytes.set(source.subarray(room), 0);
		return source.length - room;
	}
}

const tagHeader = new Uint8Array(TAG_HEADER_BYTES);
const previousTagSize = new Uint8Array(PREVIOUS_TAG_SIZE_BYTES);
