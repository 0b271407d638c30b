import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { peerErrorOf } from '../../errors.js';
import { type MediaPlaylist, serializeMediaPlaylist } from '../../protocol/m3u8/media-playlist.js';
import { writeFileWhole } from '../disk/atomic-file.js';
import { errorCodeOf } from '../disk/file-error.js';
import { parseGrowingPlaylist } from '../disk/playlist-file.js';
import type { FinishedTake } from '../output.js';

export const HLS_PLAYLIST = 'index.m3u8';

/** The rest of an earlier take, perhaps of an earlier process, in a stream's directory. */
export type Past = {
	/** A live playlist that players still follow: it goes on. */
	open: MediaPlaylist | null;
	/** A playlist that does not go on, and the name to keep it under. */
	closed: { playlist: MediaPlaylist; name: string } | null;
	/** The number of the next segment. */
	nextNumber: number;
	/** The discontinuity sequence of the first segment, for a playlist that is begun. */
	discontinuitySequence: number;
	/** Names of files. */
	files: readonly string[];
};

const SEGMENT_NAME = /^segment_(\d+)\.ts$/;

export function segmentName(number: number): string {
	return `segment_${number}.ts`;
}

/** A live playlist goes on when nobody has ended it, it is of the same type, and changed no longer than `staleMs` ago. */
export async function readPast(
	directory: string,
	{ type, staleMs, nowMs }: { type: MediaPlaylist['type']; staleMs: number; nowMs: number },
): Promise<Past> {
	const files = await readdirIfThere(directory);
	const numbers = files.flatMap((name) => Number(SEGMENT_NAME.exec(name)?.[1] ?? []));
	const afterFiles = Math.max(0, ...numbers) + 1;
	const found = await readPlaylist(directory);
	if (found === null) {
		return { open: null, closed: null, nextNumber: afterFiles, discontinuitySequence: 0, files };
	}
	const { playlist, changedAtMs } = found;
	const { segments, mediaSequence, discontinuitySequence } = playlist;
	const afterListed = mediaSequence + segments.length;
	const goesOn =
		!playlist.ended &&
		playlist.type === type &&
		nowMs - changedAtMs <= staleMs &&
		segments.every(({ uri }) => files.includes(uri));
	if (goesOn) {
		// A segment that was written but never listed has not been seen by anybody: its number is free.
		return { open: playlist, closed: null, nextNumber: afterListed, discontinuitySequence, files };
	}
	return {
		open: null,
		closed: { playlist, name: `index_${mediaSequence}.m3u8` },
		nextNumber: Math.max(afterFiles, afterListed),
		discontinuitySequence: discontinuitySequence + segments.filter(({ discontinuity }) => discontinuity).length + 1,
		files,
	};
}

/** Ends the playlist in `directory` that a crash has left open. @returns null when there is none. */
export async function endPlaylist(directory: string): Promise<FinishedTake | null> {
	const found = await readPlaylist(directory);
	if (found === null || found.playlist.ended) {
		return null;
	}
	const { playlist } = found;
	await writePlaylist(path.join(directory, HLS_PLAYLIST), { ...playlist, ended: true });
	const seconds = playlist.segments.reduce((sum, { duration }) => sum + duration, 0);
	return { segments: playlist.segments.length, durationMs: Math.round(seconds * 1000) };
}

export async function writePlaylist(file: string, playlist: MediaPlaylist): Promise<void> {
	await writeFileWhole(file, [Buffer.from(serializeMediaPlaylist(playlist))]);
}

/** The stream's playlist; null when there is none that we understand. */
export async function readPlaylist(
	directory: string,
): Promise<{ playlist: MediaPlaylist; changedAtMs: number } | null> {
	const file = path.join(directory, HLS_PLAYLIST);
	try {
		const playlist = parseGrowingPlaylist(await readFile(file, 'utf8'));
		return playlist === null ? null : { playlist, changedAtMs: (await stat(file)).mtimeMs };
	} catch (error) {
		if (errorCodeOf(error) !== 'ENOENT') {
			peerErrorOf(error);
		}
		return null;
	}
}

async function readdirIfThere(directory: string): Promise<string[]> {
	try {
		return await readdir(directory);
	} catch (error) {
		if (errorCodeOf(error) === 'ENOENT') {
			return [];
		}
		throw error;
	}
}
