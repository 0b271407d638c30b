import { assert } from '../errors.js';
import { fence } from './fence.js';
import { distance, type Position } from './layout.js';
import {
	copyFromRing,
	PART_HEADER_BYTES,
	PART_RECORD_BYTES,
	PART_RING_MAGIC,
	PART_UNIT_BYTES,
	PartKind,
	type PartRecord,
	type PartRingViews,
	PartWord,
	PLAIN_RECORD,
	partRecordUnits,
	viewPartRing,
	writePartRecord,
} from './part-layout.js';
import { PartRingReader } from './part-ring-reader.js';
import { LAPPED } from './ring-reader.js';

/** The fields of a record besides its payload. */
export type PartRecordFields = Partial<Omit<PartRecord, 'position' | 'length'>> & Pick<PartRecord, 'kind' | 'msn'>;

/**
 * The one writer of a part ring: a remux task, and after it its successor. The order of stores is the algorithm: oldest,
 * tailIntent, bytes, tail, notify.
 */
export class PartRingWriter {
	readonly ring: SharedArrayBuffer;
	readonly #views: PartRingViews;
	readonly #head = Buffer.alloc(PART_RECORD_BYTES);
	/** Segments that can still be read, oldest first. */
	readonly #segments: Position[] = [];
	#tail: Position;

	private constructor(ring: SharedArrayBuffer) {
		this.ring = ring;
		this.#views = viewPartRing(ring);
		assert(this.#views.words[PartWord.magic] === PART_RING_MAGIC, 'not a part ring');
		this.#tail = Atomics.load(this.#views.words, PartWord.tail);
	}

	/** Allocates an empty ring of `capacityBytes` (a power of two); its first position is `start`. */
	static allocate(capacityBytes: number, start: Position = 0): SharedArrayBuffer {
		assert(Number.isInteger(Math.log2(capacityBytes)), `part ring of ${capacityBytes} bytes is not a power of two`);
		const ring = new SharedArrayBuffer(PART_HEADER_BYTES + capacityBytes);
		const { words } = viewPartRing(ring);
		words[PartWord.capacityUnits] = capacityBytes / PART_UNIT_BYTES;
		for (const word of [PartWord.tail, PartWord.tailIntent, PartWord.oldest]) {
			words[word] = start;
		}
		Atomics.store(words, PartWord.magic, PART_RING_MAGIC);
		return ring;
	}

	/** Becomes the writer of `ring`, whose last writer is gone, perhaps in the middle of a record. */
	static attach(ring: SharedArrayBuffer): PartRingWriter {
		const writer = new PartRingWriter(ring);
		const { words } = writer.#views;
		// `oldest` went ahead of that writer's intent: the records that it has overwritten are forgotten already.
		Atomics.store(words, PartWord.tailIntent, writer.#tail);
		const reader = new PartRingReader(ring);
		for (let batch = reader.scan(reader.oldest); batch !== null && batch !== LAPPED; batch = reader.scan(batch.next)) {
			for (const { kind, position } of batch.records) {
				if (kind === PartKind.segment) {
					writer.#segments.push(position);
				}
			}
		}
		return writer;
	}

	get capacityBytes(): number {
		return this.#views.capacityUnits * PART_UNIT_BYTES;
	}

	/** Bytes that can still be read. */
	get usedBytes(): number {
		return distance(Atomics.load(this.#views.words, PartWord.oldest), this.#tail) * PART_UNIT_BYTES;
	}

	/** One of the header's words (PartWord) that belong to the writer, or `wantedAt`. */
	get(word: number): number {
		return Atomics.load(this.#views.words, word);
	}

	set(word: number, value: number): void {
		Atomics.store(this.#views.words, word, value);
	}

	/**
	 * Appends one record and wakes the readers; `payload` is copied before return. Older segments give way, whole: the caller sees
	 * to it that the ring is large enough for what readers have been promised.
	 */
	write(fields: PartRecordFields, payload: readonly Uint8Array[] = []): void {
		const { words, bytes, unitMask } = this.#views;
		const length = payload.reduce((sum, chunk) => sum + chunk.length, 0);
		const start = this.#tail;
		const tail = (start + partRecordUnits(length)) | 0;
		assert(distance(start, tail) <= this.#views.capacityUnits, `record of ${length} bytes in a part ring`);
		this.#makeRoom(start, tail);
		Atomics.store(words, PartWord.tailIntent, tail);
		fence();
		writePartRecord(this.#head, { ...PLAIN_RECORD, ...fields, length });
		let at = this.#copyIn((start & unitMask) * PART_UNIT_BYTES, this.#head);
		for (const chunk of payload) {
			at = this.#copyIn(at === bytes.length ? 0 : at, chunk);
		}
		if (fields.kind === PartKind.segment) {
			this.#segments.push(start);
		}
		this.#tail = tail;
		Atomics.store(words, PartWord.tail, tail);
		Atomics.notify(words, PartWord.tail);
	}

	/** Forgets everything written so far: readers go on at what comes next. */
	clear(): void {
		this.#segments.length = 0;
		Atomics.store(this.#views.words, PartWord.oldest, this.#tail);
		Atomics.notify(this.#views.words, PartWord.tail);
	}

	/**
	 * Goes on in a ring of another size, at unchanged positions, with as many of the newest segments as fit. The old
	 * ring is marked `replaced` and its readers are woken. The owner of the stream must now tell them where the new one
	 * is.
	 */
	resize(capacityBytes: number): PartRingWriter {
		const capacityUnits = capacityBytes / PART_UNIT_BYTES;
		const from = this.#segments.find((position) => distance(position, this.#tail) <= capacityUnits) ?? this.#tail;
		const ring = PartRingWriter.allocate(capacityBytes, this.#tail);
		const { words, bytes, unitMask } = viewPartRing(ring);
		const old = this.#views;
		for (let word: number = PartWord.targetDuration; word <= PartWord.wantedAt; word++) {
			words[word] = Atomics.load(old.words, word);
		}
		for (let position = from; distance(position, this.#tail) > 0; ) {
			const at = (position & unitMask) * PART_UNIT_BYTES;
			const length = Math.min(distance(position, this.#tail) * PART_UNIT_BYTES, bytes.length - at);
			copyFromRing(old.bytes, (position & old.unitMask) * PART_UNIT_BYTES, bytes, at, length);
			position = (position + length / PART_UNIT_BYTES) | 0;
		}
		words[PartWord.oldest] = from;
		const next = PartRingWriter.attach(ring);
		Atomics.store(old.words, PartWord.replaced, 1);
		Atomics.notify(old.words, PartWord.tail);
		return next;
	}

	/** Moves `oldest` past every record that one up to `tail` overwrites, before it does. */
	#makeRoom(start: Position, tail: Position): void {
		const { words, capacityUnits } = this.#views;
		let isMoved = false;
		while (this.#segments.length > 0 && distance(this.#segments[0]!, tail) > capacityUnits) {
			this.#segments.shift();
			isMoved = true;
		}
		if (isMoved || this.#segments.length === 0) {
			Atomics.store(words, PartWord.oldest, this.#segments[0] ?? start);
		}
	}

	#copyIn(at: number, source: Uint8Array): number {
		const { bytes } = this.#views;
		const room = bytes.length - at;
		if (source.length <= room) {
			bytes.set(source, at);
			return at + source.length;
		}
		bytes.set(source.subarray(0, room), at);
		bytes.set(source.subarray(room), 0);
		return source.length - room;
	}
}
