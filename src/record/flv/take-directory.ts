import { link, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { assert } from '../../errors.js';
import { isStreamName, type StreamName } from '../../stream-name.js';
import { errorCodeOf } from '../disk/file-error.js';

/** The newest take of a stream. */
export const NEWEST_TAKE = 'index.flv';
/** A take that has no media yet. */
export const UNBORN_TAKE = 'index.flv.tmp';

/**
 * Returns the directory of an output of a stream. Names have been checked at the protocol edge; they are asserted here,
 * before they become a path.
 */
export function takeDirectory(media: string, folder: string, name: StreamName): string {
	assert(isStreamName(name.app, name.name), `not a stream name: ${name.key}`);
	return path.join(media, folder, name.app, name.name);
}

/**
 * Gives the newest take a second name, made of its own start time and not used by any other. So the next take can
 * replace `index.flv` in one step, and at no moment anything is missing.
 * @returns the new name, or null when there is no newest take.
 */
export async function keepNewestTake(directory: string, startedAtMs: number): Promise<string | null> {
	const newest = path.join(directory, NEWEST_TAKE);
	const stamp = new Date(startedAtMs)
		.toISOString()
		.replace(/\.\d+Z$/, 'Z')
		.replaceAll(':', '-');
	for (let attempt = 1; ; attempt++) {
		const kept = attempt === 1 ? `${stamp}.flv` : `${stamp}_${attempt}.flv`;
		try {
			await link(newest, path.join(directory, kept));
			return kept;
		} catch (error) {
			const code = errorCodeOf(error);
			if (code === 'ENOENT') {
				return null;
			}
			if (code === 'EEXIST') {
				// A crash right after the link leaves both names; any other holder of the name is another take.
				if (await isSameFile(newest, path.join(directory, kept))) {
					return kept;
				}
			} else if (NO_LINKS.has(code) && !(await exists(path.join(directory, kept)))) {
				await rename(newest, path.join(directory, kept));
				return kept;
			} else if (!NO_LINKS.has(code)) {
				throw error;
			}
		}
	}
}

/** File systems without hard links (FAT, some network shares) answer with one of these. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

async function isSameFile(left: string, right: string): Promise<boolean> {
	const [a, b] = await Promise.all([stat(left), stat(right)]);
	return a.ino === b.ino && a.dev === b.dev;
}

async function exists(file: string): Promise<boolean> {
	try {
		await stat(file);
		return true;
	} catch (error) {
		if (errorCodeOf(error) === 'ENOENT') {
			return false;
		}
		throw error;
	}
}
