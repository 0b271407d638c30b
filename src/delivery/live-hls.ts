import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorCode } from '../errors.js';
import type { LiveAnswer } from '../hls/live-answer.js';
import { type LiveResource, parseLiveName } from '../hls/live-names.js';
import type { DeliveryServices } from './delivery-services.js';
import { answerError, errorBody } from './http-answer.js';
import { endOf } from './session-end.js';

/** A peer that takes nothing of an answer for this long is cut off. */
const STALL_TIMEOUT_MS = 30_000;
const PATH = /^\/hls\/([^/]+)\/([^/]+)\/(live[^/]*)$/;
const ERRORS: Readonly<Record<400 | 404 | 503, ErrorCode>> = {
	400: 'HTTP_REQUEST',
	404: 'STREAM_NOT_FOUND',
	503: 'HLS_STALLED',
};
const NOT_FOUND: LiveAnswer = { status: 404, contentType: '', maxAgeSeconds: 0, body: null };

/** What of a live stream's HLS a path names; `file` of anything else, which may be on disk. */
export function parseLivePath(path: string): { app: string; name: string; resource: LiveResource } | null {
	const [, app = '', name = '', file = ''] = PATH.exec(path) ?? [];
	const resource = parseLiveName(file);
	return resource === null ? null : { app, name, resource };
}

/**
 * Answers GET and HEAD of live HLS from memory. Nothing here depends on HTTP/1: a response of node:http2's compatibility layer does
 * as well.
 */
export function serveLive(
	services: DeliveryServices,
	request: IncomingMessage,
	response: ServerResponse,
	{ app, name, resource, query }: { app: string; name: string; resource: LiveResource; query: string },
	cors: Readonly<Record<string, string>>,
): void {
	const source = services.live?.get(app, name) ?? null;
	const { done } = services.files.exchange(request, response, cors);
	const write = (answer: LiveAnswer): void => done(answer.status, writeAnswer(request, response, answer, cors));
	if (source === null) {
		write(NOT_FOUND);
		return;
	}
	const callOff = source.ask(resource, query, write);
	response.once('close', callOff);
}

/** @returns bytes of the body that the peer gets. */
function writeAnswer(
	{ headers, method }: IncomingMessage,
	response: ServerResponse,
	{ status, contentType, maxAgeSeconds, body }: LiveAnswer,
	cors: Readonly<Record<string, string>>,
): number {
	const cacheControl = maxAgeSeconds > 0 ? `max-age=${maxAgeSeconds}` : 'no-store';
	response.setTimeout(STALL_TIMEOUT_MS, () => response.destroy());
	if (body === null || status !== 200) {
		const error = endOf(ERRORS[status === 200 ? 404 : status]);
		answerError(response, error, cors, { status, keepAlive: true, cacheControl });
		response.end();
		return method === 'HEAD' ? 0 : errorBody(error).length;
	}
	const wantsGzip = /\bgzip\b/.test(String(headers['accept-encoding'] ?? ''));
	const { gzip } = body;
	const isPacked = gzip !== null && wantsGzip;
	const bytes = isPacked ? gzip : body.bytes;
	response.writeHead(200, {
		...cors,
		'Content-Type': contentType,
		'Content-Length': bytes.length,
		'Cache-Control': cacheControl,
		...(gzip === null
			? {}
			: { Vary: cors['Vary'] === undefined ? 'Accept-Encoding' : `${cors['Vary']}, Accept-Encoding` }),
		...(isPacked ? { 'Content-Encoding': 'gzip' } : {}),
	});
	response.end(bytes);
	return method === 'HEAD' ? 0 : bytes.length;
}
