import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { ErrorCode, Reason } from '../errors.js';

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
	NAME_INVALID: 400,
	STREAM_NOT_FOUND: 404,
	STREAM_ENDED: 404,
	NOT_RECORDED: 404,
	HANDSHAKE_TIMEOUT: 408,
	IDLE_TIMEOUT: 408,
	PUBLISH_CONFLICT: 409,
	PUBLISH_REPLACED: 409,
	PUBLISH_REFUSED: 403,
	SESSION_KICKED: 403,
	FILE_UNREADABLE: 500,
	FLV_TAG_TOO_LARGE: 413,
	UPSTREAM_FAILED: 502,
	RELAY_LOOP: 508,
	UPSTREAM_TIMEOUT: 504,
	HLS_STALLED: 503,
	STREAM_LIMIT: 503,
	CONNECTION_LIMIT: 503,
	SERVER_STOPPING: 503,
};

/** HTTP status of an error; everything else is a bad request. */
export function statusOf(code: ErrorCode): number {
	return STATUS[code] ?? 400;
}

/** Returns a body that a program and a person can read. */
export function errorBody({ code, message }: Reason): string {
	return `${JSON.stringify({ code, message })}\n`;
}

/** Answers with an error. The connection is closed after it, unless `keepAlive`. */
export function answerError(
	response: ServerResponse,
	error: Reason,
	headers: Readonly<Record<string, string>>,
	{ status = statusOf(error.code), keepAlive = false, cacheControl = 'no-store' } = {},
): void {
	const body = errorBody(error);
	response.writeHead(status, {
		...headers,
		'Content-Type': 'application/json',
		'Content-Length': Buffer.byteLength(body),
		'Cache-Control': cacheControl,
		...(keepAlive ? {} : { Connection: 'close' }),
	});
	// The answer is whole for the peer now. The reader of the rest of a request body ends it afterwards.
	response.write(body);
}

/** Head of a response that is written past node:http. */
export function responseHead(status: number, headers: Readonly<Record<string, string>>, version = '1.1'): string {
	const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
	return `HTTP/${version} ${status} ${STATUS_CODES[status] ?? ''}\r\nDate: ${new Date().toUTCString()}\r\n${lines.join('')}\r\n`;
}

/** A whole error response for a socket that node:http has nothing to do with any more. */
export function rawErrorResponse(
	error: Reason,
	headers: Readonly<Record<string, string>> = {},
	status = statusOf(error.code),
): string {
	const body = errorBody(error);
	const head = responseHead(status, {
		...headers,
		'Content-Type': 'application/json',
		'Content-Length': String(Buffer.byteLength(body)),
		Connection: 'close',
	});
	return head + body;
}
