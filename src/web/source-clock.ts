/** Arrivals are watched for this long before the first time is given out: one of them was on time. */
const SETTLE_MS = 1000;
/** The least delay of the last one to two windows counts as the delay of an arrival on time. */
const WINDOW_MS = 2000;
/** A source whose clock is off by more than this for a whole window has another clock: a changed device, a machine that slept. */
const MAX_DRIFT_MS = 500;
/** Smaller differences are made up for at this rate, which nobody sees or hears. */
const SLEW = 0.01;

/**
 * Brings the times of one captured track onto the page's clock. Sound and picture of a browser count from different origins, and a busy
 * page hears of both late. A frame can arrive late but never early, so the arrival with the least delay shows where a track's own
 * clock stands; the others say nothing. Both tracks are then on time to within the least delay of each.
 */
export class SourceClock {
	#startedAtMs: number | null = null;
	#offsetMs = 0;
	#lastOwnMs = 0;
	#lastMs = Number.NEGATIVE_INFINITY;
	#windowEndMs = 0;
	#leastNow = Number.POSITIVE_INFINITY;
	#leastBefore = Number.POSITIVE_INFINITY;

	/**
	 * Time of a frame in ms of the page's clock, never before the last one; null while the clock settles.
	 * @param timestampUs the frame's own time
	 */
	timeOf(timestampUs: number, arrivedAtMs: number): number | null {
		const ownMs = timestampUs / 1000;
		const target = this.#leastDelay(arrivedAtMs - ownMs, arrivedAtMs);
		this.#startedAtMs ??= arrivedAtMs;
		const isSettled = arrivedAtMs - this.#startedAtMs >= SETTLE_MS;
		const step = isSettled && this.#lastMs !== Number.NEGATIVE_INFINITY ? SLEW * Math.abs(ownMs - this.#lastOwnMs) : 0;
		const off = target - this.#offsetMs;
		const mayJump = step === 0 || Math.abs(off) > MAX_DRIFT_MS;
		this.#offsetMs += mayJump ? off : Math.max(-step, Math.min(step, off));
		this.#lastOwnMs = ownMs;
		if (!isSettled) {
			return null;
		}
		this.#lastMs = Math.max(this.#lastMs, ownMs + this.#offsetMs);
		return this.#lastMs;
	}

	#leastDelay(delayMs: number, arrivedAtMs: number): number {
		if (arrivedAtMs >= this.#windowEndMs) {
			this.#windowEndMs = arrivedAtMs + WINDOW_MS;
			this.#leastBefore = this.#leastNow;
			this.#leastNow = Number.POSITIVE_INFINITY;
		}
		this.#leastNow = Math.min(this.#leastNow, delayMs);
		return Math.min(this.#leastNow, this.#leastBefore);
	}
}
