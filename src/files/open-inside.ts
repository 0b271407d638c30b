import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import path from 'node:path';
import { isPlain } from './local-path.js';

/** An open file or directory below a root. The caller closes it. */
export type Opened = {
	handle: FileHandle;
	isDirectory: boolean;
	sizeBytes: number;
	/** With fractions. */
	mtimeMs: number;
	/** Number of the file in its file system: a replacement within one tick of the clock has another one. */
	inode: number;
	/** False when a link led there. */
	ownName: boolean;
};

/** Nothing is there, or nothing that may be shown. */
const NOT_THERE = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EACCES', 'EPERM', 'ENXIO', 'EISDIR', 'ENODEV'];
/** Not blocking: a named pipe would hold a thread of the pool until somebody writes to it. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;
const DELETED = ' (deleted)';

/**
 * Opens the file that `local` (see localPathOf) names below `root`. Links on the way are followed as long as they lead
 * to something below `root` that is not hidden. The kernel is asked where the open descriptor is, so there is no moment
 * between a check and its use.
 * @returns null when there is nothing to show. Throws the error of a file that is there and cannot be opened (EMFILE,
 * EIO).
 */
export async function openInside(root: string, local: string): Promise<Opened | null> {
	let handle: FileHandle;
	let realRoot: string;
	try {
		realRoot = await realpath(root);
		handle = await open(path.join(realRoot, local), FLAGS);
	} catch (error) {
		if (isNotThere(error)) {
			return null;
		}
		throw error;
	}
	try {
		const [stats, link] = await Promise.all([handle.stat(), readlink(`/proc/self/fd/${handle.fd}`)]);
		// A file that was replaced since it was opened; its bytes are whole.
		const real = link.endsWith(DELETED) ? link.slice(0, -DELETED.length) : link;
		const below = realRoot === '/' ? real : real.slice(realRoot.length);
		const inside = real === path.join(realRoot, below) && (below === '' || isPlain(below));
		const isDirectory = stats.isDirectory();
		if (inside && (isDirectory || stats.isFile())) {
			const { size: sizeBytes, mtimeMs, ino: inode } = stats;
			return { handle, isDirectory, sizeBytes, mtimeMs, inode, ownName: below === local };
		}
	} catch (error) {
		await handle.close();
		throw error;
	}
	await handle.close();
	return null;
}

export function isNotThere(error: unknown): boolean {
	return NOT_THERE.includes((error as NodeJS.ErrnoException).code ?? '');
}
