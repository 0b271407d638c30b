// Spec: Adobe Flash Video File Format 10.1, E.4.4 (data tags); RTMP 1.0, 7.1.2 (data message).

import { readUint16 } from '../../bytes/big-endian.js';

const AMF0_STRING = 2;
const STRING_HEADER_BYTES = 3;
const SET_DATA_FRAME = '@setDataFrame';

/** The name that a script tag body starts with (`onMetaData`), or null when it starts with anything but a string. */
export function scriptName(body: Uint8Array): string | null {
	if (body.length < STRING_HEADER_BYTES || body[0] !== AMF0_STRING) {
		return null;
	}
	const end = STRING_HEADER_BYTES + readUint16(body, 1);
	return end > body.length ? null : String.fromCharCode(...body.subarray(STRING_HEADER_BYTES, Math.min(end, 256)));
}

/**
 * The body of a data message as a script tag carries it: without the format byte of AMF3 messages, and without the
 * `@setDataFrame` that publishers put in front of what a server is to keep. A view of `body`.
 */
export function scriptTagBody(body: Uint8Array, amf3: boolean): Uint8Array {
	const amf0 = amf3 && body[0] === 0 ? body.subarray(1) : body;
	return scriptName(amf0) === SET_DATA_FRAME ? amf0.subarray(STRING_HEADER_BYTES + SET_DATA_FRAME.length) : amf0;
}
