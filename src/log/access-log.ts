import sonicBoom from 'sonic-boom';

export type AccessLogFormat = 'combined' | 'json';

/** One answered request. */
export type Access = {
	/** The peer's address, without a port. */
	address: string;
	/** When the request came, milliseconds since 1970. */
	startedAtMs: number;
	durationMs: number;
	method: string;
	target: string;
	httpVersion: string;
	status: number;
	/** The size of the body. */
	bytes: number;
	referer: string | undefined;
	userAgent: string | undefined;
};

/** Lines that the disk does not take wait in memory up to this many bytes, then are dropped and counted. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** Lines are collected up to this many bytes, or for FLUSH_INTERVAL_MS. */
const MIN_WRITE_BYTES = 2048;
/** PIPE_BUF: writes of several threads to one pipe do not mix up to this size. */
const MAX_WRITE_BYTES = 4096;
const FLUSH_INTERVAL_MS = 1000;
const MAX_FIELD_CHARS = 1024;
const STDOUT = 1;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The access log of one thread, in a file or on standard output. Writing never blocks, and never takes more memory than it may. */
export class AccessLog {
	readonly #destination: sonicBoom.SonicBoom;
	readonly #format: (access: Access) => string;
	readonly #isFile: boolean;

	/** @param onFault hears of lines that were lost, perhaps with every request. */
	constructor(file: string, format: AccessLogFormat, onFault: (fault: string, detail: string) => void) {
		this.#format = format === 'json' ? jsonLine : combinedLine;
		this.#isFile = file !== '-';
		this.#destination = new sonicBoom.SonicBoom({
			dest: this.#isFile ? file : STDOUT,
			sync: false,
			mkdir: true,
			minLength: MIN_WRITE_BYTES,
			maxLength: MAX_BUFFERED_BYTES,
			maxWrite: MAX_WRITE_BYTES,
			periodicFlush: FLUSH_INTERVAL_MS,
		});
		this.#destination.on('drop', () => onFault('access log lines were dropped', 'written too slowly'));
		this.#destination.on('error', (error: Error) => onFault('the access log cannot be written', error.message));
	}

	write(access: Access): void {
		this.#destination.write(this.#format(access));
	}

	/** Opens the file anew, after it was moved away by a rotation. */
	reopen(): void {
		if (this.#isFile) {
			this.#destination.reopen();
		}
	}

	/** Resolves when everything has been written, or cannot be. */
	flush(): Promise<void> {
		return new Promise((resolve) => this.#destination.flush(() => resolve()));
	}
}

/** The combined log format of Apache and nginx. */
function combinedLine(access: Access): string {
	const { address, startedAtMs, method, target, httpVersion, status, bytes, referer, userAgent } = access;
	const request = `${method} ${quoted(target)} HTTP/${httpVersion}`;
	return `${address} - - [${clfDate(startedAtMs)}] "${request}" ${status} ${bytes} "${quoted(referer)}" "${quoted(userAgent)}"\n`;
}

function jsonLine({ startedAtMs, target, referer, userAgent, ...rest }: Access): string {
	const text = { target: cut(target), referer: cut(referer), userAgent: cut(userAgent) };
	return `${JSON.stringify({ time: new Date(startedAtMs).toISOString(), ...rest, ...text })}\n`;
}

function quoted(text: string | undefined): string {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what would forge a line.
	return (cut(text) ?? '-').replace(/["\\\0-\x1f\x7f]/g, (character) => {
		return `\\x${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
	});
}

function cut(text: string | undefined): string | undefined {
	return text?.slice(0, MAX_FIELD_CHARS);
}

/** `20/Nov/2026:15:40:58 +0000` */
function clfDate(ms: number): string {
	const date = new Date(ms);
	const day = String(date.getUTCDate()).padStart(2, '0');
	return `${day}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}:${date.toISOString().slice(11, 19)} +0000`;
}
