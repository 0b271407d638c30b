import type { Reason } from '../errors.js';
import type { Logger } from '../log/logger.js';
import type { RepeatReporter } from '../log/repeat-reporter.js';
import type { Counters } from '../metrics/counters.js';
import type { Protocol } from '../protocol/protocols.js';

/** The facts of a session that its line in the log has. */
export type SessionFacts = {
	protocol: Protocol;
	role: 'player' | 'publisher';
	/** The peer's `address:port`. */
	address: string;
	app: string;
	stream: string;
	startedAtMs: number;
};

/** Counts and logs the end of a session: once for each. */
export function reportSessionEnd(
	{ counters, log }: { counters: Counters; log: Logger },
	{ startedAtMs, ...facts }: SessionFacts,
	end: Reason,
	traffic: { bytesIn: number; bytesOut: number; skips?: number },
): void {
	counters.countClosed(end.code);
	const durationMs = Math.round(performance.now() - startedAtMs);
	log.info({ ...facts, code: end.code, reason: end.message, ...traffic, durationMs }, 'session ended');
}

/** Counts and reports a request or connection that was refused before it was a session. */
export function reportRefusal(
	{ counters, refusals }: { counters: Counters; refusals: RepeatReporter },
	address: string,
	{ code, message }: Reason,
): void {
	counters.add('sessionsAccepted', 1);
	counters.countClosed(code);
	refusals.report(`refused with ${code}`, `${address}: ${message}`);
}
