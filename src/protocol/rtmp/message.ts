// Spec: RTMP 1.0, sections 5.4 (Protocol Control Messages), 6.2 (User Control Messages), 7.1 (Types of Messages)

/** Message type ids. */
export const MessageType = {
	setChunkSize: 1,
	abort: 2,
	acknowledgement: 3,
	userControl: 4,
	windowAckSize: 5,
	setPeerBandwidth: 6,
	audio: 8,
	video: 9,
	dataAmf3: 15,
	sharedObjectAmf3: 16,
	commandAmf3: 17,
	dataAmf0: 18,
	sharedObjectAmf0: 19,
	commandAmf0: 20,
	aggregate: 22,
} as const;

/** Event types of a user control message. */
export const UserControlEvent = {
	streamBegin: 0,
	streamEof: 1,
	streamDry: 2,
	setBufferLength: 3,
	streamIsRecorded: 4,
	pingRequest: 6,
	pingResponse: 7,
} as const;

/** Chunk stream ids that we send on; which one carries what is ours to choose, but for 2. */
export const ChunkStreamId = { control: 2, command: 3, audio: 4, data: 5, video: 6 } as const;

/** Peers start with this chunk size until they say otherwise. */
export const DEFAULT_CHUNK_SIZE = 128;

/** `limit type` of Set Peer Bandwidth that asks for the smaller of the two windows. */
const LIMIT_TYPE_DYNAMIC = 2;

/** Body of Set Chunk Size, Abort Message, Acknowledgement or Window Acknowledgement Size. */
export function uint32Body(value: number): Buffer {
	const body = Buffer.allocUnsafe(4);
	body.writeUInt32BE(value >>> 0, 0);
	return body;
}

/** The value of such a body; a body that is too short is 0. */
export function parseUint32Body(body: Buffer): number {
	return body.length < 4 ? 0 : body.readUInt32BE(0);
}

/** Body of Set Peer Bandwidth. */
export function peerBandwidthBody(windowBytes: number): Buffer {
	const body = Buffer.allocUnsafe(5);
	body.writeUInt32BE(windowBytes, 0); // Acknowledgement Window size
	body[4] = LIMIT_TYPE_DYNAMIC; // Limit Type
	return body;
}

export type UserControl = { event: number; value: number };

/** Body of a user control message whose event data is one number (all but SetBufferLength). */
export function userControlBody(event: number, value: number): Buffer {
	const body = Buffer.allocUnsafe(6);
	body.writeUInt16BE(event, 0); // Event Type
	body.writeUInt32BE(value >>> 0, 2); // Event Data
	return body;
}

/** Event and first number of a user control message, or null when the body is too short to hold an event. */
export function parseUserControl(body: Buffer): UserControl | null {
	if (body.length < 2) {
		return null;
	}
	return { event: body.readUInt16BE(0), value: body.length < 6 ? 0 : body.readUInt32BE(2) };
}

const SUB_MESSAGE_HEADER_BYTES = 11;
const BACK_POINTER_BYTES = 4;

/**
 * Hands the messages within an aggregate message (section 7.1.6) to `handle`, their timestamps moved so that the first has
 * the aggregate's own. `body` is borrowed, and so are the views of it that `handle` gets. A cut last message is left out.
 */
export function splitAggregate(
	body: Buffer,
	timestampMs: number,
	handle: (type: number, timestampMs: number, body: Buffer) => void,
): void {
	let shift: number | null = null;
	let at = 0;
	while (at + SUB_MESSAGE_HEADER_BYTES <= body.length) {
		const type = body[at]!;
		const length = body.readUIntBE(at + 1, 3);
		const timestamp = (body.readUIntBE(at + 4, 3) | (body[at + 7]! << 24)) >>> 0; // 24 bits, then the upper 8
		const start = at + SUB_MESSAGE_HEADER_BYTES;
		if (start + length > body.length) {
			return;
		}
		shift ??= timestampMs - timestamp;
		handle(type, (timestamp + shift) >>> 0, body.subarray(start, start + length));
		at = start + length + BACK_POINTER_BYTES;
	}
}
