import { lstat, mkdir, readdir, rename, symlink, unlink } from 'node:fs/promises';
import path from 'node:path';
import { errorCodeOf } from '../disk/file-error.js';
import { MERGED_DIRECTORY, SEPARATE_DIRECTORY } from './take.js';

const TAKE_NAME = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(_\d+)?$/;

/** True when a take may have the name `name`. */
export function isTakeName(name: string): boolean {
	return TAKE_NAME.test(name);
}

/** Name of a take that started at `startedAtMs`; names sort by time. */
export function takeStamp(startedAtMs: number): string {
	return new Date(startedAtMs)
		.toISOString()
		.replace(/\.\d+Z$/, 'Z')
		.replaceAll(':', '-');
}

/** Makes a directory of its own for a take that starts now. @returns its path. */
export async function makeTakeDirectory(directory: string, startedAtMs: number): Promise<string> {
	await mkdir(directory, { recursive: true });
	const stamp = takeStamp(startedAtMs);
	for (let attempt = 1; ; attempt++) {
		const take = path.join(directory, attempt === 1 ? stamp : `${stamp}_${attempt}`);
		try {
			await mkdir(take);
			return take;
		} catch (error) {
			if (errorCodeOf(error) !== 'EEXIST') {
				throw error;
			}
		}
	}
}

/** The takes in a stream's directory, oldest first. */
export async function listTakes(directory: string): Promise<string[]> {
	try {
		const names = await readdir(directory);
		return names
			.filter((name) => TAKE_NAME.test(name))
			.sort()
			.map((name) => path.join(directory, name));
	} catch (error) {
		if (errorCodeOf(error) === 'ENOENT') {
			return [];
		}
		throw error;
	}
}

/**
 * Lets `output_merge` and `output_separate` of the stream lead to this take: links, so that takes never move while somebody reads
 * them. A real directory of that name, left by another server, becomes a take of its own.
 */
export async function showNewestTake(take: string): Promise<void> {
	const directory = path.dirname(take);
	for (const output of [MERGED_DIRECTORY, SEPARATE_DIRECTORY]) {
		const link = path.join(directory, output);
		await keepRealDirectory(link, output);
		const fresh = `${link}.tmp`;
		await removeIfThere(fresh);
		await symlink(path.join(path.basename(take), output), fresh);
		await rename(fresh, link);
	}
}

async function keepRealDirectory(link: string, output: string): Promise<void> {
	try {
		const found = await lstat(link);
		if (found.isDirectory()) {
			const take = await makeTakeDirectory(path.dirname(link), found.mtimeMs);
			await rename(link, path.join(take, output));
		}
	} catch (error) {
		if (errorCodeOf(error) !== 'ENOENT') {
			throw error;
		}
	}
}

async function removeIfThere(file: string): Promise<void> {
	try {
		await unlink(file);
	} catch (error) {
		if (errorCodeOf(error) !== 'ENOENT') {
			throw error;
		}
	}
}
