import { setTimeout as sleep } from 'node:timers/promises';

const FIRST_MS = 500;
const MOST_MS = 5000;

/** Pauses between attempts: longer and longer up to 5 s, each cut at random so that many tools do not come at once. */
export class RetryDelay {
	#nextMs = FIRST_MS;

	/** The last attempt was a success. */
	reset(): void {
		this.#nextMs = FIRST_MS;
	}

	/** Resolves when the next attempt is due, or at an abort. */
	async wait(stop: AbortSignal): Promise<void> {
		const ms = this.#nextMs * (0.5 + Math.random() / 2);
		this.#nextMs = Math.min(MOST_MS, this.#nextMs * 2);
		if (!stop.aborted) {
			await sleep(ms, undefined, { signal: stop }).catch(() => undefined);
		}
	}
}
