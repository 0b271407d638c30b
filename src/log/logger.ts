import pino from 'pino';

export type Logger = pino.Logger;

/** A stalled reader of stdout must not stall media: lines wait in memory up to this many bytes, then are dropped. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
const MIN_WRITE_BYTES = 4096;
const FLUSH_INTERVAL_MS = 1000;

/**
 * The logger of one thread or process: JSON lines to stdout, written asynchronously. Fields of `owner` ({role, thread}) are on every
 * line. Pretty printing happens in the primary, which reads the same JSON (log/pretty.ts).
 */
export function createLogger(level: string, owner: Record<string, string | number>): Logger {
	const destination = pino.destination({
		dest: 1,
		sync: false,
		minLength: MIN_WRITE_BYTES,
		maxLength: MAX_BUFFERED_BYTES,
	});
	setInterval(() => destination.flush(), FLUSH_INTERVAL_MS).unref();
	return pino({ level, base: owner, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
