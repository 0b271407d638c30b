const WIDTH = 30;
const INTERVAL_MS = 100;

/** A progress bar on a terminal; nothing where there is none. */
export class Progress {
	readonly #total: number;
	readonly #startedAtMs = Date.now();
	#shownAtMs = 0;

	constructor(totalBytes: number) {
		this.#total = totalBytes;
	}

	show(bytes: number): void {
		const now = Date.now();
		if (!process.stderr.isTTY || now - this.#shownAtMs < INTERVAL_MS) {
			return;
		}
		this.#shownAtMs = now;
		const share = Math.min(1, bytes / Math.max(1, this.#total));
		const filled = Math.round(share * WIDTH);
		const mbPerSecond = bytes / 1000 / Math.max(1, now - this.#startedAtMs);
		const bar = `${'='.repeat(filled)}${' '.repeat(WIDTH - filled)}`;
		process.stderr.write(`\r[${bar}] ${Math.floor(share * 100)}% ${mbPerSecond.toFixed(0)} MB/s `);
	}

	clear(): void {
		if (process.stderr.isTTY) {
			process.stderr.write('\r\x1b[K');
		}
	}
}
