import { ERROR_CODES, type ErrorCode } from '../errors.js';
import type { Protocol } from '../stream/thread-messages.js';
import type { DeliveryServices } from './delivery-services.js';

/** Why a session ended: a PeerError, or what one would say, without the cost of its stack for each of thousands of viewers. */
export type SessionEnd = { readonly code: ErrorCode; readonly message: string };

export function endOf(code: ErrorCode, detail?: string): SessionEnd {
	return { code, message: detail === undefined ? ERROR_CODES[code] : `${ERROR_CODES[code]}: ${detail}` };
}

/** Who a session is, for its line in the log. */
export type SessionFacts = {
	protocol: Protocol;
	role: 'player' | 'publisher';
	/** Of the peer, as `address:port`. */
	address: string;
	app: string;
	stream: string;
	startedAtMs: number;
};

/** Counts and logs the end of a session: once for each. */
export function reportSessionEnd(
	{ counters, log }: DeliveryServices,
	{ startedAtMs, ...facts }: SessionFacts,
	end: SessionEnd,
	traffic: { bytesIn: number; bytesOut: number; skips?: number },
): void {
	counters.countClosed(end.code);
	const durationMs = Math.round(performance.now() - startedAtMs);
	log.info({ ...facts, code: end.code, reason: end.message, ...traffic, durationMs }, 'session ended');
}

/** Counts and reports a request or connection that was refused before it was a session. */
export function reportRefusal(
	{ counters, refusals }: DeliveryServices,
	address: string,
	{ code, message }: SessionEnd,
): void {
	counters.add('sessionsAccepted', 1);
	counters.countClosed(code);
	refusals.report(`refused with ${code}`, `${address}: ${message}`);
}
