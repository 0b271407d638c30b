import { readdir, readlink, rm, rmdir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { errorCodeOf } from './file-error.js';
import { MERGED_DIRECTORY, SEPARATE_DIRECTORY } from './fmp4-take.js';
import { listTakes } from './mp4-directory.js';
import type { RetentionRule } from './output.js';

/**
 * Removes the fMP4 takes in `directory` that nothing has been written to for too long, links to them, and the directory when it is
 * empty then. @returns the paths of what was removed.
 */
export async function removeOldMp4Takes(directory: string, rule: RetentionRule): Promise<string[]> {
	const removed: string[] = [];
	for (const take of await listTakes(directory)) {
		if (!rule.isOpen(take) && rule.nowMs - (await newestChangeMs(take)) > rule.maxAgeMs) {
			await rm(take, { recursive: true, force: true });
			removed.push(take);
		}
	}
	if (removed.length > 0) {
		const names = new Set(removed.map((take) => path.basename(take)));
		for (const output of [MERGED_DIRECTORY, SEPARATE_DIRECTORY]) {
			await removeLinkInto(path.join(directory, output), names);
		}
		await removeIfEmpty(directory);
	}
	return removed;
}

async function newestChangeMs(take: string): Promise<number> {
	let newest = (await stat(take)).mtimeMs;
	for (const name of await readdir(take)) {
		newest = Math.max(newest, (await stat(path.join(take, name))).mtimeMs);
	}
	return newest;
}

async function removeLinkInto(link: string, takes: ReadonlySet<string>): Promise<void> {
	try {
		const [take] = (await readlink(link)).split(path.sep);
		if (take !== undefined && takes.has(take)) {
			await unlink(link);
		}
	} catch (error) {
		// Not there, or not a link.
		if (errorCodeOf(error) !== 'ENOENT' && errorCodeOf(error) !== 'EINVAL') {
			throw error;
		}
	}
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
