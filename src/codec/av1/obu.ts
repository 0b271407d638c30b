// Spec: AV1 bitstream 5.3 (OBU syntax), 4.10.5 (leb128)
import { malformed } from '../malformed.js';

export const ObuType = {
	sequenceHeader: 1,
	temporalDelimiter: 2,
	frameHeader: 3,
	metadata: 5,
	frame: 6,
	tileList: 8,
	padding: 15,
} as const;

/** One OBU within a temporal unit: header and payload, and where its payload lies. */
export type Obu = { type: number; offset: number; length: number; payloadOffset: number; payloadLength: number };

const MAX_OBUS = 4096;

/** OBUs of the low-overhead format. An OBU without a size field runs to the end. Throws PeerError CODEC_CONFIG. */
export function* iterateObus(bytes: Uint8Array): Generator<Obu> {
	let at = 0;
	for (let count = 0; count < MAX_OBUS && at < bytes.length; count++) {
		const header = bytes[at]!;
		const hasExtension = (header & 4) !== 0;
		const hasSize = (header & 2) !== 0;
		let payloadOffset = at + (hasExtension ? 2 : 1);
		let payloadLength = bytes.length - payloadOffset;
		if (hasSize) {
			const size = readLeb128(bytes, payloadOffset);
			payloadOffset = size.end;
			payloadLength = size.value;
		}
		if ((header & 0x80) !== 0 || payloadLength < 0 || payloadOffset + payloadLength > bytes.length) {
			malformed('AV1 OBU runs past its end');
		}
		const end = payloadOffset + payloadLength;
		yield { type: (header >>> 3) & 15, offset: at, length: end - at, payloadOffset, payloadLength };
		at = end;
	}
}

function readLeb128(bytes: Uint8Array, from: number): { value: number; end: number } {
	let value = 0;
	for (let index = 0; index < 8; index++) {
		const byte = bytes[from + index];
		if (byte === undefined) {
			break;
		}
		value += (byte & 0x7f) * 2 ** (7 * index);
		if ((byte & 0x80) === 0) {
			return { value, end: from + index + 1 };
		}
	}
	return malformed('AV1 leb128 without an end');
}

/** A temporal unit as MP4 wants it: without temporal delimiters and padding (AV1-ISOBMFF 2.4). A view when there are none. */
export function stripTemporalDelimiters(bytes: Buffer): Buffer {
	// A frame in FLV starts either with a delimiter or with an OBU to keep. A look at the first OBU settles nearly all.
	const first = (bytes[0]! >>> 3) & 15;
	if (first !== ObuType.temporalDelimiter && first !== ObuType.padding) {
		return bytes;
	}
	const kept: Buffer[] = [];
	for (const { type, offset, length } of iterateObus(bytes)) {
		if (type !== ObuType.temporalDelimiter && type !== ObuType.padding) {
			kept.push(bytes.subarray(offset, offset + length));
		}
	}
	return kept.length === 1 ? kept[0]! : Buffer.concat(kept);
}

/** An OBU of the low-overhead format, with its size and without extension. */
export function serializeObu(type: number, payload: Uint8Array): Buffer {
	const size: number[] = [];
	let left = payload.length;
	do {
		size.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
		left >>>= 7;
	} while (left > 0);
	return Buffer.concat([Buffer.from([(type << 3) | 2, ...size]), payload]); // obu_type, obu_has_size_field
}

/**
 * OBUs of a temporal unit that others can follow: the last one may have no size. A view when it has, else a copy.
 * Throws PeerError CODEC_CONFIG.
 */
export function withSizes(bytes: Buffer): Buffer {
	for (const { type, offset, length, payloadOffset, payloadLength } of iterateObus(bytes)) {
		if ((bytes[offset]! & 2) === 0 && offset + length === bytes.length) {
			const payload = bytes.subarray(payloadOffset, payloadOffset + payloadLength);
			return Buffer.concat([bytes.subarray(0, offset), serializeObu(type, payload)]);
		}
	}
	return bytes;
}
