// Spec: Adobe Flash Video File Format 10.1, annex E.2 (file header), E.3 (file body), E.4.1 (FLV tag).

import { PeerError } from '../../errors.js';
import {
	FILE_HEADER_BYTES,
	type FileHeader,
	isFileHeader,
	PREVIOUS_TAG_SIZE_BYTES,
	parseFileHeader,
	parseTagHeader,
	TAG_HEADER_BYTES,
	TagType,
} from './tag.js';

/** A file header that points further than this ahead is refused. */
export const MAX_DATA_OFFSET = 4096;
/** More tags of unknown types in a row than this are taken for garbage. */
export const MAX_UNKNOWN_TAGS = 64;
/** A straddling tag is collected in a buffer that grows as bytes come, from this size. */
const FIRST_COLLECT_BYTES = 4096;
/** A collecting buffer larger than this is not kept for the next tag. */
const MAX_KEPT_COLLECT_BYTES = 1024 * 1024;

const STATE_FILE_HEADER = 0;
const STATE_SKIP = 1;
const STATE_TAG_HEADER = 2;
const STATE_BODY = 3;

export type FlvHandler = {
	/** A file header: at the start, and again when a source sends a second file in the same breath. */
	header?(header: FileHeader): void;
	/** One tag. `tagType` is one of TagType; `body` is borrowed until return. */
	tag(tagType: number, timestampMs: number, body: Uint8Array): void;
};

/**
 * Incremental FLV demuxer: takes bytes, cut anywhere, and gives tags. It ignores wrong PreviousTagSize fields, and
 * skips encrypted tags and tags of unknown types. A body that lies whole within a pushed chunk is a view of it; only a
 * body that straddles chunks is copied. An error that the handler throws passes through `push`. After any error the
 * reader must not be used again.
 */
export class FlvReader {
	readonly #handler: FlvHandler;
	readonly #maxTagBytes: number;
	#state = STATE_FILE_HEADER;
	/** Bytes of the present state's unit. */
	#wanted = FILE_HEADER_BYTES;
	#collected = 0;
	#collector = new Uint8Array(FIRST_COLLECT_BYTES);
	#tagType = 0;
	#timestampMs = 0;
	#unknownInRow = 0;

	/** `maxTagBytes` bounds the body of one tag. */
	constructor(handler: FlvHandler, maxTagBytes: number) {
		this.#handler = handler;
		this.#maxTagBytes = maxTagBytes;
	}

	/**
	 * Takes the next bytes, borrowed until return.
	 * @throws PeerError FLV_SIGNATURE, FLV_TAG or FLV_TAG_TOO_LARGE.
	 */
	push(chunk: Uint8Array): void {
		let at = 0;
		while (at < chunk.length || (this.#state === STATE_BODY && this.#wanted === 0)) {
			if (this.#state === STATE_SKIP) {
				const step = Math.min(this.#wanted, chunk.length - at);
				at += step;
				this.#wanted -= step;
				if (this.#wanted === 0) {
					this.#expect(STATE_TAG_HEADER, TAG_HEADER_BYTES);
				}
				continue;
			}
			const missing = this.#wanted - this.#collected;
			const available = chunk.length - at;
			if (available < missing) {
				this.#collect(chunk.subarray(at));
				return;
			}
			const unit = this.#collected === 0 ? chunk.subarray(at, at + missing) : this.#complete(chunk, at, missing);
			at += missing;
			this.#collected = 0;
			this.#unit(unit);
		}
	}

	#unit(unit: Uint8Array): void {
		if (this.#state === STATE_FILE_HEADER) {
			this.#fileHeader(unit);
		} else if (this.#state === STATE_TAG_HEADER) {
			this.#tagHeader(unit);
		} else {
			this.#handler.tag(this.#tagType, this.#timestampMs, unit);
			if (this.#collector.length > MAX_KEPT_COLLECT_BYTES) {
				this.#collector = new Uint8Array(FIRST_COLLECT_BYTES);
			}
			this.#expect(STATE_SKIP, PREVIOUS_TAG_SIZE_BYTES);
		}
	}

	#fileHeader(unit: Uint8Array): void {
		if (!isFileHeader(unit)) {
			throw new PeerError('FLV_SIGNATURE');
		}
		const header = parseFileHeader(unit);
		if (header.dataOffset < FILE_HEADER_BYTES || header.dataOffset > MAX_DATA_OFFSET) {
			throw new PeerError('FLV_SIGNATURE', `DataOffset ${header.dataOffset}`);
		}
		this.#handler.header?.(header);
		this.#expect(STATE_SKIP, header.dataOffset - unit.length + PREVIOUS_TAG_SIZE_BYTES);
	}

	#tagHeader(unit: Uint8Array): void {
		if (isFileHeader(unit)) {
			// Another file follows the first, as when an encoder restarts behind one connection. Its header is 2 bytes shorter than
			// a tag's, so those belong to what is skipped.
			this.#fileHeader(unit);
			return;
		}
		const header = parseTagHeader(unit);
		if (header.dataSize > this.#maxTagBytes) {
			throw new PeerError('FLV_TAG_TOO_LARGE', `${header.dataSize} bytes, the limit is ${this.#maxTagBytes}`);
		}
		if (header.encrypted || !isKnown(header.tagType)) {
			this.#unknownInRow += 1;
			if (this.#unknownInRow > MAX_UNKNOWN_TAGS) {
				throw new PeerError('FLV_TAG', `${MAX_UNKNOWN_TAGS} tags of unknown types in a row, last: ${header.tagType}`);
			}
			this.#expect(STATE_SKIP, header.dataSize + PREVIOUS_TAG_SIZE_BYTES);
			return;
		}
		this.#unknownInRow = 0;
		this.#tagType = header.tagType;
		this.#timestampMs = header.timestampMs;
		this.#expect(STATE_BODY, header.dataSize);
	}

	#expect(state: number, wanted: number): void {
		this.#state = state;
		this.#wanted = wanted;
	}

	#complete(chunk: Uint8Array, at: number, missing: number): Uint8Array {
		this.#collect(chunk.subarray(at, at + missing));
		return this.#collector.subarray(0, this.#wanted);
	}

	#collect(bytes: Uint8Array): void {
		const needed = this.#collected + bytes.length;
		if (needed > this.#collector.length) {
			const larger = new Uint8Array(Math.max(needed, Math.min(this.#wanted, this.#collector.length * 2)));
			larger.set(this.#collector.subarray(0, this.#collected));
			this.#collector = larger;
		}
		this.#collector.set(bytes, this.#collected);
		this.#collected = needed;
	}
}

function isKnown(tagType: number): boolean {
	return (
		tagType === TagType.audio ||
		tagType === TagType.video ||
		tagType === TagType.script ||
		tagType === TagType.scriptAmf3
	);
}
