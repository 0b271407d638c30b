import { CmafPackager } from '../remux/cmaf-packager.js';
import { FramesFromFlv } from '../remux/frames-from-flv.js';
import { RingFrames } from '../remux/ring-frames.js';
import { SegmentPlanner } from '../remux/segment-planner.js';
import { Figure } from '../ring/layout.js';
import { MAX_PART_RING_BYTES, PartKind, PartWord } from '../ring/part-layout.js';
import { PartRingWriter } from '../ring/part-ring-writer.js';
import { RingFollower } from '../ring/ring-follower.js';
import { RingReader } from '../ring/ring-reader.js';
import { PartPublisher } from './part-publisher.js';

export type LivePolicy = {
	/** A segment ends at the first keyframe at or after this. */
	segmentMs: number;
	/** A segment ends here even without a keyframe. */
	maxSegmentMs: number;
	/** Longest part. */
	partMs: number;
};

export type LivePackagingParts = {
	/** The stream's frames. */
	ring: SharedArrayBuffer;
	/** The ring that takes the parts. */
	parts: SharedArrayBuffer;
	policy: LivePolicy;
	/** Parts go to another ring from now on. */
	moved: (parts: SharedArrayBuffer) => void;
	/** Wall clock, milliseconds since 1970. */
	now?: () => number;
};

/** A part is ended early rather than grow beyond this: with one more frame it still fits the largest ring several times. */
const MAX_PART_BYTES = MAX_PART_RING_BYTES / 8;
/** Packaging goes on for this long after the last request. */
const LINGER_SECONDS = 60;

/**
 * Packages one stream for LL-HLS while somebody watches: from the frame ring through the CMAF packager into the part ring. It begins
 * with the oldest keyframe of the frame ring, so the first viewer finds a playlist of the last seconds at once.
 */
export class LivePackaging {
	readonly #parts: LivePackagingParts;
	readonly #now: () => number;
	readonly #follower: RingFollower;
	#ring: SharedArrayBuffer;
	#writer: PartRingWriter;
	#active: { frames: FramesFromFlv; publisher: PartPublisher } | null = null;
	#began = false;

	constructor(parts: LivePackagingParts) {
		this.#parts = parts;
		this.#now = parts.now ?? Date.now;
		this.#ring = parts.ring;
		this.#follower = new RingFollower(parts.ring);
		this.#writer = PartRingWriter.attach(parts.parts);
	}

	/** A bigger frame ring goes on where the present one stops. */
	replaceRing(ring: SharedArrayBuffer): void {
		this.#ring = ring;
		this.#follower.replaceRing(ring);
	}

	/**
	 * Takes what is new; to be called several times for each part.
	 * @returns true when the stream is over.
	 */
	advance(): boolean {
		const isLast = this.#follower.ended;
		const isWanted = this.#now() / 1000 - this.#writer.get(PartWord.wantedAt) <= LINGER_SECONDS;
		let step = isWanted ? this.#follow() : this.#rest();
		while (step === 'more') {
			step = this.#follower.step();
		}
		if (!isLast && step !== 'ended') {
			return false;
		}
		if (this.#active === null) {
			this.#writer.write({ kind: PartKind.end, msn: 0 });
		} else {
			this.#active.frames.end();
		}
		return true;
	}

	#follow(): 'more' | 'idle' | 'ended' {
		if (this.#active !== null) {
			return this.#follower.step();
		}
		// Behind what an earlier task has packaged, go on with the newest: a discontinuity it is anyway.
		const entry = this.#follower.findEntry(this.#began || this.#writer.usedBytes === 0);
		if (entry === null) {
			return 'idle';
		}
		this.#began = true;
		const publisher = new PartPublisher({
			writer: this.#writer,
			startedAtMs: Math.round(this.#now() - Math.max(0, this.#follower.newestDtsMs - entry.dtsMs)),
			bitsPerSecond: new RingReader(this.#ring).figure(Figure.bitsPerSecond),
			moved: (writer) => {
				this.#writer = writer;
				this.#parts.moved(writer.ring);
			},
		});
		const { segmentMs, maxSegmentMs, partMs } = this.#parts.policy;
		const targetDuration = this.#writer.get(PartWord.targetDuration);
		const partTargetMs = this.#writer.get(PartWord.partTargetMs);
		// The promises of earlier segments of this stream hold for these, too.
		const frames = new FramesFromFlv(
			new SegmentPlanner(new CmafPackager(publisher, { maxFragmentBytes: MAX_PART_BYTES }), {
				targetMs: segmentMs,
				maxMs: maxSegmentMs,
				targetDuration,
				partMs: partTargetMs === 0 ? partMs : partTargetMs,
			}),
		);
		this.#active = { frames, publisher };
		return this.#follower.begin(entry, new RingFrames(frames));
	}

	#rest(): 'idle' {
		if (this.#active !== null) {
			this.#active.publisher.rest();
			this.#active = null;
		}
		return 'idle';
	}
}
