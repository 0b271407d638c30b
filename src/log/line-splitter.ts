const LINE_FEED = '\n';
/** A line that grows beyond this is cut: the sender writes no log. */
const MAX_LINE_CHARS = 256 * 1024;

/** Cuts text that arrives in pieces into lines, so that the lines of several processes never mix. */
export class LineSplitter {
	readonly #onLine: (line: string) => void;
	#rest = '';

	/** `onLine` gets each line with its line feed. */
	constructor(onLine: (line: string) => void) {
		this.#onLine = onLine;
	}

	push(text: string): void {
		const lines = (this.#rest + text).split(LINE_FEED);
		this.#rest = lines.pop() ?? '';
		for (const line of lines) {
			this.#onLine(line + LINE_FEED);
		}
		if (this.#rest.length > MAX_LINE_CHARS) {
			this.end();
		}
	}

	/** Hands out an unfinished last line. */
	end(): void {
		if (this.#rest !== '') {
			this.#onLine(this.#rest + LINE_FEED);
			this.#rest = '';
		}
	}
}
