import { open, readdir, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import {
	type MediaPlaylist,
	PLAIN_PLAYLIST,
	type PlaylistSegment,
	serializeMediaPlaylist,
} from '../../protocol/m3u8/media-playlist.js';
import { UNFINISHED, writeFileWhole } from '../disk/atomic-file.js';
import { errorCodeOf } from '../disk/file-error.js';
import { parseGrowingPlaylist } from '../disk/playlist-file.js';
import { readMovieFile, type ScannedSegment, scanSegment } from './fragment-scan.js';

/** One of the playlists of a take: how its files are called. */
export type PlaylistFiles = {
	directory: string;
	playlist: string;
	segment: (number: number) => string;
	/** Start of the names of its init segments. */
	init: string;
};

/** A playlist that nothing will be added to. */
export type CompletePlaylist = { playlist: MediaPlaylist; text: string; recoveredSegments: number };

/**
 * Ends the playlist of a take that a crash has left open: segments that were written but not listed are listed, one that was being
 * written is cut behind its last whole fragment. A playlist that has its end is left as it is. Null when there is no media at all.
 */
export async function completePlaylist(files: PlaylistFiles): Promise<CompletePlaylist | null> {
	const file = path.join(files.directory, files.playlist);
	const known = await readWholeLines(file);
	if (known?.ended) {
		return { playlist: known, text: serializeMediaPlaylist(known), recoveredSegments: 0 };
	}
	const segments: PlaylistSegment[] = [...(known?.segments ?? [])];
	const listed = segments.length;
	const mediaSequence = known?.mediaSequence ?? 1;
	const init = await newestInit(files);
	for (let number = mediaSequence + listed; init !== null; number++) {
		const scanned = await takeSegment(path.join(files.directory, files.segment(number)));
		if (scanned === null) {
			break;
		}
		const changed = segments.length > 0 && segments.at(-1)?.map !== init;
		segments.push({
			uri: files.segment(number),
			duration: await durationOf(path.join(files.directory, init), scanned),
			discontinuity: changed,
			map: init,
			key: null,
			programDateTimeMs: null,
			parts: [],
		});
	}
	if (segments.length === 0) {
		return null;
	}
	const longest = Math.max(1, ...segments.map(({ duration }) => Math.round(duration)));
	const playlist: MediaPlaylist = {
		...PLAIN_PLAYLIST,
		independentSegments: false,
		type: known === null ? 'EVENT' : known.type,
		mediaSequence,
		discontinuitySequence: known?.discontinuitySequence ?? 0,
		targetDuration: Math.max(known?.targetDuration ?? 0, longest),
		segments,
		ended: true,
	};
	const text = serializeMediaPlaylist(playlist);
	await writeFileWhole(file, [Buffer.from(text)]);
	return { playlist, text, recoveredSegments: segments.length - listed };
}

/** The playlist up to its last whole segment. */
async function readWholeLines(file: string): Promise<MediaPlaylist | null> {
	try {
		return parseGrowingPlaylist(await readFile(file, 'utf8'));
	} catch (error) {
		if (errorCodeOf(error) === 'ENOENT') {
			return null;
		}
		throw error;
	}
}

/** The init segment that the newest segments need. */
async function newestInit({ directory, init }: PlaylistFiles): Promise<string | null> {
	const numbered = (await namesIn(directory)).flatMap((name) => {
		const match = name.startsWith(init) ? /^(?:_(\d+))?\.mp4$/.exec(name.slice(init.length)) : null;
		return match === null ? [] : [{ name, number: Number(match[1] ?? 1) }];
	});
	return numbered.sort((a, b) => b.number - a.number)[0]?.name ?? null;
}

/** A crash may have come before the directory was made. */
async function namesIn(directory: string): Promise<string[]> {
	try {
		return await readdir(directory);
	} catch (error) {
		if (errorCodeOf(error) === 'ENOENT') {
			return [];
		}
		throw error;
	}
}

/** The segment under its final name, whole fragments only; null when there is none, or none with media. */
async function takeSegment(file: string): Promise<ScannedSegment | null> {
	try {
		return await scanSegment(file);
	} catch (error) {
		if (errorCodeOf(error) !== 'ENOENT') {
			throw error;
		}
	}
	const unfinished = `${file}${UNFINISHED}`;
	try {
		const scanned = await scanSegment(unfinished);
		if (scanned.fragments.length === 0) {
			return null;
		}
		const handle = await open(unfinished, 'r+');
		try {
			await handle.truncate(scanned.validBytes);
		} finally {
			await handle.close();
		}
		await rename(unfinished, file);
		return scanned;
	} catch (error) {
		if (errorCodeOf(error) === 'ENOENT') {
			return null;
		}
		throw error;
	}
}

/** Seconds that the leading track of a segment lasts. */
async function durationOf(init: string, { fragments }: ScannedSegment): Promise<number> {
	const handle = await open(init, 'r');
	try {
		const { movie } = await readMovieFile(handle);
		const [leading] = movie.tracks;
		const runs = fragments.flatMap(({ runs }) => runs).filter(({ trackId }) => trackId === leading?.trackId);
		const ticks = runs.reduce((sum, { run }) => sum + run.durationTicks, 0);
		return Math.max(0.001, ticks / (leading?.timescale ?? 1));
	} finally {
		await handle.close();
	}
}
