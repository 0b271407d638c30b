// Spec: RTMP 1.0, section 5.3.1 (Chunk Format)

/** Basic header of 1 byte (chunk stream ids 2 to 63) and a type 0 message header. */
const FIRST_HEADER_BYTES = 1 + 11;
const EXTENDED_TIMESTAMP = 0xffffff;
const EXTENDED_TIMESTAMP_BYTES = 4;
const TYPE_3 = 0xc0;

/** Size on the wire of a message of `bodyBytes`, cut into chunks of `chunkSize`. */
export function messageWireBytes(chunkSize: number, timestampMs: number, bodyBytes: number): number {
	const extended = timestampMs >= EXTENDED_TIMESTAMP ? EXTENDED_TIMESTAMP_BYTES : 0;
	const followers = bodyBytes === 0 ? 0 : Math.ceil(bodyBytes / chunkSize) - 1;
	return FIRST_HEADER_BYTES + extended + bodyBytes + followers * (1 + extended);
}

/**
 * Writes one message into `target` at `offset`. It has a type 0 header, so that it means the same after any other
 * message. Type 3 chunks follow, each with the extended timestamp if there is one. `body` is copied. `timestampMs` is a
 * uint32.
 * @returns the offset after the message.
 */
export function writeMessage(
	target: Buffer,
	offset: number,
	chunkSize: number,
	chunkStreamId: number,
	type: number,
	messageStreamId: number,
	timestampMs: number,
	body: Uint8Array,
): number {
	const extended = timestampMs >= EXTENDED_TIMESTAMP;
	let at = offset;
	target[at] = chunkStreamId; // fmt 0, cs id
	const timestampField = extended ? EXTENDED_TIMESTAMP : timestampMs;
	target[at + 1] = timestampField >>> 16; // timestamp
	target[at + 2] = timestampField >>> 8;
	target[at + 3] = timestampField;
	target[at + 4] = body.length >>> 16; // message length
	target[at + 5] = body.length >>> 8;
	target[at + 6] = body.length;
	target[at + 7] = type; // message type id
	target[at + 8] = messageStreamId; // msg stream id, little-endian
	target[at + 9] = messageStreamId >>> 8;
	target[at + 10] = messageStreamId >>> 16;
	target[at + 11] = messageStreamId >>> 24;
	at += FIRST_HEADER_BYTES;
	if (extended) {
		at = target.writeUInt32BE(timestampMs, at); // extended timestamp
	}
	if (body.length <= chunkSize) {
		target.set(body, at);
		return at + body.length;
	}
	for (let start = 0; start < body.length; start += chunkSize) {
		if (start > 0) {
			target[at++] = TYPE_3 | chunkStreamId;
			if (extended) {
				at = target.writeUInt32BE(timestampMs, at);
			}
		}
		const part = body.subarray(start, start + chunkSize);
		target.set(part, at);
		at += part.length;
	}
	return at;
}

/** One message as its own Buffer. */
export function serializeMessage(
	chunkSize: number,
	chunkStreamId: number,
	type: number,
	messageStreamId: number,
	timestampMs: number,
	body: Uint8Array,
): Buffer {
	const message = Buffer.allocUnsafe(messageWireBytes(chunkSize, timestampMs, body.length));
	writeMessage(message, 0, chunkSize, chunkStreamId, type, messageStreamId, timestampMs, body);
	return message;
}
