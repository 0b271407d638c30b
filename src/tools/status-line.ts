const INTERVAL_MS = 250;

/**
 * The messages of a tool while it works: one line that changes on a terminal, and lines that stay, both on standard
 * error.
 */
export class StatusLine {
	readonly #name: string;
	#shownAtMs = Number.NEGATIVE_INFINITY;
	#isShown = false;

	constructor(name: string) {
		this.#name = name;
	}

	/** Shows what `text` makes, a few times a second at most; nothing where there is no terminal. */
	show(text: () => string): void {
		const nowMs = performance.now();
		if (process.stderr.isTTY && nowMs - this.#shownAtMs >= INTERVAL_MS) {
			this.#shownAtMs = nowMs;
			this.#isShown = true;
			process.stderr.write(`\r\x1b[K${text()}`);
		}
	}

	/** Says something that stays. */
	say(text: string): void {
		this.clear();
		process.stderr.write(`${this.#name}: ${text}\n`);
	}

	clear(): void {
		if (this.#isShown) {
			this.#isShown = false;
			process.stderr.write('\r\x1b[K');
		}
	}
}

/** `1:02:03.4` */
export function clockText(ms: number): string {
	const tenths = Math.round(ms / 100);
	const seconds = Math.floor(tenths / 10);
	const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((part) => String(part).padStart(2, '0'));
	return `${Math.floor(seconds / 3600)}:${parts.join(':')}.${tenths % 10}`;
}

export function sizeText(bytes: number): string {
	return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
