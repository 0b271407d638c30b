import { Figure, type Position, RecordKind, StreamFlag } from './layout.js';
import { LAPPED, type RecordBatch, RingReader, SpanMemory } from './ring-reader.js';
import type { HeaderSlot } from './ring-writer.js';

/** Tags taken at once. */
const MAX_BATCH_BYTES = 1024 * 1024;

/** The place where reading begins: a keyframe, with what is needed to decode it. */
export type RingEntry = { start: Position; headers: readonly HeaderSlot[]; dtsMs: number };

/** `ended`: the stream's last record has been read. `idle`: nothing new. */
export type RingStep = 'more' | 'idle' | 'ended';

/** Takes a stream's records. */
export type RingTaker = {
	/** The next records begin at a keyframe at `dtsMs`. They do not continue the earlier ones, if there were any. */
	enter(headers: readonly HeaderSlot[], dtsMs: number): void;
	/** The bytes, in which tags lie apart, may be changed; they are borrowed until return. */
	take(batch: RecordBatch): void;
};

/** One for all in a thread: what it holds is used up before anybody else reads. */
const MEMORY = new SpanMemory();

/** Follows a stream's ring from a keyframe on; when the ring has gone on without it, it goes on at the newest one. */
export class RingFollower {
	#reader: RingReader;
	#taker: RingTaker | null = null;
	#cursor: Position = 0;
	#lapped = false;
	#nextFrameNumber = 0;
	#skips = 0;
	#lostRecords = 0;

	constructor(ring: SharedArrayBuffer) {
		this.#reader = new RingReader(ring);
	}

	/** A bigger ring goes on where the present one stops, at the same positions. */
	replaceRing(ring: SharedArrayBuffer): void {
		this.#reader = new RingReader(ring);
	}

	get ended(): boolean {
		return this.#reader.ended;
	}

	get hasAudio(): boolean {
		return (this.#reader.flags & StreamFlag.hasAudio) !== 0;
	}

	get hasVideo(): boolean {
		return (this.#reader.flags & StreamFlag.hasVideo) !== 0;
	}

	/** Jumps to a keyframe because the ring had gone on without this reader. */
	get skips(): number {
		return this.#skips;
	}

	/** Records that were jumped over. */
	get lostRecords(): number {
		return this.#lostRecords;
	}

	/** Stream time of the newest record in the ring. */
	get newestDtsMs(): number {
		return this.#reader.figure(Figure.lastDtsMs);
	}

	/** A keyframe to begin with: the oldest in the ring, or the newest. Null when there is none yet. */
	findEntry(oldest: boolean): RingEntry | null {
		const reader = this.#reader;
		if (!reader.ready) {
			return null;
		}
		const { version, slots } = reader.readHeaders();
		const start = oldest ? reader.oldestStart() : reader.startPosition(0);
		const first = start === null ? null : reader.readSpan(start, 0, MEMORY);
		// Headers that changed meanwhile may not fit the keyframe: the next try finds one that they fit.
		if (start === null || first === null || first === LAPPED || reader.headersVersion !== version) {
			return null;
		}
		return { start, headers: slots, dtsMs: first.records[0]?.dtsMs ?? 0 };
	}

	/** Begins to feed `taker`. @returns what became of the first batch. */
	begin(entry: RingEntry, taker: RingTaker): RingStep {
		this.#taker = taker;
		this.#enter(entry);
		return this.step();
	}

	/** Hands on the next records. */
	step(): RingStep {
		if (this.#lapped) {
			const entry = this.findEntry(false);
			if (entry === null) {
				return 'idle';
			}
			this.#enter(entry);
		}
		const batch = this.#reader.readSpan(this.#cursor, MAX_BATCH_BYTES, MEMORY);
		if (batch === null) {
			return 'idle';
		}
		if (batch === LAPPED) {
			this.#lapped = true;
			return 'more';
		}
		const [first] = batch.records;
		const last = batch.records.at(-1);
		if (this.#lapped) {
			this.#lapped = false;
			this.#skips++;
			this.#lostRecords += ((first?.frameNumber ?? 0) - this.#nextFrameNumber) | 0;
		}
		this.#cursor = batch.next;
		this.#nextFrameNumber = ((last?.frameNumber ?? 0) + 1) | 0;
		this.#taker?.take(batch);
		return last?.kind === RecordKind.end ? 'ended' : 'more';
	}

	#enter({ start, headers, dtsMs }: RingEntry): void {
		this.#cursor = start;
		this.#taker?.enter(headers, dtsMs);
	}
}
