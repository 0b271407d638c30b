/** Flush work may take this share of a thread's time before the window grows; the promise is a fifth. */
const TARGET_SHARE = 0.18;
/** The window that the load alone may ask for; SRS's fixed one. */
const MAX_WINDOW_MS = 350;
/** A saturated thread may go further rather than stall. */
const MAX_SATURATED_WINDOW_MS = 1000;
const SATURATED = 0.9;
const RELAXED = 0.75;
const SATURATION_STEP = 1.3;

/** A period between two decisions, long enough to see every hub flushed. */
const PERIOD_MS = 250;
const PERIOD_WINDOWS = 1.5;
/** So much flush work ends a period early: viewers may come by the thousand in a second. */
const OVERWORKED_SHARE = TARGET_SHARE * 1.5;
/** ... but not before this many flushes, of which the longest is left out while the window is 0: the thread may have been held up once. */
const MIN_FLUSHES = 4;
/** Weight of the newest measurement when it is lower than what was known; a higher one is believed at once. */
const SMOOTHING = 0.5;
/** A window that does not merge anything only delays: it opens and closes around the stream's own record interval. */
const OPEN_ABOVE = 1.2;
const CLOSE_BELOW = 0.9;
/** Smaller changes, as a share of the window, are not worth moving the timers. */
const MIN_CHANGE = 0.1;

/**
 * The automatic merge window of one thread: the smallest that keeps flushing all its hubs under a fifth of the thread's time.
 *
 * One round (a flush of every hub) costs R ms, measured; a window W makes it cost R / W of the time, so W = R / 0.18. While
 * that is no longer than the time between two records there is nothing to merge, and the window is 0: every record is flushed
 * at once. Measured on two cores with 8 µs a write: 2,000 viewers get about 90 ms, 8,000 about 350 ms.
 */
export class MergeWindow {
	readonly #utilization: () => number;
	#windowMs = 0;
	#limitMs = MAX_WINDOW_MS;
	#roundMs = 0;
	#costMs = 0;
	#worstMs = 0;
	#flushes = 0;
	#records = 0;
	#hubs = 0;
	#period = 0;
	#periodStartMs: number;

	/** `utilization` gives the share of time that the event loop was busy since it was last asked. */
	constructor(nowMs: number, utilization: () => number) {
		this.#periodStartMs = nowMs;
		this.#utilization = utilization;
	}

	/** Number of the current period of measuring. */
	get period(): number {
		return this.#period;
	}

	/** Milliseconds; 0 = flush every record at once. */
	get windowMs(): number {
		return this.#windowMs;
	}

	/**
	 * Takes note of one flush that ended at `nowMs` and had records in it; `first`: the first one of its hub in this period.
	 * @returns true when `windowMs` has changed.
	 */
	account(costMs: number, records: number, first: boolean, nowMs: number): boolean {
		this.#costMs += costMs;
		this.#worstMs = Math.max(this.#worstMs, costMs);
		this.#records += records;
		this.#flushes++;
		if (first) {
			this.#hubs++;
		}
		const elapsedMs = nowMs - this.#periodStartMs;
		const periodMs = Math.max(PERIOD_MS, this.#windowMs * PERIOD_WINDOWS);
		const overworked = this.#flushes >= MIN_FLUSHES && this.#costMs > periodMs * OVERWORKED_SHARE;
		return (elapsedMs >= periodMs || overworked) && this.#decide(elapsedMs, nowMs);
	}

	#decide(elapsedMs: number, nowMs: number): boolean {
		const roundMs = this.#meanCostMs() * this.#hubs;
		const recordIntervalMs = (elapsedMs * this.#hubs) / this.#records;
		this.#roundMs += (roundMs - this.#roundMs) * (roundMs > this.#roundMs ? 1 : SMOOTHING);
		this.#costMs = 0;
		this.#worstMs = 0;
		this.#flushes = 0;
		this.#records = 0;
		this.#hubs = 0;
		this.#period++;
		this.#periodStartMs = nowMs;
		this.#moveLimit();
		const next = this.#windowFor(this.#roundMs / TARGET_SHARE, recordIntervalMs);
		if (Math.abs(next - this.#windowMs) <= this.#windowMs * MIN_CHANGE) {
			return false;
		}
		this.#windowMs = next;
		return true;
	}

	#meanCostMs(): number {
		return this.#windowMs === 0 && this.#flushes >= MIN_FLUSHES
			? (this.#costMs - this.#worstMs) / (this.#flushes - 1)
			: this.#costMs / this.#flushes;
	}

	#moveLimit(): void {
		const busy = this.#utilization();
		if (busy > SATURATED && this.#windowMs === this.#limitMs) {
			this.#limitMs = Math.min(MAX_SATURATED_WINDOW_MS, Math.round(this.#limitMs * SATURATION_STEP));
		} else if (busy < RELAXED) {
			this.#limitMs = Math.max(MAX_WINDOW_MS, Math.round(this.#limitMs / SATURATION_STEP));
		}
	}

	#windowFor(neededMs: number, recordIntervalMs: number): number {
		const threshold = recordIntervalMs * (this.#windowMs === 0 ? OPEN_ABOVE : CLOSE_BELOW);
		return neededMs <= threshold ? 0 : Math.min(Math.ceil(neededMs), this.#limitMs);
	}
}
