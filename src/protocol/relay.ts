/**
 * The words that relays exchange, in headers of HTTP and WebSocket requests and in properties of RTMP's connect.
 *
 * Via: a relay that pulls a stream names the processes that it pulls for, itself the last. A process that finds itself
 * among them refuses, or the stream would go in a circle.
 *
 * Resume: a relay that has lost its source says how far it has come, in milliseconds of the stream's time, modulo 2^32.
 * The server of the stream begins in front of that, if it still can, and not at its newest keyframe.
 *
 * Publisher: a delivery process that hands a push on to its origin process names the publisher. The origin believes it
 * on their own socket only.
 */

import type { ErrorCode } from '../errors.js';
import { type Protocol, PUSH_PROTOCOLS } from './protocols.js';

export const VIA_HEADER = 'x-millrace-via';
export const VIA_PROPERTY = 'millraceVia';
export const RESUME_HEADER = 'x-millrace-resume';
export const RESUME_PROPERTY = 'millraceResume';
export const PUBLISHER_HEADER = 'x-millrace-publisher';
/** In the description of the status with which RTMP refuses to close a circle: it has no code for that, as HTTP has 508. */
export const LOOP_DESCRIPTION = 'RELAY_LOOP' satisfies ErrorCode;

const TIME = /^\d{1,10}$/;
const PROCESS_ID = /^[0-9a-z]{8,32}$/;
/** At most this many processes are kept of a peer's list. A chain of gateways is a few long. */
const MAX_PROCESSES = 64;

/** Returns the processes that a peer names, without the words that are no process. */
export function parseVia(text: string | readonly string[] | undefined): string[] {
	return String(text ?? '')
		.split(',', MAX_PROCESSES)
		.map((id) => id.trim())
		.filter((id) => PROCESS_ID.test(id));
}

export function formatVia(processIds: readonly string[]): string {
	return processIds.join(', ');
}

/** Returns the time at which a relay goes on; undefined when it states none. */
export function parseResume(text: string | readonly string[] | undefined): number | undefined {
	const digits = String(text ?? '');
	return TIME.test(digits) ? Number(digits) >>> 0 : undefined;
}

/** The protocol and the address (`address:port`) of a publisher. */
export type RelayedPublisher = { protocol: Protocol; address: string };

export function formatPublisher({ protocol, address }: RelayedPublisher): string {
	return `${protocol} ${address}`;
}

/** Null when a peer says nothing of that, or names a protocol that nobody pushes by. */
export function parsePublisher(text: string | readonly string[] | undefined): RelayedPublisher | null {
	const [given, address = ''] = String(text ?? '').split(' ');
	const protocol = PUSH_PROTOCOLS.find((known) => known === given);
	return protocol === undefined || address === '' ? null : { protocol, address };
}
