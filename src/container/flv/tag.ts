// Spec: Adobe Flash Video File Format 10.1, annex E.2 (file header), E.3 (file body), E.4.1 (FLV tag).

import { readUint24, readUint32, writeUint24, writeUint32 } from '../../bytes/big-endian.js';

export const FILE_HEADER_BYTES = 9;
export const TAG_HEADER_BYTES = 11;
export const PREVIOUS_TAG_SIZE_BYTES = 4;
/** Largest DataSize that an FLV tag can state. */
export const MAX_TAG_BODY_BYTES = 0xffffff;

/** TagType. 15 is the AMF3 data message of RTMP, which some recorders write as it came. */
export const TagType = { audio: 8, video: 9, scriptAmf3: 15, script: 18 } as const;

export type FileHeader = {
	hasAudio: boolean;
	hasVideo: boolean;
	/** Bytes from the start of the file to the first PreviousTagSize. */
	dataOffset: number;
};

export type TagHeader = {
	tagType: number;
	/** The Filter bit: the body is encrypted and of no use to us. */
	encrypted: boolean;
	/** Bytes of the body. */
	dataSize: number;
	/** Timestamp and TimestampExtended: milliseconds modulo 2^32. */
	timestampMs: number;
};

/** True when `bytes` has the signature and the version of an FLV file at `at`; at least 4 bytes must be there. */
export function isFileHeader(bytes: Uint8Array, at = 0): boolean {
	return bytes[at] === 0x46 && bytes[at + 1] === 0x4c && bytes[at + 2] === 0x56 && bytes[at + 3] === 1; // "FLV", Version
}

/** The file header in `bytes[at, at + 9)`; only after `isFileHeader`. */
export function parseFileHeader(bytes: Uint8Array, at = 0): FileHeader {
	const flags = bytes[at + 4]!;
	return {
		hasAudio: (flags & 0b100) !== 0, // TypeFlagsAudio
		hasVideo: (flags & 0b001) !== 0, // TypeFlagsVideo
		dataOffset: readUint32(bytes, at + 5), // DataOffset
	};
}

/** The tag header in `bytes[at, at + 11)`. StreamID is ignored. */
export function parseTagHeader(bytes: Uint8Array, at = 0): TagHeader {
	const first = bytes[at]!;
	return {
		tagType: first & 0x1f, // TagType
		encrypted: (first & 0x20) !== 0, // Filter
		dataSize: readUint24(bytes, at + 1), // DataSize
		timestampMs: ((bytes[at + 7]! << 24) | readUint24(bytes, at + 4)) >>> 0, // TimestampExtended, Timestamp
	};
}

/** Writes a tag header of 11 bytes at `at`. `timestampMs` is taken modulo 2^32 and may be beyond it. */
export function writeTagHeader(
	target: Uint8Array,
	at: number,
	tagType: number,
	dataSize: number,
	timestampMs: number,
): void {
	target[at] = tagType; // Reserved 0, Filter 0, TagType
	writeUint24(target, at + 1, dataSize); // DataSize
	writeTimestamp(target, at, timestampMs);
	writeUint24(target, at + 8, 0); // StreamID
}

/** Gives the tag that begins at `at` another time. `timestampMs` is taken modulo 2^32 and may be beyond it. */
export function writeTimestamp(target: Uint8Array, at: number, timestampMs: number): void {
	const timestamp = timestampMs % 0x1_0000_0000;
	writeUint24(target, at + 4, timestamp); // Timestamp
	target[at + 7] = timestamp >>> 24; // TimestampExtended
}

/** Writes the PreviousTagSize that follows a tag with a body of `dataSize` bytes. */
export function writePreviousTagSize(target: Uint8Array, at: number, dataSize: number): void {
	writeUint32(target, at, TAG_HEADER_BYTES + dataSize);
}
