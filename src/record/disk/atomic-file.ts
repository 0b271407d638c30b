import { access, rename, unlink, writeFile } from 'node:fs/promises';
import { errorCodeOf } from './file-error.js';

/** Suffix of a file that is not complete yet. */
export const UNFINISHED = '.tmp';

/** Writes a file that is there complete or not at all, also when it rejects. `chunks` must not be modified until it resolves. */
export async function writeFileWhole(file: string, chunks: readonly Uint8Array[]): Promise<void> {
	const unfinished = `${file}${UNFINISHED}`;
	try {
		await writeFile(unfinished, chunks);
		await rename(unfinished, file);
	} catch (error) {
		await unlink(unfinished).catch((reason: unknown) => {
			if (errorCodeOf(reason) !== 'ENOENT') {
				throw reason;
			}
		});
		throw error;
	}
}

export async function isThere(file: string): Promise<boolean> {
	try {
		await access(file);
		return true;
	} catch (error) {
		if (errorCodeOf(error) === 'ENOENT') {
			return false;
		}
		throw error;
	}
}
