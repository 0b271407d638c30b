import { readdir, readFile, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { removeIfThere } from '../disk/expiring-files.js';
import { errorCodeOf } from '../disk/file-error.js';
import type { RetentionRule } from '../output.js';
import { endPlaylist, HLS_PLAYLIST, readPlaylist } from './past-playlist.js';

/** A playlist that nobody has added to for this long is over, even if nobody has ended it. */
const OVER_MS = 10 * 60_000;

/**
 * Removes from a stream's directory the segments, keys and playlists that are too old, and the directory when it is empty then. What
 * the present playlist lists goes only together with it.
 */
export async function removeOldHls(
	directory: string,
	{ maxAgeMs, nowMs, recording }: RetentionRule,
): Promise<string[]> {
	const found = await readPlaylist(directory);
	if (found !== null && !recording && nowMs - found.changedAtMs > OVER_MS) {
		await endPlaylist(directory);
	}
	const playlistStays = found !== null && (recording || nowMs - found.changedAtMs <= maxAgeMs);
	const listed = playlistStays ? found.playlist.segments.flatMap(({ uri, key }) => [uri, key?.uri]) : [];
	const kept = new Set([...listed, ...(playlistStays || recording ? [HLS_PLAYLIST] : [])]);
	const removed: string[] = [];
	for (const name of await readdir(directory)) {
		const file = path.join(directory, name);
		if (!kept.has(name) && nowMs - (await changedAtMs(file)) > maxAgeMs) {
			await removeIfThere(file);
			removed.push(name);
		}
	}
	if (removed.length > 0 && !recording) {
		await removeIfEmpty(directory);
		await removeVariantsOfNothing(path.dirname(directory));
	}
	return removed;
}

/** Removes from an app's directory the multivariant playlists none of whose streams are there any more. */
async function removeVariantsOfNothing(app: string): Promise<void> {
	const names = await readdir(app);
	for (const name of names.filter((name) => name.endsWith('.m3u8'))) {
		const file = path.join(app, name);
		const uris = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
		if (!uris.some((uri) => names.includes(path.dirname(uri)))) {
			await removeIfThere(file);
		}
	}
}

async function changedAtMs(file: string): Promise<number> {
	try {
		return (await stat(file)).mtimeMs;
	} catch (error) {
		if (errorCodeOf(error) === 'ENOENT') {
			return Number.POSITIVE_INFINITY;
		}
		throw error;
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
