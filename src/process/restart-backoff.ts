const DELAYS_MS = [0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000] as const;
/** The longest delay after a life that was ready: whoever kills the server again and again must not keep it away for long. */
const MAX_DELAY_AFTER_READY_MS = 2000;
/** A life that worked this long has served. One that dies sooner may die of its own start. */
const SERVED_AFTER_MS = 1000;
/** A thing that has run this long is thought to be healthy again. */
const HEALTHY_AFTER_MS = 60_000;

/**
 * When to restart what has died: the first time at once, then after growing delays while it keeps dying before it has served. Each life
 * that served takes one step of that back.
 */
export class RestartBackoff {
	#step = 0;

	/**
	 * It died after `livedMs`. @param servedMs how long it was ready for work; null = it never was.
	 * @returns how long to wait before it is started again.
	 */
	delayAfter(livedMs: number, servedMs: number | null = null): number {
		if (livedMs >= HEALTHY_AFTER_MS) {
			this.#step = 0;
		} else if (servedMs !== null && servedMs >= SERVED_AFTER_MS) {
			this.#step = Math.max(0, this.#step - 1);
			return Math.min(DELAYS_MS[this.#step]!, MAX_DELAY_AFTER_READY_MS);
		}
		const delayMs = DELAYS_MS[this.#step]!;
		this.#step = Math.min(this.#step + 1, DELAYS_MS.length - 1);
		return servedMs === null ? delayMs : Math.min(delayMs, MAX_DELAY_AFTER_READY_MS);
	}
}
