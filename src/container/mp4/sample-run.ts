import type { BufferPool } from '../../bytes/buffer-pool.js';
import { assert } from '../../errors.js';

/** sample_flags of a sample that others do not need to be decoded before: depends on nothing. */
export const SYNC_SAMPLE_FLAGS = 0x02000000; // sample_depends_on = 2
/** Depends on others, and is no sync sample. */
export const DELTA_SAMPLE_FLAGS = 0x01010000; // sample_depends_on = 1, sample_is_non_sync_sample
/** As above, and nothing depends on it. */
export const DROPPABLE_SAMPLE_FLAGS = 0x01810000; // sample_is_depended_on = 2

const INITIAL_SAMPLES = 64;
const INITIAL_BYTES = 16 * 1024;
const EMPTY = Buffer.alloc(0);

/**
 * Samples of one track back to back, as a `trun` describes them. Filled by one writer, then read. `reset` keeps the
 * memory of the tables, never that of the payload, which goes on to its writer.
 */
export class SampleRun {
	/** Decoding time of the first sample, in ticks of the track. */
	baseDecodeTime = 0;
	count = 0;
	sizes = new Uint32Array(INITIAL_SAMPLES);
	durations = new Uint32Array(INITIAL_SAMPLES);
	flags = new Uint32Array(INITIAL_SAMPLES);
	/** Presentation minus decoding time in ticks, signed. */
	compositionOffsets = new Int32Array(INITIAL_SAMPLES);
	/** Sum of the durations. */
	durationTicks = 0;
	readonly #pool: BufferPool | null;
	#payload: Buffer = EMPTY;
	#payloadBytes = 0;
	/** The size of the last run's payload. The next run starts with room for as much. */
	#expectedBytes = INITIAL_BYTES;

	/** Memory of payloads comes from `pool`. The one who has written a payload out gives it back. */
	constructor(pool: BufferPool | null = null) {
		this.#pool = pool;
	}

	get payloadBytes(): number {
		return this.#payloadBytes;
	}

	/** The samples' bytes; not to be modified. */
	get payload(): Buffer {
		return this.#payload.subarray(0, this.#payloadBytes);
	}

	/** Appends a sample; `bytes` is copied, which is the one copy on the way to the disk. */
	push(bytes: Uint8Array, durationTicks: number, flags: number, compositionOffset: number): void {
		this.add(bytes.length, durationTicks, flags, compositionOffset);
		const end = this.#payloadBytes + bytes.length;
		if (end > this.#payload.length) {
			this.#growPayload(end);
		}
		this.#payload.set(bytes, this.#payloadBytes);
		this.#payloadBytes = end;
	}

	/** Appends a sample of which only the length is wanted. */
	measure(size: number, durationTicks: number, flags: number, compositionOffset: number): void {
		this.add(size, durationTicks, flags, compositionOffset);
		this.#payloadBytes += size;
	}

	/** Appends a sample whose bytes are elsewhere. */
	add(size: number, durationTicks: number, flags: number, compositionOffset: number): void {
		const index = this.count;
		if (index === this.sizes.length) {
			this.#growTables();
		}
		this.sizes[index] = size;
		this.durations[index] = durationTicks;
		this.flags[index] = flags;
		this.compositionOffsets[index] = compositionOffset;
		this.durationTicks += durationTicks;
		this.count = index + 1;
	}

	/** Sets the duration of the newest sample, known only once the next one is. */
	stretchLast(durationTicks: number): void {
		assert(this.count > 0, 'a sample to stretch');
		this.durationTicks += durationTicks - this.durations[this.count - 1]!;
		this.durations[this.count - 1] = durationTicks;
	}

	/**
	 * Empties the run for the next one, which starts at `baseDecodeTime`. The old payload stays with the one who took
	 * it.
	 */
	reset(baseDecodeTime: number): void {
		this.baseDecodeTime = baseDecodeTime;
		this.count = 0;
		this.durationTicks = 0;
		this.#expectedBytes = Math.max(INITIAL_BYTES, Math.ceil(this.#payloadBytes * 1.125));
		this.#payload = EMPTY;
		this.#payloadBytes = 0;
	}

	#growPayload(needed: number): void {
		const size = Math.max(needed, this.#payload.length * 2, this.#expectedBytes);
		const grown = this.#pool?.take(size) ?? Buffer.allocUnsafeSlow(size);
		this.#payload.copy(grown, 0, 0, this.#payloadBytes);
		this.#pool?.give(this.#payload);
		this.#payload = grown;
	}

	#growTables(): void {
		const size = this.sizes.length * 2;
		this.sizes = grow(new Uint32Array(size), this.sizes);
		this.durations = grow(new Uint32Array(size), this.durations);
		this.flags = grow(new Uint32Array(size), this.flags);
		this.compositionOffsets = grow(new Int32Array(size), this.compositionOffsets);
	}
}

function grow<T extends Uint32Array | Int32Array>(larger: T, old: T): T {
	larger.set(old);
	return larger;
}
