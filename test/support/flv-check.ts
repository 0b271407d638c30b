import assert from 'node:assert/strict';

export type SeenTag = { type: number; dtsMs: number; body: Buffer };

/** Takes apart the bytes that a viewer got. Asserts that they are well-formed FLV, cut at most in the last tag. */
export function parseFlv(bytes: Buffer): { flags: number; tags: SeenTag[] } {
	assert.equal(bytes.toString('latin1', 0, 3), 'FLV');
	assert.equal(bytes.readUInt32BE(5), 9);
	return { flags: bytes[4]!, tags: parseTags(bytes.subarray(13)) };
}

export function parseTags(bytes: Buffer): SeenTag[] {
	const tags: SeenTag[] = [];
	let at = 0;
	while (at + 11 <= bytes.length) {
		const length = bytes.readUIntBE(at + 1, 3);
		const end = at + 11 + length;
		if (end + 4 > bytes.length) {
			break;
		}
		assert.ok([8, 9, 18].includes(bytes[at]!), `tag type ${bytes[at]} at ${at}`);
		assert.equal(bytes.readUInt32BE(end), length + 11, `previous tag size at ${end}`);
		tags.push({
			type: bytes[at]!,
			dtsMs: bytes.readUIntBE(at + 4, 3) + bytes[at + 7]! * 2 ** 24,
			body: bytes.subarray(at + 11, end),
		});
		at = end + 4;
	}
	return tags;
}

/** True of metadata and sequence headers. */
export function isHeader({ type, body }: SeenTag): boolean {
	return type === 18 || body[1] === 0;
}

/** Serial numbers of the frames (see LiveStream). */
export function serials(tags: readonly SeenTag[]): number[] {
	return tags.filter((tag) => !isHeader(tag)).map(({ body }) => body.readUInt32BE(body.length - 4));
}

/** Asserts that a viewer got the stream's beginning right and then every frame from a keyframe on, without gap or repetition. */
export function assertContinuous(tags: readonly SeenTag[]): void {
	const frames = tags.filter((tag) => !isHeader(tag));
	const numbers = serials(tags);
	assert.ok(numbers.length > 0, 'no frames');
	assert.equal(frames[0]!.body[0], 0x17, 'first frame is a keyframe');
	assert.deepEqual(
		numbers,
		numbers.map((_, index) => numbers[0]! + index),
	);
	assertMonotonic(tags);
}

/** Asserts that every gap in the frame numbers is followed by a keyframe. @returns the number of gaps. */
export function assertDecodable(tags: readonly SeenTag[]): number {
	const numbers = serials(tags);
	let previous = numbers[0]! - 1;
	let gaps = 0;
	for (const [index, tag] of tags.filter((candidate) => !isHeader(candidate)).entries()) {
		const number = numbers[index]!;
		assert.ok(number > previous, `frame ${number} after ${previous}`);
		if (previous !== number - 1) {
			assert.equal(tag.body[0], 0x17, `frame ${number} after ${previous} is a keyframe`);
			gaps++;
		}
		previous = number;
	}
	assertMonotonic(tags);
	return gaps;
}

function assertMonotonic(tags: readonly SeenTag[]): void {
	for (const [index, { dtsMs }] of tags.entries()) {
		assert.ok(index === 0 || dtsMs >= tags[index - 1]!.dtsMs, `time goes on at tag ${index}`);
	}
}

/** The body of a chunked response: asserts the framing. `ended` when the last chunk was there. */
export function unchunk(bytes: Buffer): { body: Buffer; ended: boolean } {
	const parts: Buffer[] = [];
	let at = 0;
	for (;;) {
		const lineEnd = bytes.indexOf('\r\n', at, 'latin1');
		if (lineEnd < 0) {
			return { body: Buffer.concat(parts), ended: false };
		}
		const line = bytes.toString('latin1', at, lineEnd);
		assert.match(line, /^[0-9a-f]+$/, `chunk size at ${at}`);
		const size = Number.parseInt(line, 16);
		const start = lineEnd + 2;
		if (size === 0) {
			assert.equal(bytes.toString('latin1', start), '\r\n');
			return { body: Buffer.concat(parts), ended: true };
		}
		parts.push(bytes.subarray(start, start + size));
		if (start + size + 2 > bytes.length) {
			return { body: Buffer.concat(parts), ended: false };
		}
		assert.equal(bytes.toString('latin1', start + size, start + size + 2), '\r\n');
		at = start + size + 2;
	}
}
