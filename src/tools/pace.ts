import { setTimeout as sleep } from 'node:timers/promises';

/** Lets media through in real time, or at `speed` times that. What a busy machine has missed goes out at once. */
export class Pace {
	readonly #speed: number;
	#startedAtMs = Number.NaN;
	#startDtsMs = 0;

	constructor(speed: number) {
		this.#speed = speed;
	}

	/** Media time stands still until the next `until`. */
	halt(): void {
		this.#startedAtMs = Number.NaN;
	}

	/** Resolves when a frame of `dtsMs` is due, or at an abort. */
	async until(dtsMs: number, stop: AbortSignal): Promise<void> {
		if (Number.isNaN(this.#startedAtMs)) {
			this.#startedAtMs = performance.now();
			this.#startDtsMs = dtsMs;
		}
		const waitMs = this.#startedAtMs + (dtsMs - this.#startDtsMs) / this.#speed - performance.now();
		if (waitMs > 0 && !stop.aborted) {
			await sleep(waitMs, undefined, { signal: stop }).catch(() => undefined);
		}
	}
}
