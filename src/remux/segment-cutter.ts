export type CutPolicy = {
	/** A segment ends at the first keyframe at or after this. */
	targetMs: number;
	/** A segment ends here even without a keyframe. */
	maxMs: number;
	/** Longest fragment within a segment; 0 = as long as the segment. */
	partMs: number;
	/** In whole seconds, of a playlist that is continued; `partMs` is its part target then. 0 = chosen when the first segment ends. */
	targetDuration: number;
};

export const Cut = { none: 0, part: 1, segment: 2 } as const;
export type Cut = (typeof Cut)[keyof typeof Cut];

/** Timestamps are whole milliseconds: a GOP of 4 s may come out as 3,999. */
const TOLERANCE_MS = 20;
/** A part may be this much too long for the same reason. */
const ROUNDING_MS = 0.5;
/** A gap that is no frame's duration. */
const STILL_MS = 1000;
/** A frame is late when it is overdue by half of its time: nothing waits for it then. */
const LATE_FRAMES = 1.5;
/** Keyframe intervals that differ by no more count as regular. */
const REGULAR_GOP_MS = 100;
/** EXTINF may round half a second away. This much of it is left after a frame that is longer than its fellows. */
const LONGEST_ROUNDED_DOWN_MS = 450;
/** A longer gap between two frames counts as their rate only where frames come so slowly: the first gap, or one like that before it. */
const MAX_FRAME_GAP_MS = 1000;
const MAX_SLIDE_MS = 10_000;
const SAME_GAP = 0.2;
/** Room in the part target for frames that do not come evenly: a share of a frame, and of all, so that parts last 85 % of it. */
const PART_SLACK_OF_FRAME = 0.25;
const PART_SLACK = 0.1;

/** Decides, on the times of one leading track, where segments and their parts end. */
export class SegmentCutter {
	readonly #policy: CutPolicy;
	#maxMs: number;
	#segmentStartMs = Number.NaN;
	#partStartMs = 0;
	/** The latest end that the last part may have. */
	#partEndMs = Number.POSITIVE_INFINITY;
	#lastMs = 0;
	/** Between the leading track's last two frames. */
	#gapMs = 0;
	/** The time of the other track. */
	#otherMs = Number.NaN;
	#lastKeyframeMs = Number.NaN;
	#shortestGopMs = Number.POSITIVE_INFINITY;
	#longestGopMs = 0;
	/** Typical time between frames, to see whether the next frame would make a part too long. */
	#frameMs = 0;
	#gapsMs = 0;
	#gaps = 0;
	#partMs: number;
	/** Parts are listed from now on, and none may be longer than the target. */
	#partTargetFixed = false;

	constructor(policy: CutPolicy) {
		this.#policy = policy;
		this.#maxMs = policy.maxMs;
		this.#partMs = policy.partMs;
		if (policy.targetDuration > 0) {
			this.#keepTo(policy.targetDuration);
			this.#partTargetFixed = true;
		}
	}

	/**
	 * Chooses, in whole seconds, the target duration that a playlist keeps for life. It is the longest segment with the
	 * keyframe intervals seen so far, and at least `firstMs`, the first segment's length. From now on no segment gets
	 * longer than it allows, keyframe or not.
	 */
	fixTargetDuration(firstMs: number): number {
		const { targetMs, maxMs, targetDuration } = this.#policy;
		if (targetDuration > 0) {
			return targetDuration;
		}
		const longest = this.#longestGopMs;
		const regular = longest > 0 && longest - this.#shortestGopMs <= REGULAR_GOP_MS;
		const irregularMs = longest > 0 ? targetMs + longest : maxMs;
		const expectedMs = regular ? Math.ceil((targetMs - TOLERANCE_MS) / longest) * longest : irregularMs;
		const longEnough = Math.max(expectedMs - REGULAR_GOP_MS, firstMs - LONGEST_ROUNDED_DOWN_MS);
		const seconds = Math.max(1, Math.ceil(Math.min(longEnough, maxMs - REGULAR_GOP_MS) / 1000));
		this.#keepTo(seconds);
		return seconds;
	}

	/**
	 * Chooses the part target that a playlist keeps for life: as many frames as `partMs` has room for, and a little more
	 * since frames do not come evenly. From now on parts come to at most that, and to 85 % of it. 0 when there are no parts. Milliseconds.
	 */
	fixPartTarget(): number {
		const frameMs = this.#gaps === 0 ? 0 : this.#gapsMs / this.#gaps;
		const { partMs } = this.#policy;
		if (partMs > 0 && frameMs > 0 && this.#policy.targetDuration === 0) {
			const fullMs = Math.max(1, Math.floor((partMs + ROUNDING_MS) / frameMs)) * frameMs;
			this.#partMs = Math.ceil(fullMs + Math.min(frameMs * PART_SLACK_OF_FRAME, fullMs * PART_SLACK));
		}
		this.#partTargetFixed = true;
		return this.#partMs;
	}

	/** Tells what must end in front of the leading track's frame at `timeMs`. A cut takes effect with this call. */
	before(timeMs: number, keyframe: boolean): Cut {
		if (keyframe) {
			this.#seeKeyframe(timeMs);
		}
		if (Number.isNaN(this.#segmentStartMs)) {
			this.#start(timeMs);
			return Cut.none;
		}
		const gapMs = timeMs - this.#lastMs;
		this.#lastMs = timeMs;
		const typical = this.#isTypical(gapMs);
		this.#gapMs = gapMs;
		if (typical) {
			this.#frameMs = this.#frameMs === 0 ? gapMs : this.#frameMs + (gapMs - this.#frameMs) / 8;
			this.#gapsMs += gapMs;
			this.#gaps++;
		}
		const lengthMs = timeMs - this.#segmentStartMs;
		const overdue = lengthMs + this.#frameMs > this.#maxMs;
		if ((keyframe && lengthMs >= this.#policy.targetMs - TOLERANCE_MS) || overdue) {
			this.#start(timeMs);
			return Cut.segment;
		}
		if (this.#partMs > 0 && timeMs - this.#partStartMs + this.#frameMs > this.#partMs + ROUNDING_MS) {
			this.#endPart(timeMs);
			return Cut.part;
		}
		return Cut.none;
	}

	/** Tells what must end in front of another track's frame at `timeMs` while the leading track stands still. */
	beforeOther(timeMs: number): Cut {
		const gapMs = timeMs - this.#otherMs;
		this.#otherMs = timeMs;
		const lateMs = timeMs - this.#lastMs;
		const frameMs = gapMs < STILL_MS ? gapMs : 0;
		if (!(lateMs > LATE_FRAMES * this.#frameMs)) {
			return Cut.none;
		}
		if (timeMs - this.#segmentStartMs + frameMs > this.#maxMs) {
			this.#segmentStartMs = timeMs;
			this.#partStartMs = timeMs;
			this.#partEndMs = timeMs;
			this.#lastKeyframeMs = Number.NaN;
			return Cut.segment;
		}
		if (this.#partMs > 0 && timeMs - this.#partStartMs + frameMs > this.#partMs + ROUNDING_MS) {
			this.#endPart(timeMs);
			return Cut.part;
		}
		return Cut.none;
	}

	/**
	 * The end of the part that the last cut has ended in front of `nextMs`: a single track's frame that is awaited for long is not
	 * counted, because no part may be longer than its target.
	 */
	partEndBefore(nextMs: number): number {
		return Math.min(nextMs, this.#partEndMs);
	}

	/**
	 * The end of a segment that began at `startMs`, with the next frame at `nextMs`: no segment may be longer than the target duration
	 * says, so a single track's frame that is awaited for long is not counted.
	 */
	endBefore(nextMs: number, startMs: number): number {
		return Math.min(nextMs, startMs + this.#maxMs);
	}

	/** The frame at `timeMs` starts a segment against any policy. */
	restart(timeMs: number): void {
		this.#lastKeyframeMs = Number.NaN;
		this.#start(timeMs);
	}

	/** True for a gap that tells how often frames come, and is no interruption. */
	#isTypical(gapMs: number): boolean {
		if (gapMs <= 0 || gapMs < MAX_FRAME_GAP_MS) {
			return gapMs > 0;
		}
		const likeBefore = Math.abs(gapMs - this.#gapMs) <= SAME_GAP * this.#gapMs;
		return gapMs <= MAX_SLIDE_MS && (this.#gaps === 0 || likeBefore);
	}

	#endPart(timeMs: number): void {
		this.#partEndMs = this.#partTargetFixed ? this.#partStartMs + this.#partMs + ROUNDING_MS : timeMs;
		this.#partStartMs = timeMs;
	}

	#keepTo(targetDuration: number): void {
		this.#maxMs = Math.min(this.#maxMs, targetDuration * 1000 + LONGEST_ROUNDED_DOWN_MS);
	}

	#seeKeyframe(timeMs: number): void {
		const gopMs = timeMs - this.#lastKeyframeMs;
		if (gopMs > 0) {
			this.#shortestGopMs = Math.min(this.#shortestGopMs, gopMs);
			this.#longestGopMs = Math.max(this.#longestGopMs, gopMs);
		}
		this.#lastKeyframeMs = timeMs;
	}

	#start(timeMs: number): void {
		this.#segmentStartMs = timeMs;
		this.#partStartMs = timeMs;
		this.#lastMs = timeMs;
	}
}
