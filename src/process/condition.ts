/** Lets many wait for many things to become true. */
export class Condition {
	readonly #checks = new Set<() => void>();

	/** Something has happened: everybody who waits looks again. */
	changed(): void {
		for (const check of [...this.#checks]) {
			check();
		}
	}

	/** Resolves when `holds` returns true after a change, or at `deadline` (Date.now() milliseconds); at once if it is true already. */
	until(holds: () => boolean, deadline = Number.POSITIVE_INFINITY): Promise<void> {
		if (holds()) {
			return Promise.resolve();
		}
		return new Promise((resolve) => {
			const settle = (): void => {
				clearTimeout(timer);
				this.#checks.delete(check);
				resolve();
			};
			const check = (): void => {
				if (holds()) {
					settle();
				}
			};
			const timer = Number.isFinite(deadline) ? setTimeout(settle, Math.max(0, deadline - Date.now())) : undefined;
			this.#checks.add(check);
		});
	}
}
