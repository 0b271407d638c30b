import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type PeerError, peerErrorOf } from '../../errors.js';
import { answerError, statusOf } from '../../http/answer.js';
import { type Exchange, STALL_TIMEOUT_MS } from '../respond.js';
import { VIA } from './stored-object.js';
import type { UpstreamClient } from './upstream-request.js';

/**
 * The headers of a request, and of its answer, that are passed on. The others are between two neighbours, or ours to
 * set.
 */
const REQUEST_FIELDS = [
	...['range', 'if-range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'],
	...['accept-encoding', 'authorization', 'cookie'],
];
const RESPONSE_FIELDS = [
	...['content-type', 'content-length', 'content-range', 'content-encoding', 'accept-ranges', 'etag', 'last-modified'],
	...['cache-control', 'expires', 'age', 'set-cookie', 'location', 'www-authenticate', 'retry-after'],
];

/** Answers with what an upstream says to this very request: of objects that are too large to be kept, or for one client alone. */
export function passThrough(
	exchange: Exchange,
	client: UpstreamClient,
	{ target, relayFields, timeoutMs }: { target: string; relayFields: OutgoingHttpHeaders; timeoutMs: number },
): void {
	const { request, response, done } = exchange;
	const gone = new AbortController();
	response.once('close', () => gone.abort());
	const headers: OutgoingHttpHeaders = { ...relayFields };
	for (const name of REQUEST_FIELDS) {
		headers[name] = request.headers[name];
	}
	const sent = { status: 0, bytes: 0 };
	const upstream = {
		method: request.method ?? 'GET',
		target,
		headers: defined(headers),
		timeoutMs,
		signal: gone.signal,
	};
	client
		.ask(
			upstream,
			async (answer) => {
				sent.status = answer.statusCode ?? 0;
				answer.on('data', (chunk: Buffer) => {
					sent.bytes += chunk.length;
				});
				response.writeHead(sent.status, headOf(exchange, answer));
				response.socket?.setTimeout(STALL_TIMEOUT_MS);
				await pipeline(answer, response);
			},
			() => response.headersSent,
		)
		.then(
			() => done(sent.status, sent.bytes),
			(error: unknown) => {
				const fault = peerErrorOf(error);
				if (response.headersSent) {
					response.destroy();
					done(sent.status, sent.bytes);
				} else {
					refuse(exchange, fault);
				}
			},
		);
}

/** Answers with what has kept an upstream's answer from coming. */
export function refuse({ response, fields, done }: Exchange, error: PeerError): void {
	const status = statusOf(error.code);
	answerError(response, error, Object.fromEntries(pairs(fields)), { status, keepAlive: true });
	response.end();
	done(status, 0);
}

function headOf({ fields, vary }: Exchange, answer: IncomingMessage): string[] {
	const head = [...fields, 'Via', VIA, 'Cache-Status', 'millrace; fwd=bypass'];
	for (const name of RESPONSE_FIELDS) {
		const value = answer.headers[name];
		for (const each of Array.isArray(value) ? value : value === undefined ? [] : [value]) {
			head.push(name, each);
		}
	}
	const names = [vary, answer.headers.vary ?? ''].filter((name) => name !== '').join(', ');
	return names === '' ? head : [...head, 'Vary', names];
}

function defined(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
	return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
}

function* pairs(fields: readonly string[]): Iterable<[string, string]> {
	for (let index = 0; index + 1 < fields.length; index += 2) {
		yield [fields[index]!, fields[index + 1]!];
	}
}
