import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ErrorCode, reasonOf } from '../errors.js';
import type { FileServer } from '../files/file-server.js';
import type { Representation } from '../files/representation.js';
import { type Exchange, respond } from '../files/respond.js';
import { sendGrowing } from '../files/send-growing.js';
import { answerError, errorBody } from '../http/answer.js';
import type { MediaPath } from '../http/paths.js';
import { type LiveAnswer, SharedBody } from '../live/answer.js';
import { type LiveResource, parseLiveName } from '../live/names.js';
import type { LiveSource } from '../live/source.js';
import type { StreamName } from '../stream-name.js';

const ERRORS: Readonly<Record<400 | 404 | 503, ErrorCode>> = {
	400: 'HTTP_REQUEST',
	404: 'STREAM_NOT_FOUND',
	503: 'HLS_STALLED',
};
const NOT_FOUND: LiveAnswer = { status: 404, contentType: '', maxAgeSeconds: 0, body: null };

/** The makers of answers, and the counters for them. */
export type LiveServices = {
	live: { get(name: StreamName): Pick<LiveSource, 'ask'> | null } | null;
	files: Pick<FileServer, 'exchange'>;
};

/** The live HLS or DASH resource that a path names; null for anything else, which may be on disk. */
export function liveResourceOf({ folder, rest }: MediaPath): LiveResource | null {
	return folder === 'hls' ? parseLiveName(rest) : null;
}

/**
 * Answers GET and HEAD of live HLS and DASH from memory. Nothing here depends on HTTP/1: a response of node:http2's compatibility
 * layer does as well.
 */
export function serveLive(
	{ live, files }: LiveServices,
	request: IncomingMessage,
	response: ServerResponse,
	{ name, resource, query }: { name: StreamName; resource: LiveResource; query: string },
	cors: Readonly<Record<string, string>>,
): void {
	const source = live?.get(name) ?? null;
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
		const error = reasonOf(ERRORS[status === 200 ? 404 : status]);
		answerError(response, error, cors, { status, keepAlive: true, cacheControl });
		response.end();
		done(status, request.method === 'HEAD' ? 0 : errorBody(error).length);
	} else if (body instanceof SharedBody) {
		respond(exchange, { ...representationOf(body, contentType), cacheControl });
	} else {
		sendGrowing(exchange, ['Content-Type', contentType, 'Cache-Control', cacheControl], body);
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
