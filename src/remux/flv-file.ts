import type { FileHandle } from 'node:fs/promises';
import { FlvReader } from '../container/flv/reader.js';
import { MAX_TAG_BODY_BYTES } from '../container/flv/tag.js';
import type { FramesFromFlv } from './frames-from-flv.js';

/** Read at once: large enough that the kernel's read-ahead is never waited for, small enough for the processor's cache. */
const CHUNK_BYTES = 1024 * 1024;
/** Timestamps count milliseconds modulo this. */
const WRAP_MS = 2 ** 32;
/** A step back further than this is a new source behind the old one: time goes on from where it was. */
const MAX_STEP_BACK_MS = 1000;

/**
 * Reads an FLV file from start to end into `frames`, and ends them. `onProgress` hears of bytes read so far.
 * Throws PeerError FLV_SIGNATURE, FLV_TAG; a file that is cut off within a tag simply ends there.
 */
export async function readFlvFile(
	file: FileHandle,
	frames: FramesFromFlv,
	onProgress: (bytes: number) => Promise<void> | void = () => undefined,
): Promise<void> {
	const clock = new FileClock();
	const reader = new FlvReader(
		{
			header: () => clock.sourceChanged(),
			tag: (tagType, timestampMs, body) => {
				const dtsMs = clock.place(timestampMs);
				if (clock.takeSplice()) {
					frames.splice();
				}
				frames.tag(tagType, dtsMs, Buffer.from(body.buffer, body.byteOffset, body.length));
			},
		},
		MAX_TAG_BODY_BYTES,
	);
	const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
	let position = 0;
	for (;;) {
		const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
		if (bytesRead === 0) {
			break;
		}
		position += bytesRead;
		reader.push(chunk.subarray(0, bytesRead));
		await onProgress(position);
	}
	frames.end();
}

/** Turns a file's 32-bit timestamps into one timeline. */
class FileClock {
	#offsetMs = 0;
	#last = Number.NaN;
	#spliced = false;

	/** Another file header: what follows has a clock of its own. */
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

	/** Whether the newest tag was the first of another source; true once. */
	takeSplice(): boolean {
		const spliced = this.#spliced;
		this.#spliced = false;
		return spliced;
	}
}
