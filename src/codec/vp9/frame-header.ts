// Spec: VP9 bitstream 7.2 (uncompressed_header); RFC 6386 9.1 (VP8 frame header)
import { BitReader } from '../../bytes/bit-reader.js';

export type PictureSize = { width: number; height: number };

const VP9_SYNC_CODE = 0x498342;
const COLOR_SPACE_RGB = 7;
const VP8_START_CODE = 0x9d012a;

/** Returns null when there is no VP9 frame in `bytes[from, to)`. */
export function isVp9KeyFrame(bytes: Uint8Array, from: number, to: number): boolean | null {
	const head = bytes[from]!; // frame_marker (2), profile (2), then a zero in profile 3, show_existing_frame, frame_type
	if (from >= to || head >>> 6 !== 2) {
		return null;
	}
	return ((head & 0x30) === 0x30 ? head & 0b0110 : head & 0b1100) === 0;
}

/** Returns null when there is no VP8 frame in `bytes[from, to)`. */
export function isVp8KeyFrame(bytes: Uint8Array, from: number, to: number): boolean | null {
	return from < to ? (bytes[from]! & 1) === 0 : null;
}

/** Size that a VP9 key frame declares; null for any other frame or when the bytes are not a frame. */
export function vp9KeyFrameSize(frame: Uint8Array): PictureSize | null {
	const reader = new BitReader(frame.subarray(0, 32));
	if (reader.bitsLeft < 128 || reader.bits(2) !== 2) {
		return null; // frame_marker
	}
	const profile = reader.bits(1) + reader.bits(1) * 2;
	if (profile === 3) {
		reader.skip(1);
	}
	const showExisting = reader.flag();
	if (showExisting || reader.flag()) {
		return null; // frame_type 1: not a key frame
	}
	reader.skip(2); // show_frame, error_resilient_mode
	if (reader.bits(24) !== VP9_SYNC_CODE) {
		return null;
	}
	if (profile >= 2) {
		reader.skip(1); // ten_or_twelve_bit
	}
	if (reader.bits(3) !== COLOR_SPACE_RGB) {
		reader.skip(profile === 1 || profile === 3 ? 4 : 1); // color_range, subsampling_x, subsampling_y, reserved_zero
	} else if (profile === 1 || profile === 3) {
		reader.skip(1); // reserved_zero
	}
	return { width: reader.bits(16) + 1, height: reader.bits(16) + 1 };
}

/** Size that a VP8 key frame declares; null for any other frame. */
export function vp8KeyFrameSize(frame: Uint8Array): PictureSize | null {
	if (frame.length < 10 || (frame[0]! & 1) !== 0) {
		return null;
	}
	if (((frame[3]! << 16) | (frame[4]! << 8) | frame[5]!) !== VP8_START_CODE) {
		return null;
	}
	// 14 bits each, little-endian; the two bits above are the scale.
	return { width: (frame[6]! | (frame[7]! << 8)) & 0x3fff, height: (frame[8]! | (frame[9]! << 8)) & 0x3fff };
}
