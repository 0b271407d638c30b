// Spec: Adobe RTMP 1.0, section 5.3 (chunk stream). Written apart from src/protocol/rtmp on purpose (see flv-scanner.ts).

const DEFAULT_CHUNK_BYTES = 128;
const EXTENDED_TIMESTAMP = 0xffffff;
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** Bytes of the message header by chunk type. */
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0];

export const MessageType = {
	setChunkSize: 1,
	userControl: 4,
	windowAckSize: 5,
	audio: 8,
	video: 9,
	data: 18,
	command: 20,
} as const;

/** One RTMP message. `body` belongs to the receiver. */
export type RtmpMessage = { type: number; timestampMs: number; streamId: number; body: Buffer };

type ChunkStream = {
	timestampMs: number;
	deltaMs: number;
	length: number;
	type: number;
	streamId: number;
	extended: boolean;
	body: Buffer | null;
	filled: number;
};

/** Puts the chunks of one connection together to messages. */
export class ChunkReader {
	readonly #onMessage: (message: RtmpMessage) => void;
	readonly #streams = new Map<number, ChunkStream>();
	#chunkBytes = DEFAULT_CHUNK_BYTES;
	#pending: Buffer = Buffer.alloc(0);

	constructor(onMessage: (message: RtmpMessage) => void) {
		this.#onMessage = onMessage;
	}

	/** `bytes` is borrowed until return. */
	push(bytes: Buffer): void {
		const data = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
		let at = 0;
		for (;;) {
			const next = this.#readChunk(data, at);
			if (next === at) {
				break;
			}
			at = next;
		}
		this.#pending = Buffer.from(data.subarray(at));
	}

	/** Returns where the next chunk starts, or `start` when this one is not complete. */
	#readChunk(data: Buffer, start: number): number {
		const first = data[start] ?? 0;
		const format = first >> 6;
		const low = first & 0x3f;
		const headerAt = start + (low === 0 ? 2 : low === 1 ? 3 : 1);
		const headerBytes = MESSAGE_HEADER_BYTES[format]!;
		if (data.length < headerAt + headerBytes) {
			return start;
		}
		const csid = low === 0 ? data[start + 1]! + 64 : low === 1 ? data.readUInt16LE(start + 1) + 64 : low;
		const known = this.#streams.get(csid);
		if (known === undefined && format !== 0) {
			throw new Error(`chunk stream ${csid} starts with type ${format}`);
		}
		const field = format === 3 ? 0 : data.readUIntBE(headerAt, 3);
		const extended = format === 3 ? known!.extended : field === EXTENDED_TIMESTAMP;
		const bodyAt = headerAt + headerBytes + (extended ? 4 : 0);
		if (data.length < bodyAt) {
			return start;
		}
		const time = extended && format !== 3 ? data.readUInt32BE(headerAt + headerBytes) : field;
		const length = format <= 1 ? data.readUIntBE(headerAt + 3, 3) : known!.length;
		const filled = known === undefined || known.body === null ? 0 : known.filled;
		const take = Math.min(this.#chunkBytes, length - filled);
		if (length > MAX_MESSAGE_BYTES) {
			throw new Error(`RTMP message of ${length} bytes`);
		}
		if (data.length < bodyAt + take) {
			return start;
		}
		const stream = known ?? newChunkStream();
		this.#streams.set(csid, stream);
		if (stream.body === null) {
			this.#startMessage(stream, format, time, length);
			stream.type = format <= 1 ? data[headerAt + 6]! : stream.type;
			stream.streamId = format === 0 ? data.readUInt32LE(headerAt + 7) : stream.streamId;
			stream.extended = extended;
		}
		data.copy(stream.body!, stream.filled, bodyAt, bodyAt + take);
		stream.filled += take;
		if (stream.filled === length) {
			this.#endMessage(stream);
		}
		return bodyAt + take;
	}

	#startMessage(stream: ChunkStream, format: number, time: number, length: number): void {
		if (format === 0) {
			stream.timestampMs = time;
			stream.deltaMs = 0;
		} else {
			stream.deltaMs = format === 3 ? stream.deltaMs : time;
			stream.timestampMs = (stream.timestampMs + stream.deltaMs) % 2 ** 32;
		}
		stream.length = length;
		stream.body = Buffer.allocUnsafe(length);
		stream.filled = 0;
	}

	#endMessage(stream: ChunkStream): void {
		const body = stream.body!;
		stream.body = null;
		if (stream.type === MessageType.setChunkSize) {
			this.#chunkBytes = body.readUInt32BE(0) & 0x7fffffff;
		}
		this.#onMessage({ type: stream.type, timestampMs: stream.timestampMs, streamId: stream.streamId, body });
	}
}

function newChunkStream(): ChunkStream {
	return { timestampMs: 0, deltaMs: 0, length: 0, type: 0, streamId: 0, extended: false, body: null, filled: 0 };
}

/** A message as chunks of at most `chunkBytes`: type 0, then type 3. `body` is copied. */
export function encodeMessage(message: RtmpMessage, csid: number, chunkBytes: number): Buffer {
	const extended = message.timestampMs >= EXTENDED_TIMESTAMP;
	const header = Buffer.alloc(12 + (extended ? 4 : 0));
	header[0] = csid;
	header.writeUIntBE(extended ? EXTENDED_TIMESTAMP : message.timestampMs, 1, 3);
	header.writeUIntBE(message.body.length, 4, 3);
	header[7] = message.type;
	header.writeUInt32LE(message.streamId, 8);
	const time = Buffer.alloc(extended ? 4 : 0);
	if (extended) {
		time.writeUInt32BE(message.timestampMs % 2 ** 32);
		time.copy(header, 12);
	}
	const parts = [header, message.body.subarray(0, chunkBytes)];
	for (let at = chunkBytes; at < message.body.length; at += chunkBytes) {
		parts.push(Buffer.from([0xc0 | csid]), time, message.body.subarray(at, at + chunkBytes));
	}
	return Buffer.concat(parts);
}
