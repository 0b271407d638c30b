import pino from 'pino';

/** Lines that nobody reads wait in memory up to this many bytes, then are dropped and counted. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/**
 * Where all log lines of the server come together: the primary's stdout. Writing never blocks; when the reader of stdout stalls,
 * lines are dropped, and when it reads again a line says how many.
 */
export class LineSink {
	readonly #destination: ReturnType<typeof pino.destination>;
	/** Turns a line of JSON into what is written. */
	readonly #render: (line: string) => string;
	#dropped = 0;
	#reported = 0;

	constructor(fd: number, render: (line: string) => string = (line) => line) {
		this.#render = render;
		this.#destination = pino.destination({ dest: fd, sync: false, maxLength: MAX_BUFFERED_BYTES });
		this.#destination.on('drop', () => {
			this.#dropped += 1;
		});
		this.#destination.on('drain', () => this.#reportDropped());
	}

	/** Lines dropped so far. */
	get dropped(): number {
		return this.#dropped;
	}

	/** One line of JSON with its line feed. */
	write(line: string): void {
		this.#destination.write(this.#render(line));
	}

	/** Writes what waits, blocking; for the end of the process. */
	flushSync(): void {
		this.#destination.flushSync();
	}

	#reportDropped(): void {
		const lines = this.#dropped - this.#reported;
		if (lines > 0) {
			this.#reported = this.#dropped;
			const time = new Date().toISOString();
			this.write(`${JSON.stringify({ level: 40, time, lines, msg: 'log lines were dropped: stdout was not read' })}\n`);
		}
	}
}
