// Spec: H.264 7.3.1 and Annex B; H.265 7.3.1 and Annex B; ISO/IEC 14496-15 5.3.2 (length-prefixed samples)
import { readUint32 } from '../bytes/big-endian.js';
import { NalKind, type NalSyntax, nalKindAt } from './nal-kind.js';

/** More NAL units than any encoder puts into one access unit; the rest is not looked at. */
export const MAX_NAL_UNITS = 4096;

/** NAL units of one frame: where they lie and what they are, in arrays that are used again for the next frame. */
export class NalList {
	readonly offsets: number[] = [];
	readonly lengths: number[] = [];
	readonly kinds: NalKind[] = [];
	count = 0;

	clear(): void {
		this.count = 0;
	}

	add(offset: number, length: number, kind: NalKind): void {
		this.offsets[this.count] = offset;
		this.lengths[this.count] = length;
		this.kinds[this.count] = kind;
		this.count++;
	}
}

/**
 * NAL units as MP4 and FLV keep them: each behind its length. The list holds those in front of the first that is none, or that runs
 * past the end; empty ones are left out.
 * @returns whether that is all of the frame: it can be passed on as it is.
 */
export function listLengthPrefixed(bytes: Uint8Array, lengthSize: number, syntax: NalSyntax, list: NalList): boolean {
	list.clear();
	let isAll = true;
	let at = 0;
	while (at + lengthSize <= bytes.length && list.count < MAX_NAL_UNITS) {
		const length = readLength(bytes, at, lengthSize);
		at += lengthSize;
		if (length > bytes.length - at) {
			return false;
		}
		if (length < syntax.headerBytes) {
			isAll = false;
		} else {
			const kind = nalKindAt(syntax, bytes, at);
			if (kind === NalKind.invalid) {
				return false;
			}
			list.add(at, length, kind);
		}
		at += length;
	}
	return isAll && at === bytes.length;
}

/** True when `bytes` start as a byte stream does (Annex B): zeros, at least two, and a one. */
export function isByteStream(bytes: Uint8Array, from = 0): boolean {
	let at = from;
	while (bytes[at] === 0) {
		at++;
	}
	return at >= from + 2 && bytes[at] === 1;
}

/** NAL units of a byte stream (Annex B), without start codes and trailing zeros. Units with an invalid header are left out. */
export function listAnnexB(bytes: Buffer, syntax: NalSyntax, list: NalList): void {
	list.clear();
	let start = findStartCode(bytes, 0);
	while (list.count < MAX_NAL_UNITS && start < bytes.length) {
		const offset = start + START_CODE.length;
		const next = findStartCode(bytes, offset);
		let end = next;
		while (end > offset && bytes[end - 1] === 0) {
			end--; // trailing_zero_8bits, and zero_byte of the next start code
		}
		if (end - offset >= syntax.headerBytes) {
			const kind = nalKindAt(syntax, bytes, offset);
			if (kind !== NalKind.invalid) {
				list.add(offset, end - offset, kind);
			}
		}
		start = next;
	}
}

const START_CODE = Buffer.from([0, 0, 1]);
/** Looked at here before the search is left to native code, whose call costs as much as this many bytes. */
const NEAR_BYTES = 256;

/** Index of the next 00 00 01 at or after `from`, or the length of `bytes`. */
export function findStartCode(bytes: Uint8Array, from: number): number {
	const end = Math.min(bytes.length - 2, from + NEAR_BYTES);
	let at = from;
	while (at < end) {
		const third = bytes[at + 2]!;
		if (third > 1) {
			at += 3;
		} else if (bytes[at] === 0 && bytes[at + 1] === 0 && third === 1) {
			return at;
		} else {
			at++;
		}
	}
	const view = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
	const found = at < bytes.length - 2 ? view.indexOf(START_CODE, at) : -1;
	return found < 0 ? bytes.length : found;
}

/** Big-endian NALUnitLength of 1, 2 or 4 bytes. */
export function readLength(bytes: Uint8Array, at: number, lengthSize: number): number {
	if (lengthSize === 4) {
		return readUint32(bytes, at); // nearly always
	}
	let length = 0;
	for (let index = 0; index < lengthSize; index++) {
		length = length * 256 + bytes[at + index]!;
	}
	return length;
}

/** The raw byte sequence payload of a NAL unit: emulation prevention bytes removed. A copy when there are any, else a view. */
export function removeEmulationPrevention(nal: Uint8Array): Uint8Array {
	let zeros = 0;
	let out: Uint8Array | null = null;
	let written = 0;
	for (let at = 0; at < nal.length; at++) {
		const byte = nal[at]!;
		if (zeros >= 2 && byte === 3) {
			if (out === null) {
				out = new Uint8Array(nal.length);
				out.set(nal.subarray(0, at));
				written = at;
			}
			zeros = 0;
			continue;
		}
		zeros = byte === 0 ? zeros + 1 : 0;
		if (out !== null) {
			out[written++] = byte;
		}
	}
	return out === null ? nal : out.subarray(0, written);
}
