// Spec: H.264 7.4.1.2.4, H.265 7.4.2.4.5, H.266 7.4.2.4.4 (which NAL units make a picture); H.264 7.4.3 (slice_type)
import { isSlice, NalKind, type NalSyntax, nalKindAt } from './nal-kind.js';
import { NAL_SYNTAX, type NalCodec } from './nal-syntax.js';
import { findStartCode, isByteStream, MAX_NAL_UNITS, readLength } from './nal-unit.js';
import { PictureKind, pictureKindOf } from './picture-kind.js';
import { hasRecoveryPoint } from './sei.js';

/** Bytes of a NAL unit's length, likeliest first, where no sequence header is at hand; 0 stands for a byte stream. */
const FRAMINGS = [4, 0, 2, 1] as const;
const START_CODE_BYTES = 3;

/**
 * Tells from one slice what kind of picture it belongs to. Some encoders call a picture a keyframe that is no IDR: they refresh
 * it by and by, or begin a group with a plain I picture. That is believed when the bytes confirm it. The slice's header begins
 * at `offset`. `recovers` says that a recovery point SEI is in front of it. `marked` is null where a container has no such mark.
 */
export function slicePictureKind(
	codec: NalCodec,
	kind: NalKind,
	bytes: Uint8Array,
	offset: number,
	marked: boolean | null,
	recovers: boolean,
): PictureKind {
	if (kind === NalKind.keySlice) {
		return PictureKind.key;
	}
	const starts = recovers || kind === NalKind.gradualSlice;
	return pictureKindOf(
		marked === null ? starts : marked && (starts || (codec === 'h264' && isIntraSlice(bytes, offset))),
	);
}

/** Looks at a frame of NAL units, up to its first slice. `marked` is that of `lookAtPicture`. */
export function nalPictureKind(
	codec: NalCodec,
	bytes: Uint8Array,
	from: number,
	to: number,
	marked: boolean,
): PictureKind {
	const syntax = NAL_SYNTAX[codec];
	for (const lengthSize of FRAMINGS) {
		const found =
			lengthSize > 0
				? behindLengths(codec, syntax, bytes, from, to, lengthSize, marked)
				: isByteStream(bytes, from)
					? behindStartCodes(codec, syntax, bytes.subarray(from, to), marked)
					: null;
		if (found !== null) {
			return found;
		}
	}
	return pictureKindOf(marked);
}

/** Returns null when the NAL units are not framed like that. */
function behindLengths(
	codec: NalCodec,
	syntax: NalSyntax,
	bytes: Uint8Array,
	from: number,
	to: number,
	lengthSize: number,
	marked: boolean,
): PictureKind | null {
	let at = from;
	let recovers = false;
	for (let count = 0; count < MAX_NAL_UNITS && at < to; count++) {
		if (at + lengthSize > to) {
			return null;
		}
		const length = readLength(bytes, at, lengthSize);
		at += lengthSize;
		if (length > to - at) {
			return null;
		}
		if (length >= syntax.headerBytes) {
			const kind = nalKindAt(syntax, bytes, at);
			if (kind === NalKind.invalid || (isSlice(kind) && length === syntax.headerBytes)) {
				return null;
			}
			if (isSlice(kind)) {
				if (lengthSize < 4 && !leadsToEnd(bytes, at + length, to, lengthSize)) {
					return null; // small numbers look like lengths by chance
				}
				return slicePictureKind(codec, kind, bytes, at + syntax.headerBytes, marked, recovers);
			}
			if (kind === NalKind.sei && marked) {
				recovers ||= hasRecoveryPoint(bytes.subarray(at, at + length), syntax.headerBytes);
			}
		}
		at += length;
	}
	return PictureKind.none;
}

/** True when each length leads to the next, and the last one to the end. */
function leadsToEnd(bytes: Uint8Array, from: number, to: number, lengthSize: number): boolean {
	let at = from;
	while (at + lengthSize <= to) {
		at += lengthSize + readLength(bytes, at, lengthSize);
	}
	return at === to;
}

/** Returns null when no unit is of a kind that decoders know. */
function behindStartCodes(codec: NalCodec, syntax: NalSyntax, bytes: Uint8Array, marked: boolean): PictureKind | null {
	let found: PictureKind | null = null;
	let recovers = false;
	let start = findStartCode(bytes, 0);
	for (let count = 0; count < MAX_NAL_UNITS && start + START_CODE_BYTES + syntax.headerBytes < bytes.length; count++) {
		const offset = start + START_CODE_BYTES;
		const kind = nalKindAt(syntax, bytes, offset);
		if (isSlice(kind)) {
			return slicePictureKind(codec, kind, bytes, offset + syntax.headerBytes, marked, recovers);
		}
		if (kind > NalKind.other) {
			found = PictureKind.none;
		}
		start = findStartCode(bytes, offset);
		if (kind === NalKind.sei && marked) {
			recovers ||= hasRecoveryPoint(bytes.subarray(offset, start), syntax.headerBytes);
		}
	}
	return found;
}

/** slice_type of the first slice of a picture is I: 2 or 7 as ue(v) behind first_mb_in_slice, which is 0. */
function isIntraSlice(bytes: Uint8Array, offset: number): boolean {
	const head = bytes[offset]!;
	return head >>> 4 === 0b1_011 || head === 0b1_0001000; // ue(0), ue(2) or ue(7)
}
