// Spec: H.264 7.3.1 and Annex B; H.265 7.3.1 and Annex B; ISO/IEC 14496-15 5.3.2 (length-prefixed samples)

/** A NAL unit's place in the bytes that were iterated. */
export type NalRange = { offset: number; length: number };

/** More NAL units than any encoder puts into one access unit; the rest is not looked at. */
export const MAX_NAL_UNITS = 4096;

/** NAL units of an access unit as MP4 and FLV keep it: each behind its length. Stops at a length that does not fit. */
export function* iterateLengthPrefixed(bytes: Uint8Array, lengthSize: number): Generator<NalRange> {
	let at = 0;
	for (let count = 0; count < MAX_NAL_UNITS && at + lengthSize <= bytes.length; count++) {
		const length = readLength(bytes, at, lengthSize);
		at += lengthSize;
		if (length > bytes.length - at) {
			return;
		}
		yield { offset: at, length };
		at += length;
	}
}

/** Ranges of NAL units in one frame, in arrays that are used again for the next frame. */
export class NalList {
	readonly offsets: number[] = [];
	readonly lengths: number[] = [];
	count = 0;

	clear(): void {
		this.count = 0;
	}

	add(offset: number, length: number): void {
		this.offsets[this.count] = offset;
		this.lengths[this.count] = length;
		this.count++;
	}
}

/** NAL units of a byte stream (Annex B), without start codes and trailing zeros: in `list` there is nothing else afterwards. */
export function listAnnexB(bytes: Buffer, list: NalList): void {
	list.clear();
	let start = findStartCode(bytes, 0);
	for (let count = 0; count < MAX_NAL_UNITS && start < bytes.length; count++) {
		const offset = start + START_CODE.length;
		const next = findStartCode(bytes, offset);
		let end = next;
		while (end > offset && bytes[end - 1] === 0) {
			end--; // trailing_zero_8bits, and zero_byte of the next start code
		}
		if (end > offset) {
			list.add(offset, end - offset);
		}
		start = next;
	}
}

const START_CODE = Buffer.from([0, 0, 1]);
/** Looked at here before the search is left to native code, whose call costs as much as this many bytes. */
const NEAR_BYTES = 256;

/** Index of the next 00 00 01 at or after `from`, or the length of `bytes`. */
function findStartCode(bytes: Buffer, from: number): number {
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
	const found = at < bytes.length - 2 ? bytes.indexOf(START_CODE, at) : -1;
	return found < 0 ? bytes.length : found;
}

/** Big-endian NALUnitLength of 1, 2 or 4 bytes. */
export function readLength(bytes: Uint8Array, at: number, lengthSize: number): number {
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
