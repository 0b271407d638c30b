import type { Agent } from 'node:http';
import { type ErrorCode, PeerError, type Reason, reasonOf } from '../errors.js';
import { basicAuthorization, type Credentials } from '../protocol/credentials.js';
import { formatVia, RESUME_HEADER, VIA_HEADER } from '../protocol/relay.js';
import type { StreamName } from '../stream-name.js';

/**
 * The end of a source. `ended`: the upstream says that the stream is over; `missing`: it does not have it; `failed`: it
 * could not be asked, or was lost.
 */
export type SourceEnd = { outcome: 'ended' | 'missing' | 'failed'; code: ErrorCode; message: string };

export type SourceEvents = {
	/** A tag; `body` is borrowed until return. */
	tag(tagType: number, timestampMs: number, body: Uint8Array): void;
	/** It is over: told once, and nothing after it. Never within `open`, nor after `close`. */
	over(end: SourceEnd): void;
};

/** One stream at one upstream. */
export type SourceTarget = {
	/** The address of the stream as FLV (http, https, ws, wss), or as RTMP and RTMPS name it. */
	url: URL;
	/** For this upstream alone. */
	credentials: Credentials | null;
	/** The processes that the stream is relayed to, ours the last; none for a player. */
	via: readonly string[];
	/** The newest time of the stream, if this source goes on with it. */
	resumeMs: number | null;
	maxMessageBytes: number;
	timeoutMs: number;
	/** For sockets that are no TCP connections to the upstream's host; tests and sibling processes. */
	agent?: Agent;
};

/** A connection to an upstream. It delivers until it ends or is closed. */
export type Source = {
	/** The upstream has said that it will deliver. */
	readonly answered: boolean;
	/** Media bytes so far: what does not grow is a stall. */
	readonly bytesIn: number;
	close(): void;
};

/** Codes of an upstream that was silent for too long. */
const TIMEOUTS: readonly ErrorCode[] = ['IDLE_TIMEOUT', 'HANDSHAKE_TIMEOUT', 'UPSTREAM_TIMEOUT'];
const HTTP_NOT_FOUND = 404;
const HTTP_GONE = 410;
const HTTP_LOOP = 508;
const USER_AGENT = 'Millrace';

/** Returns the headers of every request to an upstream. */
export function requestHeaders({ credentials, via, resumeMs }: SourceTarget): Record<string, string> {
	return {
		'User-Agent': USER_AGENT,
		...(credentials === null ? {} : { Authorization: basicAuthorization(credentials) }),
		...(via.length === 0 ? {} : { [VIA_HEADER]: formatVia(via) }),
		...(resumeMs === null ? {} : { [RESUME_HEADER]: String(resumeMs) }),
	};
}

/** Returns the address of a stream at an upstream. `upstream` is a base address, with a path or without. */
export function streamUrl(upstream: string, name: StreamName): URL {
	const url = new URL(upstream);
	const extension = url.protocol.startsWith('rtmp') ? '' : '.flv';
	url.pathname = `${url.pathname.replace(/\/$/, '')}/${name.key}${extension}`;
	return url;
}

/** Returns the end for an HTTP status other than success. */
export function endOfStatus(status: number): SourceEnd {
	if (status === HTTP_NOT_FOUND || status === HTTP_GONE) {
		return endOf('missing', new PeerError('STREAM_NOT_FOUND', `HTTP ${status}`));
	}
	if (status === HTTP_LOOP) {
		return endOf('missing', new PeerError('RELAY_LOOP'));
	}
	return endOf('failed', new PeerError('UPSTREAM_FAILED', `HTTP ${status}`));
}

/** The reason for viewers. The words of the upstream, and which one it was, are for the log. */
export function reasonForViewers({ outcome, code }: SourceEnd): Reason {
	if (outcome !== 'failed') {
		return reasonOf(code);
	}
	return reasonOf(TIMEOUTS.includes(code) ? 'UPSTREAM_TIMEOUT' : 'UPSTREAM_FAILED');
}

export function endOf(outcome: SourceEnd['outcome'], { code, message }: PeerError): SourceEnd {
	return { outcome, code, message };
}

/** Returns the end for a connection that failed. */
export function endOfError(error: Error, answered = false): SourceEnd {
	const code = answered ? 'PEER_GONE' : 'UPSTREAM_FAILED';
	return endOf('failed', error instanceof PeerError ? error : new PeerError(code, error.message));
}
