import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { errorCodeOf } from '../record/file-error.js';
import type { RetentionRule } from '../record/output.js';
import { HLS_PLAYLIST } from './ts-window.js';

/** Removes the segments of a stream that has not been live for too long, and the directory. */
export async function removeOldHls(
	directory: string,
	{ maxAgeMs, nowMs, recording }: RetentionRule,
): Promise<string[]> {
	if (recording || nowMs - (await newestChangeMs(directory)) <= maxAgeMs) {
		return [];
	}
	await rm(directory, { recursive: true, force: true });
	return [directory];
}

async function newestChangeMs(directory: string): Promise<number> {
	try {
		return (await stat(path.join(directory, HLS_PLAYLIST))).mtimeMs;
	} catch (error) {
		if (errorCodeOf(error) === 'ENOENT') {
			return (await stat(directory)).mtimeMs;
		}
		throw error;
	}
}
