import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type ByteRange, contentRange, frameMultipart, type Multipart, parseRanges } from './byte-ranges.js';
import { chooseCoding, encodedBody, isCodable } from './content-coding.js';
import { checkPreconditions, isRangeValid } from './preconditions.js';
import { closeRepresentation, type OpenBody, type Representation } from './representation.js';

/** A peer that takes nothing for this long is cut off. */
export const STALL_TIMEOUT_MS = 30_000;
/** Pieces that a large file is read in. */
const PIECE_BYTES = 256 * 1024;

/** One request and all that is needed to answer it. */
export type Exchange = {
	request: IncomingMessage;
	response: ServerResponse;
	/** Header fields of every answer, name by name and value by value. */
	fields: readonly string[];
	/** Names for Vary that do not come from the representation; '' = none. */
	vary: string;
	/** Called once, when all that is to be sent has been handed over or the peer is gone. */
	done: (status: number, bytes: number) => void;
};

/** Answers GET or HEAD. Closes what is open in `representation` when it has been sent. Never rejects. */
export function respond(exchange: Exchange, representation: Representation): void {
	const { request } = exchange;
	const { range } = request.headers;
	const coding =
		range === undefined && isCodable(representation) ? chooseCoding(header(request, 'accept-encoding')) : null;
	if (coding === null) {
		answer(exchange, representation);
		return;
	}
	const plain = (): void => answer(exchange, representation);
	void encodedBody(representation, coding).then((bytes) => {
		if (bytes === null) {
			plain();
			return;
		}
		const etag = `${representation.etag.slice(0, -1)}-${coding}"`;
		const extra = [...representation.extra, 'Content-Encoding', coding];
		answer(exchange, { ...representation, etag, extra, body: bytes, sizeBytes: bytes.length });
	}, plain);
}

function answer(exchange: Exchange, representation: Representation): void {
	const { request, response } = exchange;
	const { headers } = request;
	const precondition = checkPreconditions(headers, representation);
	if (precondition !== 200) {
		void closeRepresentation(representation);
		response.writeHead(precondition, describe(exchange, representation)).end();
		exchange.done(precondition, 0);
		return;
	}
	const wanted =
		headers.range !== undefined && request.method === 'GET' && isRangeValid(headers, representation)
			? parseRanges(headers.range, representation.sizeBytes)
			: null;
	if (wanted === null) {
		sendWhole(exchange, representation);
	} else if (wanted.length === 0) {
		void closeRepresentation(representation);
		const unsatisfied = contentRange(null, representation.sizeBytes);
		response.writeHead(416, [...exchange.fields, 'Content-Range', unsatisfied, 'Content-Length', '0']).end();
		exchange.done(416, 0);
	} else if (wanted.length === 1) {
		sendRange(exchange, representation, wanted[0]!);
	} else {
		sendRanges(exchange, representation, wanted);
	}
}

function sendWhole(exchange: Exchange, representation: Representation): void {
	const { sizeBytes } = representation;
	const head = describe(exchange, representation);
	head.push('Content-Type', representation.contentType, 'Content-Length', String(sizeBytes));
	exchange.response.writeHead(200, head);
	sendBody(exchange, representation, 200, [{ start: 0, end: sizeBytes - 1 }], null);
}

function sendRange(exchange: Exchange, representation: Representation, range: ByteRange): void {
	const head = describe(exchange, representation);
	const length = String(range.end - range.start + 1);
	head.push('Content-Type', representation.contentType, 'Content-Length', length);
	head.push('Content-Range', contentRange(range, representation.sizeBytes));
	exchange.response.writeHead(206, head);
	sendBody(exchange, representation, 206, [range], null);
}

function sendRanges(exchange: Exchange, representation: Representation, ranges: readonly ByteRange[]): void {
	const { contentType: type, sizeBytes } = representation;
	const multipart = frameMultipart(ranges, { type, sizeBytes, boundary: randomUUID() });
	const head = describe(exchange, representation);
	head.push('Content-Type', multipart.contentType, 'Content-Length', String(multipart.lengthBytes));
	exchange.response.writeHead(206, head);
	sendBody(exchange, representation, 206, ranges, multipart);
}

/** Header fields that 200, 206 and 304 have in common. */
function describe({ fields, vary }: Exchange, representation: Representation): string[] {
	const { etag, lastModifiedMs, cacheControl, compressible, extra } = representation;
	const head = [...fields, 'ETag', etag, 'Cache-Control', cacheControl, 'Accept-Ranges', 'bytes', ...extra];
	if (lastModifiedMs !== null) {
		head.push('Last-Modified', httpDate(lastModifiedMs));
	}
	const names = compressible ? (vary === '' ? 'Accept-Encoding' : `${vary}, Accept-Encoding`) : vary;
	if (names !== '') {
		head.push('Vary', names);
	}
	return head;
}

function sendBody(
	exchange: Exchange,
	representation: Representation,
	status: number,
	ranges: readonly ByteRange[],
	multipart: Multipart | null,
): void {
	const { request, response, done } = exchange;
	const { body } = representation;
	if (request.method === 'HEAD') {
		void closeRepresentation(representation);
		response.end();
		done(status, 0);
		return;
	}
	if (Buffer.isBuffer(body)) {
		const pieces = ranges.map(({ start, end }) => body.subarray(start, end + 1));
		const bytes = multipart === null ? pieces[0]! : interleave(multipart, pieces);
		response.end(bytes);
		limitStall(response);
		done(status, bytes.length);
		return;
	}
	limitStall(response);
	const sent = { bytes: 0 };
	pipeline(Readable.from(readRanges(body, ranges, multipart, sent), { objectMode: true, highWaterMark: 1 }), response)
		// The peer is gone, or the file has become shorter: the connection has been cut.
		.catch(() => response.destroy())
		.finally(() => {
			void body.close();
			done(status, sent.bytes);
		});
}

/** A client must go on taking the bytes that node:http could not write at once. */
function limitStall(response: ServerResponse): void {
	const { socket } = response;
	if (socket !== null && !response.writableFinished) {
		socket.setTimeout(STALL_TIMEOUT_MS);
	}
}

function interleave({ heads, tail }: Multipart, pieces: readonly Buffer[]): Buffer {
	return Buffer.concat([...pieces.flatMap((piece, index) => [heads[index]!, piece]), tail]);
}

async function* readRanges(
	file: OpenBody,
	ranges: readonly ByteRange[],
	multipart: Multipart | null,
	sent: { bytes: number },
): AsyncGenerator<Buffer> {
	for (const [index, { start, end }] of ranges.entries()) {
		if (multipart !== null) {
			yield multipart.heads[index]!;
		}
		for (let position = start; position <= end; ) {
			const wanted = Math.min(PIECE_BYTES, end + 1 - position);
			const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, position);
			if (bytesRead === 0) {
				throw new Error('the file has become shorter');
			}
			position += bytesRead;
			sent.bytes += bytesRead;
			yield buffer.subarray(0, bytesRead);
		}
	}
	if (multipart !== null) {
		yield multipart.tail;
	}
}

let lastDate = { ms: Number.NaN, text: '' };

/** Last-Modified of the file that is asked for again and again is made once. */
function httpDate(ms: number): string {
	if (lastDate.ms !== ms) {
		lastDate = { ms, text: new Date(ms).toUTCString() };
	}
	return lastDate.text;
}

function header(request: IncomingMessage, name: string): string | undefined {
	const value = request.headers[name];
	return Array.isArray(value) ? value.join(',') : value;
}
