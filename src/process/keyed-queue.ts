/** Runs what belongs to the same key one after the other, and what belongs to different keys side by side. */
export class KeyedQueue {
	readonly #last = new Map<string, Promise<void>>();

	/** Something runs or waits under `key`. */
	busy(key: string): boolean {
		return this.#last.has(key);
	}

	/** Runs `action` when everything under `key` has settled. Resolves or rejects as `action` does. */
	run<T>(key: string, action: () => Promise<T>): Promise<T> {
		const before = this.#last.get(key) ?? Promise.resolve();
		const result = before.then(action);
		const settled = result.then(
			() => undefined,
			() => undefined,
		);
		const mine = settled.then(() => {
			if (this.#last.get(key) === mine) {
				this.#last.delete(key);
			}
		});
		this.#last.set(key, mine);
		return result;
	}
}
