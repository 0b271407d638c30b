import { readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import {
	FILE_HEADER_BYTES,
	isFileHeader,
	PREVIOUS_TAG_SIZE_BYTES,
	parseFileHeader,
	parseTagHeader,
	TAG_HEADER_BYTES,
	TagType,
} from '../container/flv/tag.js';
import { PeerError } from '../errors.js';
import type { FramesFromFlv } from './frames-from-flv.js';

/** Read at once: many tags, so that few are cut and have to be moved; still within a processor's own cache when they are copied. */
const WINDOW_BYTES = 256 * 1024;
/** A file header that points further than this ahead is refused. */
const MAX_DATA_OFFSET = 4096;
/** More tags of unknown types in a row than this are taken for garbage. */
const MAX_UNKNOWN_TAGS = 64;
/** Timestamps count milliseconds modulo this. */
const WRAP_MS = 2 ** 32;
/** A step back further than this is a new source behind the old one: time goes on from where it was. */
const MAX_STEP_BACK_MS = 1000;
const TAG_TYPES: ReadonlySet<number> = new Set(Object.values(TagType));

/**
 * Reads an FLV file from start to end into `frames`, and ends them, with reads that the thread waits for: a thread of the pool
 * would have the bytes in another processor's cache. `onProgress` hears of bytes read so far; frames are borrowed
 * until it resolves. Throws PeerError FLV_SIGNATURE, FLV_TAG; a file that is cut off within a tag simply ends there.
 */
export async function readFlvFile(
	file: FileHandle,
	frames: FramesFromFlv,
	onProgress: (bytes: number) => Promise<void> | void = () => undefined,
): Promise<void> {
	const tags = new TagWalker(frames);
	let window = Buffer.allocUnsafeSlow(WINDOW_BYTES);
	let length = 0;
	let position = 0;
	for (;;) {
		const bytesRead = readSync(file.fd, window, length, window.length - length, position);
		if (bytesRead === 0) {
			break;
		}
		position += bytesRead;
		length += bytesRead;
		const used = tags.walk(window.subarray(0, length));
		const waiting = onProgress(position);
		if (waiting !== undefined) {
			await waiting;
		}
		window.copyWithin(0, used, length);
		length -= used;
		if (tags.wanted > window.length) {
			const larger = Buffer.allocUnsafeSlow(tags.wanted);
			window.copy(larger, 0, 0, length);
			window = larger;
		}
	}
	if (position === 0 || !tags.begun) {
		throw new PeerError('FLV_SIGNATURE');
	}
	frames.end();
}

/** Walks the whole tags of a window into a file. */
class TagWalker {
	readonly #frames: FramesFromFlv;
	readonly #clock = new FileClock();
	#unknownInRow = 0;
	/** A file header has been seen. */
	begun = false;
	/** Bytes of what the window starts with after `walk`. */
	wanted = 0;

	constructor(frames: FramesFromFlv) {
		this.#frames = frames;
	}

	/** @returns bytes of `window` that are done with. */
	walk(window: Buffer): number {
		let at = 0;
		for (;;) {
			this.wanted = this.#unitBytes(window, at);
			if (this.wanted === 0 || at + this.wanted > window.length) {
				return at;
			}
			if (isFileHeader(window, at)) {
				this.begun = true;
				this.#clock.sourceChanged();
			} else {
				this.#tag(window, at);
			}
			at += this.wanted;
		}
	}

	/** Bytes of the file header or tag at `at`; 0 when too little is there to tell. */
	#unitBytes(window: Buffer, at: number): number {
		if (at + TAG_HEADER_BYTES > window.length) {
			return 0;
		}
		if (isFileHeader(window, at)) {
			const { dataOffset } = parseFileHeader(window, at);
			if (dataOffset < FILE_HEADER_BYTES || dataOffset > MAX_DATA_OFFSET) {
				throw new PeerError('FLV_SIGNATURE', `DataOffset ${dataOffset}`);
			}
			return dataOffset + PREVIOUS_TAG_SIZE_BYTES;
		}
		if (!this.begun) {
			throw new PeerError('FLV_SIGNATURE');
		}
		return TAG_HEADER_BYTES + parseTagHeader(window, at).dataSize + PREVIOUS_TAG_SIZE_BYTES;
	}

	#tag(window: Buffer, at: number): void {
		const { tagType, encrypted, timestampMs, dataSize } = parseTagHeader(window, at);
		if (encrypted || !TAG_TYPES.has(tagType)) {
			this.#unknownInRow++;
			if (this.#unknownInRow > MAX_UNKNOWN_TAGS) {
				throw new PeerError('FLV_TAG', `${MAX_UNKNOWN_TAGS} tags of unknown types in a row, last: ${tagType}`);
			}
			return;
		}
		this.#unknownInRow = 0;
		const dtsMs = this.#clock.place(timestampMs);
		if (this.#clock.takeSplice()) {
			this.#frames.splice();
		}
		const bodyAt = at + TAG_HEADER_BYTES;
		this.#frames.tag(tagType, dtsMs, window.subarray(bodyAt, bodyAt + dataSize));
	}
}

/** Turns a file's 32-bit timestamps into one timeline. */
class FileClock {
	#offsetMs = 0;
	#last = Number.NaN;
	#spliced = false;

	/** Another file header: the tags behind it have a clock of their own. */
	sourceChanged(): void {
		this.#spliced = !Number.isNaN(this.#last);
	}

	place(timestampMs: number): number {
		let time = timestampMs + this.#offsetMs;
		if (this.#last - time > WRAP_MS / 2) {
			this.#offsetMs += WRAP_MS;
			time += WRAP_MS;
		} else if (this.#last - time > MAX_STEP_BACK_MS || this.#spliced) {
			this.#offsetMs += this.#last - time;
			time = this.#last;
			this.#spliced = true;
		}
		this.#last = Number.isNaN(this.#last) ? time : Math.max(this.#last, time);
		return time;
	}

	/** True, once, when the newest tag was the first of another source. */
	takeSplice(): boolean {
		const spliced = this.#spliced;
		this.#spliced = false;
		return spliced;
	}
}
