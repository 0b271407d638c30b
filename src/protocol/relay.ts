/**
 * What relays tell each other, in headers of HTTP and WebSocket requests, and in properties of RTMP's connect.
 *
 * Via: whoever pulls a stream says for which processes, itself the last. A process that finds itself among them refuses, or the stream
 * would go in a circle.
 *
 * Resume: a relay that has lost its source says how far it has come, in milliseconds of the stream's time, modulo 2^32. Who has the
 * stream begins in front of that, if it still can, and not at its newest keyframe.
 */

export const VIA_HEADER = 'x-millrace-via';
export const VIA_PROPERTY = 'millraceVia';
export const RESUME_HEADER = 'x-millrace-resume';
export const RESUME_PROPERTY = 'millraceResume';

const TIME = /^\d{1,10}$/;
const PROCESS_ID = /^[0-9a-z]{8,32}$/;
/** Of what a peer says, at most this many are kept. A chain of gateways is a few long. */
const MAX_PROCESSES = 64;

/** The processes that a peer names; whatever is none is left out. */
export function parseVia(text: string | readonly string[] | undefined): string[] {
	return String(text ?? '')
		.split(',', MAX_PROCESSES)
		.map((id) => id.trim())
		.filter((id) => PROCESS_ID.test(id));
}

export function formatVia(processIds: readonly string[]): string {
	return processIds.join(', ');
}

/** Where a relay goes on; undefined when it says nothing of that. */
export function parseResume(text: string | readonly string[] | undefined): number | undefined {
	const digits = String(text ?? '');
	return TIME.test(digits) ? Number(digits) >>> 0 : undefined;
}
