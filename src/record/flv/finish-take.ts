import type { FileHandle } from 'node:fs/promises';
import type { KeyframeIndex } from './keyframe-index.js';
import { finishingPatches, type TakeHead } from './take-head.js';

/** The size of a finished take. */
export type TakeSummary = { durationMs: number; sizeBytes: number };

/**
 * Writes duration, size and seek index into a take that is otherwise complete. Its bytes are on the disk before the
 * take is called finished. So a power cut leaves either an unfinished take or a whole one.
 */
export async function finishTake(
	file: FileHandle,
	head: TakeHead,
	{ durationMs, sizeBytes }: TakeSummary,
	index: KeyframeIndex,
): Promise<void> {
	const patches = finishingPatches(head, durationMs, sizeBytes, index);
	for (const [order, { offset, bytes }] of patches.entries()) {
		if (order === patches.length - 1) {
			await file.datasync();
		}
		await writeAll(file, bytes, offset);
	}
	await file.datasync();
}

/** Writes all of `bytes` at `position`; a disk that takes only some of them is asked again, and then says why. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
	for (let done = 0; done < bytes.length; ) {
		const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
		done += bytesWritten;
	}
}
