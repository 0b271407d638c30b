import type { TrackConfig } from '../codec/track-config.js';
import type { Frame } from '../remux/frame.js';

/** A step in a track's time above this is a gap. */
const GAP_MS = 1000;

/** The figures of the frames of one track. Times are those of the source. */
export class TrackFigures {
	readonly kind: 'video' | 'audio';
	config: TrackConfig;
	/** Times that the decoder configuration changed. */
	changes = 0;
	frames = 0;
	bytes = 0;
	keyframes = 0;
	firstDtsMs = Number.NaN;
	lastDtsMs = Number.NaN;
	/** Presentation time of the first frame. */
	firstPtsMs = Number.NaN;
	backwardSteps = 0;
	/** Frames at the time of the one before. */
	repeatedTimes = 0;
	/** Steps of more than a second ahead. */
	gaps = 0;
	largestGapMs = 0;
	/** Frames that are shown in another order than they are decoded in. */
	reordered = 0;
	/** Frames that are to be shown before they are decoded. */
	shownBeforeDecoded = 0;
	/** Frames before the first keyframe. */
	framesBeforeKeyframe = 0;
	readonly gopsMs: number[] = [];
	readonly #steps = new Map<number, number>();
	#lastKeyframeMs = Number.NaN;

	constructor(config: TrackConfig) {
		this.kind = config.kind;
		this.config = config;
	}

	/** `frame` is borrowed until return. */
	add({ dtsMs, compositionTimeMs, keyframe, payload }: Frame): void {
		this.frames++;
		this.bytes += payload.length;
		if (Number.isNaN(this.firstDtsMs)) {
			this.firstDtsMs = dtsMs;
			this.firstPtsMs = dtsMs + compositionTimeMs;
		} else {
			this.#step(dtsMs - this.lastDtsMs);
		}
		this.lastDtsMs = dtsMs;
		this.reordered += compositionTimeMs === 0 ? 0 : 1;
		this.shownBeforeDecoded += compositionTimeMs < 0 ? 1 : 0;
		if (keyframe) {
			this.keyframes++;
			if (!Number.isNaN(this.#lastKeyframeMs) && dtsMs > this.#lastKeyframeMs) {
				this.gopsMs.push(dtsMs - this.#lastKeyframeMs);
			}
			this.#lastKeyframeMs = dtsMs;
		} else if (this.keyframes === 0) {
			this.framesBeforeKeyframe++;
		}
	}

	get durationMs(): number {
		return this.frames < 2 ? 0 : this.lastDtsMs - this.firstDtsMs + this.usualStepMs;
	}

	/** The commonest step between two frames; 0 of a single frame. */
	get usualStepMs(): number {
		let [usual, most] = [0, 0];
		for (const [step, count] of this.#steps) {
			if (count > most) {
				[usual, most] = [step, count];
			}
		}
		return usual;
	}

	get framesPerSecond(): number {
		const spanMs = this.lastDtsMs - this.firstDtsMs;
		return spanMs > 0 ? ((this.frames - 1) * 1000) / spanMs : 0;
	}

	get kbps(): number {
		return this.durationMs > 0 ? (this.bytes * 8) / this.durationMs : 0;
	}

	#step(ms: number): void {
		if (ms < 0) {
			this.backwardSteps++;
		} else if (ms === 0) {
			this.repeatedTimes++;
		} else if (ms > GAP_MS) {
			this.gaps++;
			this.largestGapMs = Math.max(this.largestGapMs, ms);
		} else {
			this.#steps.set(ms, (this.#steps.get(ms) ?? 0) + 1);
		}
	}
}
