export type CutPolicy = {
	/** A segment ends at the first keyframe at or after this. */
	targetMs: number;
	/** A segment ends here even without a keyframe. */
	maxMs: number;
	/** Longest fragment within a segment; 0 = as long as the segment. */
	partMs: number;
};

export const Cut = { none: 0, part: 1, segment: 2 } as const;
export type Cut = (typeof Cut)[keyof typeof Cut];

/** Timestamps are whole milliseconds: a GOP of 4 s may come out as 3,999. */
const TOLERANCE_MS = 20;
/** A part may be this much too long for the same reason. */
const ROUNDING_MS = 0.5;
/** Another track is let run ahead of the leading one by this much. */
const OVERFLOW_MS = 1000;
/** A gap between two frames that no part is stretched over. */
const MAX_FRAME_GAP_MS = 1000;

/** Decides, on the times of one leading track, where segments and their parts end. */
export class SegmentCutter {
	readonly #policy: CutPolicy;
	#maxMs: number;
	#segmentStartMs = Number.NaN;
	#partStartMs = 0;
	#lastMs = 0;
	/** Typical time between frames, to see whether the next frame would make a part too long. */
	#frameMs = 0;

	constructor(policy: CutPolicy) {
		this.#policy = policy;
		this.#maxMs = policy.maxMs;
	}

	/** Lowers the length at which a segment ends without a keyframe, once the playlist's target duration is fixed. */
	limitTo(maxMs: number): void {
		this.#maxMs = Math.min(this.#maxMs, maxMs);
	}

	/** What must end in front of the leading track's frame at `timeMs`; a cut takes effect with this call. */
	before(timeMs: number, keyframe: boolean): Cut {
		if (Number.isNaN(this.#segmentStartMs)) {
			this.#start(timeMs);
			return Cut.none;
		}
		const gapMs = timeMs - this.#lastMs;
		this.#lastMs = timeMs;
		if (gapMs > 0 && gapMs < MAX_FRAME_GAP_MS) {
			this.#frameMs = this.#frameMs === 0 ? gapMs : this.#frameMs + (gapMs - this.#frameMs) / 8;
		}
		const lengthMs = timeMs - this.#segmentStartMs;
		const overdue = lengthMs + this.#frameMs > this.#maxMs;
		if ((keyframe && lengthMs >= this.#policy.targetMs - TOLERANCE_MS) || overdue) {
			this.#start(timeMs);
			return Cut.segment;
		}
		if (this.#policy.partMs > 0 && timeMs - this.#partStartMs + this.#frameMs > this.#policy.partMs + ROUNDING_MS) {
			this.#partStartMs = timeMs;
			return Cut.part;
		}
		return Cut.none;
	}

	/** The segment should have ended long before `timeMs`, had the leading track gone on. */
	isOverflowing(timeMs: number): boolean {
		return timeMs - this.#segmentStartMs > this.#maxMs + OVERFLOW_MS;
	}

	/** The frame at `timeMs` starts a segment whatever the policy says. */
	restart(timeMs: number): void {
		this.#start(timeMs);
	}

	#start(timeMs: number): void {
		this.#segmentStartMs = timeMs;
		this.#partStartMs = timeMs;
		this.#lastMs = timeMs;
	}
}
