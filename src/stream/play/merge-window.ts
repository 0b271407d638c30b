/** Share of a thread's time that flush work may take before the window grows. */
const TARGET_SHARE = 0.2;
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
/** Much more flush work than the target ends a period early: viewers may come by the thousand in a second. */
const OVERWORKED_SHARE = TARGET_SHARE * 1.5;
const MIN_FLUSHES = 4;
/**
 * Weights of a flush that was dearer, or cheaper, than what was known of its hub. They follow the cheaper sixth: a flush during
 * which another process had the processor says nothing of what flushing costs.
 */
const DEARER_WEIGHT = 0.1;
const CHEAPER_WEIGHT = 0.5;
/** ... and one that was much dearer than that counts as no more than this much of it, plus a millisecond. */
const DEAREST = 4;
/** A window that does not merge anything only delays: it opens and closes around the stream's own record interval. */
const OPEN_ABOVE = 1.2;
const CLOSE_BELOW = 0.9;
/** Smaller changes, as a share of the window, are not worth moving the timers. */
const MIN_CHANGE = 0.2;

/** The measurements that MergeWindow keeps for each hub. */
export type FlushCost = { costMs: number; period: number };

export function unknownCost(): FlushCost {
	return { costMs: 0, period: -1 };
}

/**
 * The automatic merge window of one thread: the smallest that keeps flushing all its hubs under a fifth of the thread's time.
 *
 * One round (a flush of every hub) costs R ms, measured; a window W makes it cost R / W of the time, so W = R / 0.2. While
 * that is no longer than the time between two records there is nothing to merge, and the window is 0: every record is flushed
 * at once. Measured on two cores with 8 µs a write: 2,000 viewers get about 80 ms, 8,000 about 320 ms.
 */
export class MergeWindow {
	readonly #utilization: () => number;
	#windowMs = 0;
	#limitMs = MAX_WINDOW_MS;
	#period = 0;
	#periodStartMs: number;
	/** The measurements of this period: flush work, its rounds' cost, and the load of media. */
	#costMs = 0;
	#roundMs = 0;
	#flushes = 0;
	#records = 0;
	#hubs = 0;

	/** `utilization` gives the share of time that the event loop was busy since it was last asked. */
	constructor(nowMs: number, utilization: () => number) {
		this.#periodStartMs = nowMs;
		this.#utilization = utilization;
	}

	/** Milliseconds; 0 = flush every record at once. */
	get windowMs(): number {
		return this.#windowMs;
	}

	/**
	 * Takes note of one flush of the hub with `known`, that ended at `nowMs` and had `records` (at least one) in it.
	 * @returns true when `windowMs` has changed.
	 */
	account(known: FlushCost, costMs: number, records: number, nowMs: number): boolean {
		if (known.period !== this.#period) {
			known.period = this.#period;
			this.#hubs++;
			this.#roundMs += known.costMs;
		}
		const difference = Math.min(costMs, known.costMs * DEAREST + 1) - known.costMs;
		const change = difference * (difference > 0 ? DEARER_WEIGHT : CHEAPER_WEIGHT);
		known.costMs += change;
		this.#roundMs += change;
		this.#costMs += costMs;
		this.#records += records;
		this.#flushes++;
		const elapsedMs = nowMs - this.#periodStartMs;
		const periodMs = Math.max(PERIOD_MS, this.#windowMs * PERIOD_WINDOWS);
		const overworked = this.#flushes >= MIN_FLUSHES && this.#costMs > periodMs * OVERWORKED_SHARE;
		return (elapsedMs >= periodMs || overworked) && this.#decide(elapsedMs, nowMs);
	}

	#decide(elapsedMs: number, nowMs: number): boolean {
		const recordIntervalMs = (elapsedMs * this.#hubs) / this.#records;
		const neededMs = this.#roundMs / TARGET_SHARE;
		this.#costMs = 0;
		this.#roundMs = 0;
		this.#flushes = 0;
		this.#records = 0;
		this.#hubs = 0;
		this.#period++;
		this.#periodStartMs = nowMs;
		this.#moveLimit();
		const next = this.#windowFor(neededMs, recordIntervalMs);
		if (Math.abs(next - this.#windowMs) <= this.#windowMs * MIN_CHANGE) {
			return false;
		}
		this.#windowMs = next;
		return true;
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
