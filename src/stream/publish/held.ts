/**
 * Keeps the messages of a peer that come before the verdict on it, in order, until they are passed on or dropped. A verdict can take
 * long, so what is kept meanwhile has a limit in bytes.
 */
export class Held<T> {
	readonly #maxBytes: number;
	readonly #pass: (item: T) => void;
	#items: T[] = [];
	#bytes = 0;

	/** @param pass takes the items when they are released. It may hold again, also what it is given. */
	constructor(maxBytes: number, pass: (item: T) => void) {
		this.#maxBytes = maxBytes;
		this.#pass = pass;
	}

	get bytes(): number {
		return this.#bytes;
	}

	/** Keeps `item`, whose bytes must be its own. @returns false, and keeps nothing of it, when that would be too much. */
	hold(item: T, bytes: number): boolean {
		if (this.#bytes + bytes > this.#maxBytes) {
			return false;
		}
		this.#items.push(item);
		this.#bytes += bytes;
		return true;
	}

	/** Passes everything on, in order. What is held again meanwhile stays. */
	release(): void {
		const items = this.#items;
		this.drop();
		for (const item of items) {
			this.#pass(item);
		}
	}

	drop(): void {
		this.#items = [];
		this.#bytes = 0;
	}
}
