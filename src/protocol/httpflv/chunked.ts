// Spec: RFC 9112, section 7.1 (chunked transfer coding).

/** Room for the largest chunk-size line of a 32-bit length, and for the line end behind the data. */
export const CHUNK_ROOM = { before: 10, after: 2 };

/** The zero-sized chunk and the empty trailer section that end a body. */
export const LAST_CHUNK = Buffer.from('0\r\n\r\n', 'latin1');

/** `data` as one chunk; `data` is copied. Empty data gives nothing at all, for an empty chunk would end the body. */
export function chunk(data: Buffer): Buffer {
	const whole = Buffer.allocUnsafeSlow(CHUNK_ROOM.before + data.length + CHUNK_ROOM.after);
	data.copy(whole, CHUNK_ROOM.before);
	return chunkInPlace(whole.subarray(CHUNK_ROOM.before, CHUNK_ROOM.before + data.length));
}

/** Like `chunk`, but writes around `data`, whose allocation must have CHUNK_ROOM there, and returns the larger view. */
export function chunkInPlace(data: Buffer): Buffer {
	if (data.length === 0) {
		return data;
	}
	const head = `${data.length.toString(16)}\r\n`; // chunk-size CRLF
	const whole = Buffer.from(data.buffer, data.byteOffset - head.length, head.length + data.length + CHUNK_ROOM.after);
	whole.write(head, 0, 'latin1');
	whole.write('\r\n', head.length + data.length, 'latin1');
	return whole;
}
