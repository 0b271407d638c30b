import { readSync } from 'node:fs';

/** Read at once at the least. */
const READ_BYTES = 256 * 1024;
/** Tracks that lie further apart in their file do not share a window. */
const WINDOW_BYTES = 2 * 1024 * 1024;

/**
 * Reads a file more or less forwards, with reads that the thread waits for. Bytes are kept as far back as the caller
 * says. So several tracks that take turns in a file are read in one go.
 */
export class FileWindow {
	readonly #fd: number;
	readonly #fileBytes: number;
	#buffer: Buffer = Buffer.alloc(0);
	/** The place in the file where the buffer begins, and the number of bytes in it. */
	#at = 0;
	#length = 0;

	constructor(fd: number, fileBytes: number) {
		this.#fd = fd;
		this.#fileBytes = fileBytes;
	}

	/** An empty one of the same file. */
	another(): FileWindow {
		return new FileWindow(this.#fd, this.#fileBytes);
	}

	/** True when `[at, at + length)` can be read while everything from `keepFrom` on is kept. */
	reaches(at: number, length: number, keepFrom: number): boolean {
		return at === keepFrom || this.#length === 0 || (at >= this.#at && at + length - keepFrom <= WINDOW_BYTES);
	}

	/**
	 * Up to `length` bytes at `at`, fewer at the end of the file; valid until the next call. Bytes from `keepFrom` on are kept if they are
	 * near enough.
	 */
	bytesAt(at: number, length: number, keepFrom = at): Buffer {
		const wanted = Math.min(length, Math.max(0, this.#fileBytes - at));
		if (at < this.#at || at + wanted > this.#at + this.#length) {
			this.#read(at, wanted, keepFrom);
		}
		const from = at - this.#at;
		return this.#buffer.subarray(from, Math.min(this.#length, from + wanted));
	}

	#read(at: number, wanted: number, keepFrom: number): void {
		const end = this.#at + this.#length;
		let from = Math.max(this.#at, Math.min(at, keepFrom));
		if (at < this.#at || from > end || at + wanted - from > WINDOW_BYTES) {
			from = at;
		}
		const kept = from >= this.#at && from < end ? end - from : 0;
		const needed = at + wanted - from;
		if (from - this.#at + needed + READ_BYTES > this.#buffer.length || kept === 0) {
			this.#move(from, kept, needed + READ_BYTES);
		}
		while (this.#at + this.#length < at + wanted) {
			const room = this.#buffer.length - this.#length;
			const least = at + wanted - this.#at - this.#length;
			const bytes = Math.min(room, Math.max(READ_BYTES, least));
			const bytesRead = readSync(this.#fd, this.#buffer, this.#length, bytes, this.#at + this.#length);
			if (bytesRead === 0) {
				return;
			}
			this.#length += bytesRead;
		}
	}

	/** Lets the buffer begin at `from` of the file, with the `kept` bytes that it has from there on. */
	#move(from: number, kept: number, room: number): void {
		const start = this.#length - kept;
		let buffer = this.#buffer;
		if (room > buffer.length) {
			buffer = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(room)));
			this.#buffer.copy(buffer, 0, start, this.#length);
		} else {
			buffer.copyWithin(0, start, this.#length);
		}
		this.#buffer = buffer;
		this.#at = from;
		this.#length = kept;
	}
}
