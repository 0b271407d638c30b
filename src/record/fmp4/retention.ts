import { readdir, readlink, rm, rmdir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { errorCodeOf } from '../disk/file-error.js';
import type { RetentionRule } from '../output.js';
import type { KeptTake } from '../size-retention.js';
import { MERGED_DIRECTORY, SEPARATE_DIRECTORY } from './take.js';
import { listTakes } from './take-directory.js';
import { readMeta } from './take-meta.js';

/**
 * Removes the fMP4 takes in `directory` that nothing has been written to for too long, and links to them. Removes the
 * directory when it is empty then. @returns the paths of what was removed.
 */
export async function removeOldMp4Takes(directory: string, rule: RetentionRule): Promise<string[]> {
	const removed: string[] = [];
	for (const take of await listTakes(directory)) {
		const ageMs = rule.nowMs - (await newestChangeMs(take));
		if (!rule.isOpen(take) && ageMs > Math.min(rule.maxAgeMs, await windowMs(take))) {
			await removeMp4Take(take);
			removed.push(take);
		}
	}
	return removed;
}

/** Returns how long a take may stay. A take for time shift alone stays for the length of its window. */
async function windowMs(take: string): Promise<number> {
	const meta = await readMeta(path.join(take, MERGED_DIRECTORY));
	return (meta?.window ?? Number.POSITIVE_INFINITY) * 1000;
}

/** The fMP4 takes in `directory`, each with all that is in it. */
export async function listMp4Takes(directory: string): Promise<KeptTake[]> {
	const kept: KeptTake[] = [];
	for (const take of await listTakes(directory)) {
		kept.push({ path: take, sizeBytes: await sizeOf(take), changedMs: await newestChangeMs(take) });
	}
	return kept;
}

/** Removes a take, links to it, and the stream's directory when it is empty then. */
export async function removeMp4Take(take: string): Promise<void> {
	const directory = path.dirname(take);
	await rm(take, { recursive: true, force: true });
	for (const output of [MERGED_DIRECTORY, SEPARATE_DIRECTORY]) {
		await removeLinkInto(path.join(directory, output), path.basename(take));
	}
	await removeIfEmpty(directory);
}

async function sizeOf(take: string): Promise<number> {
	let bytes = 0;
	for (const entry of await readdir(take, { withFileTypes: true, recursive: true })) {
		bytes += entry.isFile() ? (await stat(path.join(entry.parentPath, entry.name))).size : 0;
	}
	return bytes;
}

async function newestChangeMs(take: string): Promise<number> {
	let newest = (await stat(take)).mtimeMs;
	for (const name of await readdir(take)) {
		newest = Math.max(newest, (await stat(path.join(take, name))).mtimeMs);
	}
	return newest;
}

async function removeLinkInto(link: string, takeName: string): Promise<void> {
	try {
		const [take] = (await readlink(link)).split(path.sep);
		if (take === takeName) {
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
