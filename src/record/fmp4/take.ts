import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { BufferPool } from '../../bytes/buffer-pool.js';
import type { CmafSink, Fragment, PackagedTrack } from '../../remux/cmaf-packager.js';
import { DiskQueue } from '../disk/disk-queue.js';
import { MergedOutput } from './merged-files.js';
import { SeparateOutput } from './separate-files.js';
import { type TakeWindow, WHOLE_TAKE } from './take-window.js';

export const MERGED_DIRECTORY = 'output_merge';
export const SEPARATE_DIRECTORY = 'output_separate';

/** One pool for all takes of a thread: it keeps a bounded amount for any number of takes. */
const payloads = new BufferPool();

/**
 * One fMP4 recording on disk, mixed and separate, made of the same fragments in one pass. The packager's calls only order the
 * work; `flush` does it.
 */
export class Fmp4Take implements CmafSink {
	/** Memory of the packager's payloads, given back once they are on their way. */
	readonly pool = payloads;
	readonly #queue = new DiskQueue('fmp4');
	readonly #merged: MergedOutput;
	readonly #separate: SeparateOutput;
	#bytesWritten = 0;

	private constructor(directory: string, startedAtMs: number, window: TakeWindow) {
		this.#merged = new MergedOutput(path.join(directory, MERGED_DIRECTORY), this.#queue, startedAtMs, window);
		this.#separate = new SeparateOutput(path.join(directory, SEPARATE_DIRECTORY), this.#queue, startedAtMs, window);
	}

	/** Begins a take in `directory`, which is made and must not hold another. */
	static async open(directory: string, startedAtMs: number, window = WHOLE_TAKE): Promise<Fmp4Take> {
		await mkdir(path.join(directory, MERGED_DIRECTORY), { recursive: true });
		await mkdir(path.join(directory, SEPARATE_DIRECTORY), { recursive: true });
		return new Fmp4Take(directory, startedAtMs, window);
	}

	/** Bytes of all fragments of both kinds that have been ordered to be written. */
	get bytesWritten(): number {
		return this.#bytesWritten;
	}

	init(tracks: readonly PackagedTrack[]): void {
		this.#merged.init(tracks);
		this.#separate.init(tracks);
	}

	targetDuration(seconds: number): void {
		this.#merged.targetDuration(seconds);
		this.#separate.targetDuration(seconds);
	}

	fragment(fragment: Fragment): void {
		this.#merged.fragment(fragment);
		this.#separate.fragment(fragment);
		for (const { run } of fragment.runs) {
			this.#bytesWritten += run.payloadBytes * 2;
			this.pool.give(run.payload);
		}
	}

	segmentEnd(discontinuity: boolean): void {
		this.#merged.segmentEnd(discontinuity);
		this.#separate.segmentEnd(discontinuity);
	}

	end(): void {
		this.#merged.end();
		this.#separate.end();
	}

	/** Writes what the packager has handed over. Rejects with the disk's error; then the take cannot go on. */
	async flush(): Promise<void> {
		await this.#queue.flush();
	}

	/** Lets go of open files after a failure; recovery finishes the take. */
	async abandon(): Promise<void> {
		await this.#queue.abandon();
	}
}
