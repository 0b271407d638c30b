import sonicBoom from 'sonic-boom';

/** Lines that nobody reads wait in memory up to this many bytes, then are dropped and counted. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
const STDOUT = 1;
const WARNING = 40;

/**
 * All log lines of the server come together here: the primary's stdout. Writing never blocks. When the reader of stdout
 * stalls, lines are dropped, and when it reads again a line says how many. A reader that has gone away is no fault.
 */
export class LineSink {
	readonly #destination: sonicBoom.SonicBoom;
	/** Turns a line of JSON into what is written. */
	readonly #render: (line: string) => string;
	#dropped = 0;
	#reported = 0;

	/** `fd` should be in non-blocking mode when it is a pipe: a blocked write could hold up the end of the process. */
	constructor(fd: number, render: (line: string) => string = (line) => line) {
		this.#render = render;
		this.#destination = new sonicBoom.SonicBoom({ fd, sync: false, minLength: 1, maxLength: MAX_BUFFERED_BYTES });
		this.#destination.on('drop', () => {
			this.#dropped += 1;
		});
		this.#destination.on('drain', () => this.#reportDropped());
		this.#destination.on('error', () => undefined);
	}

	static toStdout(render?: (line: string) => string): LineSink {
		// Asking Node for its stdout puts a pipe there into non-blocking mode.
		process.stdout.on('error', () => undefined);
		return new LineSink(STDOUT, render);
	}

	/** Lines dropped so far. */
	get dropped(): number {
		return this.#dropped;
	}

	/** One line of JSON with its line feed. */
	write(line: string): void {
		this.#destination.write(this.#render(line));
	}

	/** Resolves when everything has been written, at the latest after `deadlineMs`. */
	async flush(deadlineMs: number): Promise<void> {
		let timer: NodeJS.Timeout | undefined;
		const deadline = new Promise((resolve) => {
			timer = setTimeout(resolve, deadlineMs);
		});
		await Promise.race([deadline, new Promise((resolve) => this.#destination.flush(resolve))]);
		clearTimeout(timer);
	}

	#reportDropped(): void {
		const lines = this.#dropped - this.#reported;
		if (lines > 0) {
			this.#reported = this.#dropped;
			const line = {
				level: WARNING,
				time: new Date().toISOString(),
				lines,
				msg: 'log lines were dropped: nobody read them',
			};
			this.write(`${JSON.stringify(line)}\n`);
		}
	}
}
