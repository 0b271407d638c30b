/** Work that goes on in steps which take no time to speak of. */
export type Beating = {
	/** Resolves when a step has returned true; rejects with what a step threw. */
	over: Promise<void>;
	/** Takes a step now. */
	now(): void;
};

/**
 * One fast timer for many. Steps are synchronous: 20 times a second for each of a thousand streams, a promise would cost more than
 * most steps.
 */
export class Pulse {
	readonly #members = new Set<() => void>();
	readonly #intervalMs: number;
	#timer: NodeJS.Timeout | undefined;

	constructor(intervalMs: number) {
		this.#intervalMs = intervalMs;
	}

	/** Runs `step` at every beat until it returns true or throws. */
	repeat(step: () => boolean): Beating {
		let now = (): void => undefined;
		const over = new Promise<void>((resolve, reject) => {
			now = () => {
				try {
					if (this.#members.has(now) && step()) {
						this.#delete(now);
						resolve();
					}
				} catch (error) {
					this.#delete(now);
					reject(error);
				}
			};
			this.#members.add(now);
			this.#timer ??= setInterval(() => this.#beat(), this.#intervalMs);
		});
		return { over, now };
	}

	#delete(member: () => void): void {
		this.#members.delete(member);
		if (this.#members.size === 0) {
			clearInterval(this.#timer);
			this.#timer = undefined;
		}
	}

	#beat(): void {
		for (const member of this.#members) {
			member();
		}
	}
}
