import { assert } from '../errors.js';
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

const FLV_TAG_HEADER_BYTES = 11;
const FLV_TAG_OVERHEAD_BYTES = FLV_TAG_HEADER_BYTES + 4;

/** FLV tag type of each record kind (FLV 10.1, E.4.1). */
const TAG_TYPE: { readonly [kind in RecordKind]: number } = {
	[RecordKind.audio]: 8,
	[RecordKind.audioHeader]: 8,
	[RecordKind.video]: 9,
	[RecordKind.videoHeader]: 9,
	[RecordKind.script]: 18,
	[RecordKind.splice]: 0,
	[RecordKind.end]: 0,
};

/** One sequence header or metadata as the ring keeps it for those who join later. `body` is an FLV tag body. */
export type HeaderSlot = { kind: RecordKind; trackId: number; body: Uint8Array };

/**
 * The one writer of a ring. **Not thread-safe: one writer per ring at any time**; the coordinator passes ownership from one
 * thread to the next and raises `writerEpoch`, after which a forgotten older writer finds itself `fenced` and writes nothing.
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
		// A writer that died between intent and tail left bytes that no reader may trust, and none will: tail was not moved.
		Atomics.store(words, Word.tailIntent, writer.#tail);
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
		return this.capacityBytes / MAX_RECORD_SHARE - RECORD_HEADER_BYTES - FLV_TAG_OVERHEAD_BYTES;
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
		const tagLength = tagType === 0 ? 0 : body.length + FLV_TAG_OVERHEAD_BYTES;
		assert(body.length <= this.maxBodyBytes, `record of ${body.length} bytes in a ring of ${this.capacityBytes}`);
		const start = this.#tail;
		const tail = (start + recordUnits(tagLength)) | 0;

		Atomics.store(words, Word.tailIntent, tail);

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
		Atomics.notify(words, Word.tail);
		return true;
	}

	/** Makes the next record's position a start point for new subscribers (audio-only streams, about twice a second). */
	markStartPoint(dtsMs: number): void {
		this.#addStartPoint(this.#tail, dtsMs);
	}

	/** Forgets all start points: what lies before here needs other sequence headers than the slots now hold. Cursors stay. */
	clearStartPoints(): void {
		Atomics.store(this.#views.words, Word.startFloor, this.#tail);
	}

	/**
	 * Replaces the whole set of sequence headers and metadata for those who join later; `slots` is copied.
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
		Atomics.store(this.#views.words, Word.flags, flags);
		Atomics.notify(this.#views.words, Word.tail);
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
	 * Moves the stream into a bigger ring with everything that can still be read, at unchanged positions, so a cursor into the
	 * old ring is a cursor into the new one. The old ring is marked `replaced` and its readers are woken; whoever owns the
	 * stream must now tell them where the new one is.
	 */
	grow(capacityBytes: number): RingWriter {
		assert(capacityBytes > this.capacityBytes, 'a ring only grows');
		const old = this.#views;
		const readableUnits = Math.min(distance(old.words[Word.oldest]!, this.#tail), old.capacityUnits);
		const ring = RingWriter.allocate(capacityBytes, this.#tail);
		const views = viewRing(ring);
		views.header.set(old.header);
		views.words[Word.capacityUnits] = views.capacityUnits;
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
		words[at / 4] = position;
		figures[at / 8 + 1] = dtsMs;
		Atomics.store(words, Word.startPointCount, (count + 1) | 0);
	}

	#writeTag(position: Position, tagType: number, dtsMs: number, body: Uint8Array): void {
		const timestamp = toUint32(dtsMs);
		const tagSize = body.length + FLV_TAG_HEADER_BYTES;
		tagHeader[0] = tagType;
		tagHeader.writeUIntBE(body.length, 1, 3); // DataSize
		tagHeader.writeUIntBE(timestamp & 0xffffff, 4, 3); // Timestamp
		tagHeader[7] = timestamp >>> 24; // TimestampExtended
		let at = this.#copyIn((position & this.#views.unitMask) * UNIT_BYTES, tagHeader); // StreamID stays 0
		at = this.#copyIn(at, body);
		previousTagSize.writeUInt32BE(tagSize, 0);
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

const tagHeader = Buffer.alloc(FLV_TAG_HEADER_BYTES);
const previousTagSize = Buffer.alloc(4);

/** FLV and RTMP timestamps are milliseconds modulo 2^32; dtsMs may be far beyond that, so no `>>> 0` on a float above 2^53. */
function toUint32(dtsMs: number): number {
	return dtsMs % 4294967296;
}
