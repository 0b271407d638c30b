/** A source that jumps further than this against the wall clock (a device that was changed, a machine that slept) starts anew. */
const MAX_DRIFT_MS = 500;

/**
 * Brings the times of one captured track onto the page's clock. Audio and video of a browser count from different origins; each is
 * anchored to the moment at which its first frame arrived and then follows its own, even, timestamps.
 */
export class TrackClock {
	#offsetMs: number | null = null;
	#lastMs = Number.NEGATIVE_INFINITY;

	/** Time of a frame in ms of the page's clock; never before the last one. `timestampUs` is the frame's own time. */
	timeOf(timestampUs: number, arrivedAtMs: number): number {
		const ownMs = timestampUs / 1000;
		if (this.#offsetMs === null || Math.abs(ownMs + this.#offsetMs - arrivedAtMs) > MAX_DRIFT_MS) {
			this.#offsetMs = arrivedAtMs - ownMs;
		}
		this.#lastMs = Math.max(this.#lastMs, ownMs + this.#offsetMs);
		return this.#lastMs;
	}
}
