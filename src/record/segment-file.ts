import path from 'node:path';
import { GrowingFile, UNFINISHED } from './atomic-file.js';
import type { JobQueue } from './job-queue.js';

/** What has been written to one segment. */
export type FinishedSegment = { uri: string; number: number; bytes: number };

/**
 * Numbered segment files of one output. A segment grows fragment by fragment under an unfinished name, so that a crash loses no
 * more than the fragment being written, and gets its own name when it is complete.
 */
export class SegmentFiles {
	readonly #directory: string;
	readonly #jobs: JobQueue;
	readonly #nameOf: (number: number) => string;
	#number: number;
	#file: GrowingFile | null = null;
	#open = false;
	#bytes = 0;

	/** `nameOf` gives the file name of segment `number`; the first one is `firstNumber`. */
	constructor(directory: string, jobs: JobQueue, nameOf: (number: number) => string, firstNumber = 1) {
		this.#directory = directory;
		this.#jobs = jobs;
		this.#nameOf = nameOf;
		this.#number = firstNumber;
	}

	/** Segments finished so far, from `firstNumber` on, count up to here. */
	get nextNumber(): number {
		return this.#number;
	}

	/** Appends to the present segment, in one write. `chunks` must not be modified afterwards. */
	append(chunks: readonly Uint8Array[]): void {
		const unfinished = path.join(this.#directory, `${this.#nameOf(this.#number)}${UNFINISHED}`);
		const isFirst = !this.#open;
		this.#open = true;
		for (const chunk of chunks) {
			this.#bytes += chunk.length;
		}
		this.#jobs.add(async () => {
			if (isFirst) {
				this.#file = await GrowingFile.create(unfinished);
			}
			await this.#file?.append(chunks);
		});
	}

	/** Completes the present segment. @returns null when nothing was appended to it. */
	finish(): FinishedSegment | null {
		if (!this.#open) {
			return null;
		}
		const number = this.#number;
		const uri = this.#nameOf(number);
		const bytes = this.#bytes;
		this.#number++;
		this.#open = false;
		this.#bytes = 0;
		this.#jobs.add(async () => {
			const file = this.#file;
			this.#file = null;
			await file?.closeAs(path.join(this.#directory, uri));
		});
		return { uri, number, bytes };
	}

	/** Closes what is open after a failure; the unfinished file stays for recovery. */
	async abandon(): Promise<void> {
		const file = this.#file;
		this.#file = null;
		await file?.close();
	}
}
