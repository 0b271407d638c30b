// Spec: Adobe Flash Video File Format 10.1, annex E.2 and E.3.

import { writeUint32 } from '../../bytes/big-endian.js';
import {
	FILE_HEADER_BYTES,
	PREVIOUS_TAG_SIZE_BYTES,
	TAG_HEADER_BYTES,
	writePreviousTagSize,
	writeTagHeader,
} from './tag.js';

/** The start of an FLV stream: file header and PreviousTagSize0, 13 bytes. */
export function buildFileHeader(hasAudio: boolean, hasVideo: boolean): Uint8Array {
	const header = new Uint8Array(FILE_HEADER_BYTES + PREVIOUS_TAG_SIZE_BYTES);
	header.set([0x46, 0x4c, 0x56]); // Signature "FLV"
	header[3] = 1; // Version
	header[4] = (hasAudio ? 0b100 : 0) | (hasVideo ? 0b001 : 0); // TypeFlagsAudio, TypeFlagsVideo
	writeUint32(header, 5, FILE_HEADER_BYTES); // DataOffset
	return header; // PreviousTagSize0 is 0
}

const NO_HEAD: Uint8Array = new Uint8Array(0);

/**
 * A complete tag with its PreviousTagSize. Its body is `head`, if there is one, and then `payload`; both are copied.
 * `timestampMs` is taken modulo 2^32.
 */
export function buildTag(tagType: number, timestampMs: number, payload: Uint8Array, head = NO_HEAD): Uint8Array {
	const dataSize = head.length + payload.length;
	const tag = new Uint8Array(TAG_HEADER_BYTES + dataSize + PREVIOUS_TAG_SIZE_BYTES);
	writeTagHeader(tag, 0, tagType, dataSize, timestampMs);
	tag.set(head, TAG_HEADER_BYTES);
	tag.set(payload, TAG_HEADER_BYTES + head.length);
	writePreviousTagSize(tag, TAG_HEADER_BYTES + dataSize, dataSize);
	return tag;
}
