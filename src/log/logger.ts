import pino from 'pino';

export type Logger = pino.Logger;

/** A stalled reader of stdout must not stall media: lines wait in memory up to this many bytes, then are dropped. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
const STDOUT = 1;

/**
 * The logger of one thread or process: JSON lines to stdout, written asynchronously. The process id and the fields of `owner` ({role, thread})
 * are on every line. Stdout of a role process is read by the primary, which hands the lines on (log/line-sink.ts).
 */
export function createLogger(level: string, owner: Readonly<Record<string, string | number>>): Logger {
	const destination = pino.destination({ dest: STDOUT, sync: false, maxLength: MAX_BUFFERED_BYTES });
	process.once('exit', () => destination.flushSync());
	return loggerTo(level, { ...owner, pid: process.pid }, (line) => destination.write(line));
}

/** A logger that hands each line, its line feed included, to `write`. */
export function loggerTo(
	level: string,
	owner: Readonly<Record<string, string | number>>,
	write: (line: string) => void,
): Logger {
	return pino({ level, base: owner, timestamp: pino.stdTimeFunctions.isoTime }, { write });
}
