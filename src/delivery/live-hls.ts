import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorCode } from '../errors.js';
import { type GrowingBody, type LiveAnswer, type Piece, SharedBody } from '../hls/live-answer.js';
import { type LiveResource, parseLiveName } from '../hls/live-names.js';
import type { LiveSource } from '../hls/live-source.js';
import type { FileServer } from './files/file-server.js';
import type { Representation } from './files/representation.js';
import { type Exchange, respond, STALL_TIMEOUT_MS } from './files/respond.js';
import { answerError, errorBody } from './http-answer.js';
import { endOf } from './session-end.js';

const PATH = /^\/hls\/([^/]+)\/([^/]+)\/(live[^/]*)$/;
const ERRORS: Readonly<Record<400 | 404 | 503, ErrorCode>> = {
	400: 'HTTP_REQUEST',
	404: 'STREAM_NOT_FOUND',
	503: 'HLS_STALLED',
};
const NOT_FOUND: LiveAnswer = { status: 404, contentType: '', maxAgeSeconds: 0, body: null };

/** What answers are made from, and how they are counted. */
export type LiveServices = {
	live: { get(app: string, name: string): Pick<LiveSource, 'ask'> | null } | null;
	files: Pick<FileServer, 'exchange'>;
};

/** What of a live stream's HLS or DASH a path names; null of anything else, which may be on disk. */
export function parseLivePath(path: string): { app: string; name: string; resource: LiveResource } | null {
	const [, app = '', name = '', file = ''] = PATH.exec(path) ?? [];
	const resource = parseLiveName(file);
	return resource === null ? null : { app, name, resource };
}

/**
 * Answers GET and HEAD of live HLS and DASH from memory. Nothing here depends on HTTP/1: a response of node:http2's compatibility
 * layer does as well.
 */
export function serveLive(
	{ live, files }: LiveServices,
	request: IncomingMessage,
	response: ServerResponse,
	{ app, name, resource, query }: { app: string; name: string; resource: LiveResource; query: string },
	cors: Readonly<Record<string, string>>,
): void {
	const source = live?.get(app, name) ?? null;
	const exchange = files.exchange(request, response, cors);
	const write = (answer: LiveAnswer): void => writeAnswer(exchange, answer, cors);
	if (source === null) {
		write(NOT_FOUND);
		return;
	}
	const callOff = source.ask(resource, query, write);
	response.once('close', callOff);
}

function writeAnswer(
	exchange: Exchange,
	{ status, contentType, maxAgeSeconds, body }: LiveAnswer,
	cors: Readonly<Record<string, string>>,
): void {
	const { request, response, done } = exchange;
	const cacheControl = maxAgeSeconds > 0 ? `max-age=${maxAgeSeconds}` : 'no-store';
	if (body === null || status !== 200) {
		const error = endOf(ERRORS[status === 200 ? 404 : status]);
		answerError(response, error, cors, { status, keepAlive: true, cacheControl });
		response.end();
		done(status, request.method === 'HEAD' ? 0 : errorBody(error).length);
	} else if (body instanceof SharedBody) {
		respond(exchange, { ...representationOf(body, contentType), cacheControl });
	} else {
		const head = [...exchange.fields, 'Content-Type', contentType, 'Cache-Control', cacheControl];
		// A proxy that gathers the answer would take away what it is for.
		head.push('X-Accel-Buffering', 'no', ...(exchange.vary === '' ? [] : ['Vary', exchange.vary]));
		response.writeHead(200, head);
		if (request.method === 'HEAD') {
			response.end();
			done(200, 0);
		} else {
			sendGrowing(exchange, body);
		}
	}
}

const representations = new WeakMap<SharedBody, Representation>();

/** One for each body, so that it is compressed once for all. */
function representationOf(body: SharedBody, contentType: string): Representation {
	const known = representations.get(body);
	if (known !== undefined) {
		return known;
	}
	const { bytes, isText } = body;
	const representation: Representation = {
		...{ contentType, cacheControl: '', compressible: isText, sizeBytes: bytes.length, body: bytes, extra: [] },
		// Every thread, and every server that is fed the same, agrees.
		etag: `"${createHash('sha1').update(bytes).digest('base64url')}"`,
		lastModifiedMs: null,
		encoded: new Map(),
	};
	representations.set(body, representation);
	return representation;
}

/** Passes on a body as it is made, each piece when the peer has taken the one before: nothing is queued for a slow one. */
function sendGrowing({ response, done }: Exchange, body: GrowingBody): void {
	let sentBytes = 0;
	let callOff = nothing;
	const send = (index: number): void => {
		if (!response.destroyed) {
			callOff = body.piece(index, (piece) => write(index, piece));
		}
	};
	const write = (index: number, piece: Piece): void => {
		if (piece === 'lost') {
			response.destroy();
		} else if (piece === 'end') {
			response.end();
		} else {
			sentBytes += piece.length;
			const goOn = (): void => send(index + 1);
			if (response.write(piece)) {
				process.nextTick(goOn);
			} else {
				response.once('drain', goOn);
			}
		}
	};
	response.setTimeout(STALL_TIMEOUT_MS, () => response.destroy());
	response.once('close', () => {
		callOff();
		done(200, sentBytes);
	});
	send(0);
}

const nothing = (): void => undefined;
