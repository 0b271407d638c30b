import { PREVIOUS_TAG_SIZE_BYTES, TAG_HEADER_BYTES, TagType } from '../container/flv/tag.js';
import type { FramesFromFlv } from '../remux/frames-from-flv.js';
import { Figure, type Position, RecordKind } from '../ring/layout.js';
import { LAPPED, type RecordBatch, RingReader } from '../ring/ring-reader.js';
import type { HeaderSlot } from '../ring/ring-writer.js';

/** Tags taken at once. */
const MAX_BATCH_BYTES = 1024 * 1024;

/** Where reading begins: at a keyframe, with what is needed to decode it. */
export type RingEntry = { batch: RecordBatch; headers: readonly HeaderSlot[]; dtsMs: number };

/** `ended`: the stream's last record has been read. `idle`: nothing new. */
export type RingStep = 'more' | 'idle' | 'ended';

/** Follows a stream's ring from a keyframe on and turns its records into frames. */
export class RingFrames {
	#reader: RingReader;
	#frames: FramesFromFlv | null = null;
	#cursor: Position = 0;
	#lapped = false;
	#skips = 0;
	#bytesRead = 0;
	#dtsMs = 0;

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

	/** Jumps to a keyframe because the ring had gone on without this reader. */
	get skips(): number {
		return this.#skips;
	}

	get bytesRead(): number {
		return this.#bytesRead;
	}

	/** Stream time of the newest record in the ring. */
	get newestDtsMs(): number {
		return this.#reader.figure(Figure.lastDtsMs);
	}

	/** Stream time that the frame handed on last is behind the newest record in the ring. */
	get lagMs(): number {
		return Math.max(0, this.newestDtsMs - this.#dtsMs);
	}

	/** A keyframe to begin with: the oldest in the ring, or the newest. Null when there is none yet. */
	findEntry(oldest: boolean): RingEntry | null {
		const reader = this.#reader;
		if (!reader.ready) {
			return null;
		}
		const { version, slots } = reader.readHeaders();
		const start = oldest ? reader.oldestStart() : reader.startPosition(0);
		const batch = start === null ? null : reader.read(start, MAX_BATCH_BYTES);
		// Headers that changed meanwhile may not fit the keyframe: the next try finds one that they fit.
		if (batch === null || batch === LAPPED || reader.headersVersion !== version) {
			return null;
		}
		return { batch, headers: slots, dtsMs: batch.records[0]?.dtsMs ?? 0 };
	}

	/** Begins to feed `frames`. @returns what became of the first batch. */
	begin(entry: RingEntry, frames: FramesFromFlv): RingStep {
		this.#frames = frames;
		return this.#enter(entry);
	}

	/** Feeds the next records. A reader that was lapped goes on at the newest keyframe, behind a splice. */
	step(): RingStep {
		if (this.#lapped) {
			const entry = this.findEntry(false);
			return entry === null ? 'idle' : this.#enter(entry);
		}
		const batch = this.#reader.read(this.#cursor, MAX_BATCH_BYTES);
		if (batch === null) {
			return 'idle';
		}
		if (batch === LAPPED) {
			this.#lapped = true;
			this.#skips++;
			this.#frames?.splice();
			return 'more';
		}
		return this.#feed(batch);
	}

	#enter({ batch, headers, dtsMs }: RingEntry): RingStep {
		this.#lapped = false;
		for (const { kind, body } of headers) {
			const tagType = TAG_TYPES[kind];
			if (tagType !== undefined) {
				this.#frames?.tag(tagType, dtsMs, Buffer.from(body));
			}
		}
		return this.#feed(batch);
	}

	#feed(batch: RecordBatch): RingStep {
		const frames = this.#frames;
		this.#cursor = batch.next;
		this.#bytesRead += batch.bytes.length;
		if (frames === null) {
			return 'idle';
		}
		for (const { kind, dtsMs, offset, length } of batch.records) {
			const tagType = TAG_TYPES[kind];
			if (tagType !== undefined) {
				this.#dtsMs = dtsMs;
				const body = batch.bytes.subarray(offset + TAG_HEADER_BYTES, offset + length - PREVIOUS_TAG_SIZE_BYTES);
				frames.tag(tagType, dtsMs, body);
			} else if (kind === RecordKind.splice) {
				frames.splice();
			} else if (kind === RecordKind.end) {
				return 'ended';
			}
		}
		return 'more';
	}
}

/** Records that carry a tag with frames or their configuration. */
const TAG_TYPES: { readonly [kind in RecordKind]?: number } = {
	[RecordKind.audio]: TagType.audio,
	[RecordKind.audioHeader]: TagType.audio,
	[RecordKind.video]: TagType.video,
	[RecordKind.videoHeader]: TagType.video,
	[RecordKind.script]: TagType.script,
};
