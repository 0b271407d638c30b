// Spec: Adobe Flash Video File Format 10.1, annex E. Written apart from src/container/flv on purpose: the load test is no judge of
// a server if both read FLV with the same code.

const FILE_HEADER_BYTES = 9;
const TAG_HEADER_BYTES = 11;
const TAG_SIZE_BYTES = 4;
const MAX_TAG_BYTES = 16 * 1024 * 1024;

export const TagType = { audio: 8, video: 9, script: 18 } as const;

/** One FLV tag. `body` is borrowed until the callback returns. */
export type Tag = { type: number; dtsMs: number; body: Buffer };

/** Cuts FLV that arrives in any pieces into tags, and throws an Error that names the first byte that is not FLV. */
export class FlvScanner {
	/** Flags byte of the FLV header (4 = audio, 1 = video); -1 before it has arrived. */
	flags = -1;
	readonly #onTag: (tag: Tag) => void;
	#pending: Buffer = Buffer.alloc(0);

	constructor(onTag: (tag: Tag) => void) {
		this.#onTag = onTag;
	}

	/** `bytes` is borrowed until return. */
	push(bytes: Buffer): void {
		const data = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
		let at = 0;
		if (this.flags < 0 && data.length >= FILE_HEADER_BYTES + TAG_SIZE_BYTES) {
			at = this.#readFileHeader(data);
		}
		while (this.flags >= 0 && data.length - at >= TAG_HEADER_BYTES) {
			const end = at + TAG_HEADER_BYTES + data.readUIntBE(at + 1, 3) + TAG_SIZE_BYTES;
			if (end - at > MAX_TAG_BYTES) {
				throw new Error(`FLV tag of ${end - at} bytes`);
			}
			if (end > data.length) {
				break;
			}
			this.#readTag(data.subarray(at, end));
			at = end;
		}
		this.#pending = Buffer.from(data.subarray(at));
	}

	#readFileHeader(data: Buffer): number {
		if (data.toString('latin1', 0, 3) !== 'FLV' || data[3] !== 1) {
			throw new Error(`not an FLV header: ${data.toString('hex', 0, FILE_HEADER_BYTES)}`);
		}
		const headerBytes = data.readUInt32BE(5);
		if (headerBytes !== FILE_HEADER_BYTES || data.readUInt32BE(headerBytes) !== 0) {
			throw new Error(`FLV header length ${headerBytes}, first PreviousTagSize ${data.readUInt32BE(9)}`);
		}
		this.flags = data[4]!;
		return FILE_HEADER_BYTES + TAG_SIZE_BYTES;
	}

	#readTag(bytes: Buffer): void {
		const type = bytes[0]!;
		const size = bytes.length - TAG_HEADER_BYTES - TAG_SIZE_BYTES;
		if (type !== TagType.audio && type !== TagType.video && type !== TagType.script) {
			throw new Error(`FLV tag type ${type}`);
		}
		const streamId = bytes.readUIntBE(8, 3);
		const previousTagSize = bytes.readUInt32BE(bytes.length - TAG_SIZE_BYTES);
		if (streamId !== 0 || previousTagSize !== TAG_HEADER_BYTES + size) {
			throw new Error(`FLV stream id ${streamId}, PreviousTagSize ${previousTagSize} after a body of ${size}`);
		}
		// Timestamp: low 24 bits, then the extended high byte.
		const dtsMs = bytes.readUIntBE(4, 3) + bytes[7]! * 2 ** 24;
		this.#onTag({ type, dtsMs, body: bytes.subarray(TAG_HEADER_BYTES, TAG_HEADER_BYTES + size) });
	}
}

/** Bytes of one FLV tag with its PreviousTagSize. `body` is copied. */
export function encodeTag(tag: Tag): Buffer {
	const bytes = Buffer.alloc(TAG_HEADER_BYTES + tag.body.length + TAG_SIZE_BYTES);
	bytes[0] = tag.type;
	bytes.writeUIntBE(tag.body.length, 1, 3);
	bytes.writeUIntBE(tag.dtsMs % 2 ** 24, 4, 3);
	bytes[7] = Math.floor(tag.dtsMs / 2 ** 24) % 256;
	tag.body.copy(bytes, TAG_HEADER_BYTES);
	bytes.writeUInt32BE(TAG_HEADER_BYTES + tag.body.length, bytes.length - TAG_SIZE_BYTES);
	return bytes;
}

/** FLV header for a stream with audio and video, with PreviousTagSize0. */
export const FLV_HEADER = Buffer.from('464c5601050000000900000000', 'hex');

/** A video tag that starts a decoder: keyframe with a picture in it, not a sequence header. */
export function isKeyframe(tag: Tag): boolean {
	return tag.type === TagType.video && ((tag.body[0]! >> 4) & 7) === 1 && !isSequenceHeader(tag);
}

/** A decoder configuration of H.264 or AAC, or of any codec of Enhanced RTMP. */
export function isSequenceHeader(tag: Tag): boolean {
	const first = tag.body[0]!;
	if (tag.type === TagType.video) {
		return (first & 0x80) === 0 ? (first & 15) === 7 && tag.body[1] === 0 : (first & 15) === 0;
	}
	return tag.type === TagType.audio && (first >> 4 === 9 ? (first & 15) === 0 : first >> 4 === 10 && tag.body[1] === 0);
}
