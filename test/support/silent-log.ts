import pino from 'pino';
import type { Logger } from '#src/log/logger.js';

export type LogLine = { level: number; msg: string; [field: string]: unknown };

/** A logger that prints nothing and keeps its lines. */
export function keptLog(): { log: Logger; lines: LogLine[] } {
	const lines: LogLine[] = [];
	const log = pino({ level: 'trace', base: null }, { write: (line: string) => lines.push(JSON.parse(line)) });
	return { log, lines };
}
