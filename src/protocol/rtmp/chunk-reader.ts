// Spec: RTMP 1.0, section 5.3.1 (Chunk Format)

import { readUint24, readUint32 } from '../../bytes/big-endian.js';
import { PeerError } from '../../errors.js';
import { DEFAULT_CHUNK_SIZE, MessageType, parseUint32Body } from './message.js';

/** Chunk streams of one connection. Encoders use 3 to 8; nginx-rtmp allows 32. */
export const MAX_CHUNK_STREAMS = 64;
/** Messages of one connection that may be under way at once, in multiples of the largest message. */
const MAX_PARTIAL_MESSAGES = 2;

/** Basic header 3, message header 11, extended timestamp 4. */
const MAX_HEADER_BYTES = 18;
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const;
const EXTENDED_TIMESTAMP = 0xffffff;
const MAX_CHUNK_SIZE = 0x7fffffff;

/** Message buffers grow while their bytes arrive, so bytes that a peer only announces cost nothing. */
const FIRST_BUFFER_BYTES = 64 * 1024;
/** A message buffer up to this size is kept for the next message of its chunk stream. */
const KEPT_BUFFER_BYTES = 64 * 1024;
const NO_BYTES = Buffer.alloc(0);

/** A complete message. `body` is borrowed until return: a view of what came in, or a buffer that is used again. */
export type MessageHandler = (type: number, messageStreamId: number, timestampMs: number, body: Buffer) => void;

type ChunkStream = {
	/** A header of type 0 or 1 has been seen; type 3 is legal from now on. */
	known: boolean;
	timestampMs: number;
	/** The timestamp delta that a type 3 chunk adds when it starts a message. */
	deltaMs: number;
	/** Value of the last extended timestamp field, or -1 when the last header had none. */
	extendedField: number;
	length: number;
	type: number;
	messageStreamId: number;
	/** A message is under way, `filled` bytes of it are in `buffer`. */
	open: boolean;
	filled: number;
	buffer: Buffer;
};

/**
 * Takes the bytes after the handshake, cut anywhere, and hands out whole messages. Set Chunk Size and Abort are obeyed here
 * and handed out too. State: between chunks, within a header (its bytes wait in `#carry`), or within a chunk's payload.
 *
 * Tolerated, because the meaning is clear:
 * - type 1 on a new chunk stream (librtmp): its delta counts from 0, its message stream is the one used last;
 * - type 2 on a new chunk stream (DJI Osmo): an empty message, as it can have no length;
 * - a new header while a message is under way: the unfinished one is dropped;
 * - type 3 without the extended timestamp that its message has (old FMLE), seen by comparing the bytes there.
 */
export class ChunkReader {
	readonly #handle: MessageHandler;
	readonly #streams = new Map<number, ChunkStream>();
	readonly #carry = Buffer.allocUnsafe(MAX_HEADER_BYTES);
	#carried = 0;
	#current: ChunkStream | null = null;
	/** Bytes of the current chunk's payload that are still to come. */
	#payloadLeft = 0;
	#partialBytes = 0;
	#lastMessageStreamId = 0;
	#chunkSize = DEFAULT_CHUNK_SIZE;
	#maxMessageBytes: number;

	constructor(maxMessageBytes: number, handle: MessageHandler) {
		this.#maxMessageBytes = maxMessageBytes;
		this.#handle = handle;
	}

	/** The limit for messages that start from now on. */
	set maxMessageBytes(bytes: number) {
		this.#maxMessageBytes = bytes;
	}

	/**
	 * Takes the next bytes. `chunk` is borrowed until return.
	 * @throws PeerError RTMP_CHUNK_STREAM, RTMP_CHUNK_STREAM_LIMIT, RTMP_CHUNK_SIZE or RTMP_MESSAGE_TOO_LARGE, and every
	 * error of the handler. The reader must not be used afterwards.
	 */
	push(chunk: Buffer): void {
		let at = 0;
		while (at < chunk.length || (this.#current !== null && this.#payloadLeft === 0)) {
			if (this.#current !== null) {
				at = this.#readPayload(this.#current, chunk, at);
			} else if (this.#carried > 0) {
				at = this.#readCarriedHeader(chunk, at);
			} else {
				const end = this.#readHeader(chunk, at, chunk.length);
				if (end === null) {
					this.#carried = chunk.copy(this.#carry, 0, at);
					return;
				}
				at = end;
			}
		}
	}

	/** A header began in an earlier chunk: completes it in the carry buffer. @returns the offset after it in `chunk`. */
	#readCarriedHeader(chunk: Buffer, at: number): number {
		const carried = this.#carried;
		const copied = chunk.copy(this.#carry, carried, at);
		const end = this.#readHeader(this.#carry, 0, carried + copied);
		if (end === null) {
			this.#carried = carried + copied;
			return at + copied;
		}
		this.#carried = 0;
		if (end < carried) {
			// The carried bytes looked like an extended timestamp until the next one came: they are payload.
			this.push(Buffer.from(this.#carry.subarray(end, carried)));
			return at;
		}
		return at + end - carried;
	}

	/** Reads one chunk header and makes its chunk stream current. @returns the offset after it, or null if it is not all there. */
	#readHeader(bytes: Buffer, start: number, end: number): number | null {
		const format = bytes[start]! >>> 6;
		const shortId = bytes[start]! & 0x3f;
		const basicBytes = shortId === 0 ? 2 : shortId === 1 ? 3 : 1;
		const fields = start + basicBytes;
		let at = fields + MESSAGE_HEADER_BYTES[format]!;
		if (at > end) {
			return null;
		}
		const id = shortId > 1 ? shortId : 64 + bytes[start + 1]! + (shortId === 1 ? bytes[start + 2]! * 256 : 0);
		const stream = this.#streams.get(id);
		let extendedField = -1;
		if (format < 3) {
			if (readUint24(bytes, fields) === EXTENDED_TIMESTAMP) {
				if (at + 4 > end) {
					return null;
				}
				extendedField = readUint32(bytes, at);
				at += 4;
			}
		} else if (stream !== undefined && stream.extendedField >= 0) {
			const repeated = repeatsExtendedTimestamp(stream, bytes, at, end);
			if (repeated === null) {
				return null;
			}
			at += repeated ? 4 : 0;
		}
		this.#startChunk(stream ?? this.#addStream(id, format), format, bytes, fields, extendedField);
		return at;
	}

	#addStream(id: number, format: number): ChunkStream {
		if (format === 3) {
			throw new PeerError('RTMP_CHUNK_STREAM', `chunk stream ${id}`);
		}
		if (this.#streams.size >= MAX_CHUNK_STREAMS) {
			throw new PeerError('RTMP_CHUNK_STREAM_LIMIT', `at most ${MAX_CHUNK_STREAMS}`);
		}
		const stream: ChunkStream = {
			known: false,
			timestampMs: 0,
			deltaMs: 0,
			extendedField: -1,
			length: 0,
			type: 0,
			messageStreamId: this.#lastMessageStreamId,
			open: false,
			filled: 0,
			buffer: NO_BYTES,
		};
		this.#streams.set(id, stream);
		return stream;
	}

	/** Applies a header whose message header fields are at `fields`. */
	#startChunk(stream: ChunkStream, format: number, bytes: Buffer, fields: number, extendedField: number): void {
		if (format < 3 && stream.open) {
			this.#drop(stream);
		}
		if (!stream.open) {
			if (format < 3) {
				readMessageHeader(stream, format, bytes, fields, extendedField);
			} else if (!stream.known) {
				throw new PeerError('RTMP_CHUNK_STREAM', 'type 3 before any header with a length');
			} else {
				stream.timestampMs = (stream.timestampMs + stream.deltaMs) >>> 0;
			}
			this.#openMessage(stream);
		}
		this.#current = stream;
		this.#payloadLeft = Math.min(stream.length - stream.filled, this.#chunkSize);
	}

	#openMessage(stream: ChunkStream): void {
		const limit = this.#maxMessageBytes;
		if (stream.length > limit) {
			throw new PeerError('RTMP_MESSAGE_TOO_LARGE', `${stream.length} bytes, at most ${limit}`);
		}
		this.#partialBytes += stream.length;
		if (this.#partialBytes > limit * MAX_PARTIAL_MESSAGES) {
			throw new PeerError('RTMP_MESSAGE_TOO_LARGE', `${this.#partialBytes} bytes in unfinished messages`);
		}
		stream.open = true;
		stream.filled = 0;
		this.#lastMessageStreamId = stream.messageStreamId || this.#lastMessageStreamId;
	}

	/** Takes what `chunk` has of the current payload. @returns the offset after it. */
	#readPayload(stream: ChunkStream, chunk: Buffer, at: number): number {
		const end = Math.min(at + this.#payloadLeft, chunk.length);
		if (stream.filled === 0 && end - at === stream.length) {
			this.#finishMessage(stream, chunk.subarray(at, end));
			return end;
		}
		this.#reserve(stream, end - at);
		chunk.copy(stream.buffer, stream.filled, at, end);
		stream.filled += end - at;
		this.#payloadLeft -= end - at;
		if (stream.filled === stream.length) {
			this.#finishMessage(stream, stream.buffer.subarray(0, stream.length));
		} else if (this.#payloadLeft === 0) {
			this.#current = null;
		}
		return end;
	}

	#reserve(stream: ChunkStream, bytes: number): void {
		const needed = stream.filled + bytes;
		if (needed <= stream.buffer.length) {
			return;
		}
		const size = Math.max(needed, Math.min(stream.length, FIRST_BUFFER_BYTES), stream.buffer.length * 2);
		const bigger = Buffer.allocUnsafeSlow(size);
		stream.buffer.copy(bigger, 0, 0, stream.filled);
		stream.buffer = bigger;
	}

	#finishMessage(stream: ChunkStream, body: Buffer): void {
		this.#current = null;
		this.#payloadLeft = 0;
		this.#partialBytes -= stream.length;
		stream.open = false;
		if (stream.type === MessageType.setChunkSize) {
			this.#setChunkSize(body);
		} else if (stream.type === MessageType.abort) {
			this.#abort(parseUint32Body(body));
		}
		this.#handle(stream.type, stream.messageStreamId, stream.timestampMs, body);
		if (stream.buffer.length > KEPT_BUFFER_BYTES) {
			stream.buffer = NO_BYTES;
		}
	}

	#setChunkSize(body: Buffer): void {
		const size = parseUint32Body(body);
		if (size < 1 || size > MAX_CHUNK_SIZE) {
			throw new PeerError('RTMP_CHUNK_SIZE', `got ${size}`);
		}
		this.#chunkSize = size;
	}

	#abort(chunkStreamId: number): void {
		const stream = this.#streams.get(chunkStreamId);
		if (stream?.open) {
			this.#drop(stream);
		}
	}

	#drop(stream: ChunkStream): void {
		stream.open = false;
		this.#partialBytes -= stream.length;
	}
}

/** Reads the fields of a type 0, 1 or 2 message header at `fields` into `stream`. */
function readMessageHeader(
	stream: ChunkStream,
	format: number,
	bytes: Buffer,
	fields: number,
	extendedField: number,
): void {
	const time = extendedField >= 0 ? extendedField : readUint24(bytes, fields);
	stream.extendedField = extendedField;
	if (format <= 1) {
		stream.length = readUint24(bytes, fields + 3); // message length
		stream.type = bytes[fields + 6]!; // message type id
		stream.known = true;
	}
	if (format === 0) {
		stream.messageStreamId = bytes.readUInt32LE(fields + 7); // msg stream id
		stream.timestampMs = time;
		// After a type 0 header, type 3 repeats its timestamp as the delta (5.3.1.2.4; ffmpeg relies on it). A step of over
		// 4.6 hours is never meant, so an extended one is not repeated.
		stream.deltaMs = extendedField >= 0 ? 0 : time;
	} else {
		stream.timestampMs = (stream.timestampMs + time) >>> 0;
		stream.deltaMs = time;
	}
}

/**
 * True when the bytes at `at` are the extended timestamp again, which every type 3 chunk of such a message should have
 * (5.3.1.3). False when they are payload, because the peer leaves the timestamp out. Some peers write the message's
 * absolute timestamp there. Null when there are too few bytes to tell.
 */
function repeatsExtendedTimestamp(stream: ChunkStream, bytes: Buffer, at: number, end: number): boolean | null {
	const available = Math.min(end - at, 4);
	let repeatsField = true;
	let repeatsTime = true;
	for (let index = 0; index < available; index++) {
		const shift = 24 - index * 8;
		repeatsField &&= bytes[at + index] === ((stream.extendedField >>> shift) & 0xff);
		repeatsTime &&= bytes[at + index] === ((stream.timestampMs >>> shift) & 0xff);
	}
	if (!repeatsField && !repeatsTime) {
		return false;
	}
	return available === 4 ? true : null;
}
