import { readdir, rmdir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { errorCodeOf } from '../disk/file-error.js';
import type { RetentionRule } from '../output.js';
import type { KeptTake } from '../size-retention.js';
import { NEWEST_TAKE } from './take-directory.js';

/**
 * Removes the takes in `directory` that nothing has been written to for too long, and the directory when it is empty then.
 * No take may begin or end there meanwhile, unless `recording` is set; then the newest stays.
 * @returns the names of what was removed.
 */
export async function removeOldTakes(
	directory: string,
	{ maxAgeMs, nowMs, recording }: RetentionRule,
): Promise<string[]> {
	const removed: string[] = [];
	for (const file of await readdir(directory)) {
		if (!file.endsWith('.flv') || (recording && file === NEWEST_TAKE)) {
			continue;
		}
		const { mtimeMs } = await stat(path.join(directory, file));
		if (nowMs - mtimeMs > maxAgeMs) {
			await unlink(path.join(directory, file));
			removed.push(file);
		}
	}
	if (removed.length > 0 && !recording) {
		await removeIfEmpty(directory);
	}
	return removed;
}

/** The takes in `directory`; while `recording`, without the newest. */
export async function listTakes(directory: string, recording: boolean): Promise<KeptTake[]> {
	const takes: KeptTake[] = [];
	for (const file of (await readdir(directory)).sort()) {
		if (file.endsWith('.flv') && !(recording && file === NEWEST_TAKE)) {
			const take = path.join(directory, file);
			const { size, mtimeMs } = await stat(take);
			takes.push({ path: take, sizeBytes: size, changedMs: mtimeMs });
		}
	}
	return takes;
}

/** Removes a take, and its directory when that is empty then. */
export async function removeTake(take: string): Promise<void> {
	await unlink(take);
	await removeIfEmpty(path.dirname(take));
}

async function removeIfEmpty(directory: string): Promise<void> {
	try {
		await rmdir(directory);
	} catch (error) {
		if (errorCodeOf(error) !== 'ENOTEMPTY' && errorCodeOf(error) !== 'EEXIST') {
			throw error;
		}
	}
}
