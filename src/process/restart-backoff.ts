const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;
/** A thing that has run this long is thought to be healthy again. */
const HEALTHY_AFTER_MS = 60_000;

/** When to restart what has died: the first time at once, then after growing delays while it keeps dying. */
export class RestartBackoff {
	#nextDelayMs = 0;

	/** It died after `livedMs`. @returns how long to wait before it is started again. */
	delayAfter(livedMs: number): number {
		const delayMs = livedMs >= HEALTHY_AFTER_MS ? 0 : this.#nextDelayMs;
		this.#nextDelayMs = delayMs === 0 ? FIRST_DELAY_MS : Math.min(delayMs * 2, MAX_DELAY_MS);
		return delayMs;
	}
}
