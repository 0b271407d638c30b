/** Bitrate is measured over windows of this length. */
const WINDOW_MS = 1000;
/** Weight of the newest window. */
const SMOOTHING = 0.3;
/** Windows until the measured bitrate is worth acting upon: the first holds the burst of the first keyframe. */
const MIN_WINDOWS = 3;

/** Measures one source: how much it sends for each second of media, and for each second of time. */
export class PublicationMeter {
	#windowBytes = 0;
	#windowStartDtsMs: number | null = null;
	#mediaWindows = 0;
	#mediaBytesPerSecond = 0;
	#timeBytes = 0;
	#timeStartMs: number | null = null;
	#bitsPerSecond = 0;

	/** Smoothed bitrate by the clock, as it was at the last `tick`. */
	get bitsPerSecond(): number {
		return this.#bitsPerSecond;
	}

	/** Bytes of a tag. @returns true when a window of media was completed. */
	add(bytes: number, dtsMs: number): boolean {
		this.#timeBytes += bytes;
		this.#windowBytes += bytes;
		this.#windowStartDtsMs ??= dtsMs;
		const elapsedMs = dtsMs - this.#windowStartDtsMs;
		if (elapsedMs < WINDOW_MS) {
			return false;
		}
		const rate = (this.#windowBytes * 1000) / elapsedMs;
		this.#mediaBytesPerSecond = smooth(this.#mediaBytesPerSecond, rate, this.#mediaWindows);
		this.#mediaWindows += 1;
		this.#windowBytes = 0;
		this.#windowStartDtsMs = dtsMs;
		return true;
	}

	/** Bytes that `durationMs` of this source take, or 0 while that is not known. */
	bytesOf(durationMs: number): number {
		return this.#mediaWindows < MIN_WINDOWS ? 0 : (this.#mediaBytesPerSecond * durationMs) / 1000;
	}

	/** Updates `bitsPerSecond`; to be called about once a second with a monotonic time. */
	tick(nowMs: number): void {
		if (this.#timeStartMs !== null && nowMs > this.#timeStartMs) {
			const rate = (this.#timeBytes * 8000) / (nowMs - this.#timeStartMs);
			this.#bitsPerSecond = smooth(this.#bitsPerSecond, rate, this.#bitsPerSecond === 0 ? 0 : 1);
		}
		this.#timeStartMs = nowMs;
		this.#timeBytes = 0;
	}
}

function smooth(known: number, newest: number, windows: number): number {
	return windows === 0 ? newest : known + (newest - known) * SMOOTHING;
}
