import path from 'node:path';
import { UNFINISHED } from './atomic-file.js';
import type { DiskFile, DiskQueue } from './disk-queue.js';

/** A segment that has been written. */
export type FinishedSegment = { uri: string; number: number; bytes: number };

/**
 * Numbered segment files of one output. A segment grows fragment by fragment under an unfinished name, and gets its own
 * name when it is complete. So a crash loses no more than the fragment being written.
 */
export class SegmentFiles {
	readonly #directory: string;
	readonly #queue: DiskQueue;
	readonly #nameOf: (number: number) => string;
	#number: number;
	#file: DiskFile | null = null;
	#bytes = 0;

	/** `nameOf` gives the file name of segment `number`; the first one is `firstNumber`. */
	constructor(directory: string, queue: DiskQueue, nameOf: (number: number) => string, firstNumber = 1) {
		this.#directory = directory;
		this.#queue = queue;
		this.#nameOf = nameOf;
		this.#number = firstNumber;
	}

	/** Segments finished so far, from `firstNumber` on, count up to here. */
	get nextNumber(): number {
		return this.#number;
	}

	/** Appends to the present segment, in one write. `chunks` are copied. */
	append(chunks: readonly Uint8Array[]): void {
		this.#file ??= this.#queue.create(this.#unfinished);
		this.#queue.append(this.#file, chunks);
		for (const chunk of chunks) {
			this.#bytes += chunk.length;
		}
	}

	/** Completes the present segment. @returns null when nothing was appended to it. */
	finish(): FinishedSegment | null {
		if (this.#file === null) {
			return null;
		}
		const number = this.#number;
		const uri = this.#nameOf(number);
		const bytes = this.#bytes;
		this.#queue.close(this.#file);
		this.#queue.rename(this.#unfinished, path.join(this.#directory, uri));
		this.#file = null;
		this.#bytes = 0;
		this.#number++;
		return { uri, number, bytes };
	}

	get #unfinished(): string {
		return path.join(this.#directory, `${this.#nameOf(this.#number)}${UNFINISHED}`);
	}
}
