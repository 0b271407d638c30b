/** Looks whether what is waited for is there. Null: not yet. */
export type Check<T> = () => T | null;

type Group<T> = { check: Check<T>; replies: Set<(answer: T) => void>; timer: NodeJS.Timeout };

/**
 * Requests that wait for the same thing wait together: thousands of them are one check when something has changed, and one timer.
 */
export class WaitGroups<T> {
	readonly #groups = new Map<string, Group<T>>();

	get isEmpty(): boolean {
		return this.#groups.size === 0;
	}

	/**
	 * Adds a request to those that wait for `key`; `late` is what all of them are told after `timeoutMs`.
	 * @returns what takes this request away again.
	 */
	add(key: string, check: Check<T>, timeoutMs: number, late: () => T, reply: (answer: T) => void): () => void {
		let group = this.#groups.get(key);
		if (group === undefined) {
			const timer = setTimeout(() => this.#settle(key, late()), timeoutMs);
			group = { check, replies: new Set(), timer };
			this.#groups.set(key, group);
		}
		const { replies } = group;
		replies.add(reply);
		return () => {
			replies.delete(reply);
			if (replies.size === 0 && this.#groups.get(key)?.replies === replies) {
				this.#drop(key);
			}
		};
	}

	/** Something has changed: every wait that is over is told. */
	look(): void {
		for (const [key, { check }] of [...this.#groups]) {
			const answer = check();
			if (answer !== null) {
				this.#settle(key, answer);
			}
		}
	}

	/** Tells everybody `answer`. */
	settleAll(answer: T): void {
		for (const key of [...this.#groups.keys()]) {
			this.#settle(key, answer);
		}
	}

	#settle(key: string, answer: T): void {
		const replies = this.#groups.get(key)?.replies ?? [];
		this.#drop(key);
		for (const reply of replies) {
			reply(answer);
		}
	}

	#drop(key: string): void {
		clearTimeout(this.#groups.get(key)?.timer);
		this.#groups.delete(key);
	}
}
