// Spec: RFC 6455, section 5.2 (base framing protocol); server to client, so never masked.

const FIN = 0x80;
const OPCODE_BINARY = 0x02;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** Room for the longest header of an unmasked frame. */
export const FRAME_ROOM = { before: 10, after: 0 };

/** `payload` as one final binary frame; `payload` is copied. Empty payload gives nothing at all. */
export function binaryFrame(payload: Buffer): Buffer {
	const whole = Buffer.allocUnsafeSlow(FRAME_ROOM.before + payload.length);
	payload.copy(whole, FRAME_ROOM.before);
	return binaryFrameInPlace(whole.subarray(FRAME_ROOM.before));
}

/** Like `binaryFrame`, but writes in front of `payload`, whose allocation must have FRAME_ROOM there, and returns the larger view. */
export function binaryFrameInPlace(payload: Buffer): Buffer {
	const { length } = payload;
	if (length === 0) {
		return payload;
	}
	const headBytes = length < LENGTH_16 ? 2 : length <= 0xffff ? 4 : 10;
	const whole = Buffer.from(payload.buffer, payload.byteOffset - headBytes, headBytes + length);
	whole[0] = FIN | OPCODE_BINARY; // FIN, RSV1-3, opcode
	if (headBytes === 2) {
		whole[1] = length; // MASK=0, payload len
	} else if (headBytes === 4) {
		whole[1] = LENGTH_16;
		whole.writeUInt16BE(length, 2); // extended payload length
	} else {
		whole[1] = LENGTH_64;
		whole.writeUInt32BE(0, 2); // extended payload length, high half
		whole.writeUInt32BE(length, 6);
	}
	return whole;
}
