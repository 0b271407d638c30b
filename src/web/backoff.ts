/** Delays between attempts that fail in a row: twice as long each time, with jitter, so that viewers do not come back as one. */
export class Backoff {
	readonly #firstMs: number;
	readonly #maxMs: number;
	readonly #random: () => number;
	#failures = 0;

	constructor(firstMs: number, maxMs: number, random: () => number = Math.random) {
		this.#firstMs = firstMs;
		this.#maxMs = maxMs;
		this.#random = random;
	}

	/** Returns the next pause in ms: between half of the present step and all of it. */
	next(): number {
		const step = Math.min(this.#maxMs, this.#firstMs * 2 ** this.#failures);
		this.#failures++;
		return Math.round(step * (0.5 + this.#random() / 2));
	}

	/** It worked: the next failure starts from the first delay. */
	reset(): void {
		this.#failures = 0;
	}
}
