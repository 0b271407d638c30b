import type { Logger } from './logger.js';

const DEFAULT_INTERVAL_MS = 1000;

/**
 * Logs faults that may come with every frame: the first at once, then once a second how many more there were. One instance for
 * each session; an idle one has no timer.
 */
export class RepeatReporter {
	readonly #log: Logger;
	readonly #intervalMs: number;
	readonly #pending = new Map<string, { count: number; detail: string }>();
	#timer: NodeJS.Timeout | null = null;

	constructor(log: Logger, intervalMs = DEFAULT_INTERVAL_MS) {
		this.#log = log;
		this.#intervalMs = intervalMs;
	}

	/** `fault` names the kind, and is what is counted; `detail` is what was wrong this time. */
	report(fault: string, detail: string): void {
		const known = this.#pending.get(fault);
		if (known !== undefined) {
			known.count += 1;
			known.detail = detail;
			return;
		}
		this.#pending.set(fault, { count: 0, detail });
		this.#log.warn({ detail }, fault);
		this.#timer ??= setInterval(() => this.flush(), this.#intervalMs).unref();
	}

	/** Logs what has been counted and not logged; at the end of the session, so that nothing is lost. */
	flush(): void {
		for (const [fault, pending] of this.#pending) {
			if (pending.count === 0) {
				this.#pending.delete(fault);
			} else {
				this.#log.warn({ count: pending.count, detail: pending.detail }, `${fault} (repeated)`);
				pending.count = 0;
			}
		}
		if (this.#pending.size === 0) {
			this.close();
		}
	}

	/** Forgets everything and stops the timer. */
	close(): void {
		this.#pending.clear();
		if (this.#timer !== null) {
			clearInterval(this.#timer);
			this.#timer = null;
		}
	}
}
