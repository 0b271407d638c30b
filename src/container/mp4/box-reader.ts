// Spec: ISO/IEC 14496-12 4.2 (object structure)
import { PeerError } from '../../errors.js';

/** A box within the bytes that were searched: header from `start`, body `[bodyStart, end)`. */
export type Box = { type: string; start: number; bodyStart: number; end: number };

export type BoxHeader = {
	type: string;
	headerBytes: number;
	/** Whole box. Infinity when it runs to the end of the file. */
	sizeBytes: number;
};

/** Enough to read any box header without a uuid. */
export const MAX_BOX_HEADER_BYTES = 16;
const MAX_BOXES_PER_LEVEL = 65_536;

/** Ends the reading of a file that is no MP4, or not one that we can use. */
export function badBox(detail: string): never {
	throw new PeerError('MP4_BOX', detail);
}

/** The header at `at`; null when fewer bytes are there than it takes. Throws PeerError MP4_BOX. */
export function readBoxHeader(bytes: Buffer, at: number): BoxHeader | null {
	if (at + 8 > bytes.length) {
		return null;
	}
	const size = bytes.readUInt32BE(at);
	const type = bytes.toString('latin1', at + 4, at + 8);
	if (size === 0) {
		return { type, headerBytes: 8, sizeBytes: Number.POSITIVE_INFINITY };
	}
	if (size !== 1) {
		return size < 8 ? badBox(`size ${size} of box ${printable(type)}`) : { type, headerBytes: 8, sizeBytes: size };
	}
	if (at + 16 > bytes.length) {
		return null;
	}
	const sizeBytes = bytes.readUInt32BE(at + 8) * 2 ** 32 + bytes.readUInt32BE(at + 12);
	if (sizeBytes < 16 || !Number.isSafeInteger(sizeBytes)) {
		badBox(`size ${sizeBytes} of box ${printable(type)}`);
	}
	return { type, headerBytes: 16, sizeBytes };
}

/** The boxes in `bytes[start, end)`. One that runs past the end throws PeerError MP4_BOX. */
export function* iterateBoxes(bytes: Buffer, start: number, end: number): Generator<Box> {
	let at = start;
	for (let count = 0; at + 8 <= end; count++) {
		const header = readBoxHeader(bytes, at);
		const boxEnd = header?.sizeBytes === Number.POSITIVE_INFINITY ? end : at + (header?.sizeBytes ?? 0);
		if (header === null || boxEnd > end) {
			badBox(`box ${printable(bytes.toString('latin1', at + 4, at + 8))} runs past its parent`);
		}
		if (count === MAX_BOXES_PER_LEVEL) {
			badBox(`more than ${MAX_BOXES_PER_LEVEL} boxes in one`);
		}
		yield { type: header.type, start: at, bodyStart: at + header.headerBytes, end: boxEnd };
		at = boxEnd;
	}
}

const FIRST_BOXES: ReadonlySet<string> = new Set(['ftyp', 'moov', 'styp', 'free', 'mdat', 'wide', 'skip']);

/** True when `start`, the first bytes of a file, are those of an MP4. */
export function isMp4(start: Buffer): boolean {
	return FIRST_BOXES.has(start.toString('latin1', 4, 8));
}

/** The first box at `path`, a list of types from the outside in; null when there is none. */
export function findBox(bytes: Buffer, start: number, end: number, ...path: string[]): Box | null {
	let found: Box | null = null;
	let from = start;
	let to = end;
	for (const type of path) {
		found = null;
		for (const box of iterateBoxes(bytes, from, to)) {
			if (box.type === type) {
				found = box;
				break;
			}
		}
		if (found === null) {
			return null;
		}
		from = found.bodyStart;
		to = found.end;
	}
	return found;
}

/** A cursor over the fields of one box; a read past its end throws PeerError MP4_BOX. */
export class FieldReader {
	readonly #bytes: Buffer;
	readonly #box: Box;
	at: number;

	constructor(bytes: Buffer, box: Box) {
		this.#bytes = bytes;
		this.#box = box;
		this.at = box.bodyStart;
	}

	get bytesLeft(): number {
		return this.#box.end - this.at;
	}

	u8(): number {
		return this.#bytes[this.take(1)]!;
	}

	u16(): number {
		return this.#bytes.readUInt16BE(this.take(2));
	}

	u24(): number {
		return this.#bytes.readUIntBE(this.take(3), 3);
	}

	u32(): number {
		return this.#bytes.readUInt32BE(this.take(4));
	}

	i32(): number {
		return this.#bytes.readInt32BE(this.take(4));
	}

	u64(): number {
		const high = this.u32();
		return high * 2 ** 32 + this.u32();
	}

	/** Two's complement; only the low 53 bits of the magnitude are exact. */
	i64(): number {
		const high = this.i32();
		return high * 2 ** 32 + this.u32();
	}

	skip(count: number): void {
		this.take(count);
	}

	/** A view of the next `count` bytes. */
	bytes(count: number): Buffer {
		const at = this.take(count);
		return this.#bytes.subarray(at, at + count);
	}

	/** Everything up to the end of the box: a view. */
	rest(): Buffer {
		return this.bytes(this.bytesLeft);
	}

	/** @returns where the bytes stand that are now taken. */
	take(count: number): number {
		const at = this.at;
		if (count > this.#box.end - at) {
			badBox(`box ${printable(this.#box.type)} ends early`);
		}
		this.at = at + count;
		return at;
	}
}

function printable(type: string): string {
	return JSON.stringify(type);
}
