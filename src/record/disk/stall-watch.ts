import type { RecorderEvent } from '../output.js';

/** A disk that works takes milliseconds. A ring usually holds more than this when the disk comes back. */
const STALL_MS = 5000;

/** Raises an alarm when a recorder's step waits for a disk that does not answer, and says so when it is over. */
export class StallWatch {
	readonly #report: (event: RecorderEvent) => void;
	readonly #now: () => number;
	#sinceMs: number | null = null;
	#said = false;

	/** `now`: any clock, milliseconds. */
	constructor(report: (event: RecorderEvent) => void, now = () => performance.now()) {
		this.#report = report;
		this.#now = now;
	}

	/** @returns `step`, which is watched until it settles. One at a time. */
	async during<Result>(step: Promise<Result>): Promise<Result> {
		this.#sinceMs = this.#now();
		try {
			return await step;
		} finally {
			if (this.#said) {
				this.#tell('warn', 'the disk for recordings answers again');
			}
			this.#sinceMs = null;
			this.#said = false;
		}
	}

	/** To be called every now and then. */
	look(): void {
		if (!this.#said && this.#sinceMs !== null && this.#now() - this.#sinceMs > STALL_MS) {
			this.#said = true;
			this.#tell('error', 'the disk for recordings does not answer');
		}
	}

	#tell(level: RecorderEvent['level'], message: string): void {
		const stalledMs = Math.round(this.#now() - (this.#sinceMs ?? 0));
		this.#report({ level, message, fields: { stalledMs } });
	}
}
