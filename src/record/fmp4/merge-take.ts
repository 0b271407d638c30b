import { type FileHandle, open, rename, statfs, unlink } from 'node:fs/promises';
import path from 'node:path';
import { buildFaststartHead, type FaststartTrack } from '../../container/mp4/faststart.js';
import { totalBytes } from '../../container/mp4/fragment-reader.js';
import { SampleTable } from '../../container/mp4/sample-table.js';
import { parseMediaPlaylist } from '../../protocol/m3u8/media-playlist-parser.js';
import { UNFINISHED } from '../disk/atomic-file.js';
import { writeAll } from '../flv/finish-take.js';
import { readMovieFile, scanSegment } from './fragment-scan.js';

/** Bytes of segments that go into the MP4, in order. */
type Piece = { file: string; start: number; end: number };

export type MergedFile = { file: string; sizeBytes: number; durationMs: number };

/** Stays free behind an MP4. */
const MIN_FREE_BYTES = 256 * 1024 * 1024;
const COPY_BYTES = 1024 * 1024;

/**
 * Makes one MP4, its index in front, of the segments that the playlist in `directory` (output_merge) lists: media data is copied
 * as it is, memory holds only the sample tables. A take whose tracks changed becomes several files, one for each init segment.
 */
export async function mergeTake(directory: string, name: string, playlistText: string): Promise<MergedFile[]> {
	const { segments } = parseMediaPlaylist(playlistText);
	const groups: { map: string; uris: string[] }[] = [];
	for (const { map, uri } of segments) {
		if (map !== null && groups.at(-1)?.map !== map) {
			groups.push({ map, uris: [] });
		}
		groups.at(-1)?.uris.push(uri);
	}
	const merged: MergedFile[] = [];
	// The first file comes last: when it is there, all are.
	for (const [index, { map, uris }] of [...groups.entries()].reverse()) {
		const fileName = index === 0 ? `${name}_full.mp4` : `${name}_full_${index + 1}.mp4`;
		merged.unshift(await mergeSegments(directory, map, uris, fileName));
	}
	return merged;
}

async function mergeSegments(
	directory: string,
	init: string,
	uris: readonly string[],
	fileName: string,
): Promise<MergedFile> {
	const tracks = await openTracks(path.join(directory, init));
	const pieces: Piece[] = [];
	let mediaBytes = 0;
	for (const uri of uris) {
		const file = path.join(directory, uri);
		const { fragments } = await scanSegment(file);
		for (const { runs, moofStart, mdatStart, mdatEnd } of fragments) {
			for (const { trackId, run, dataOffset } of runs) {
				const start = moofStart + dataOffset;
				if (start >= mdatStart && start + totalBytes(run) <= mdatEnd) {
					tracks.get(trackId)?.table.addRun(run, mediaBytes + start - mdatStart);
				}
			}
			pieces.push({ file, start: mdatStart, end: mdatEnd });
			mediaBytes += mdatEnd - mdatStart;
		}
	}
	const head = buildFaststartHead([...tracks.values()], mediaBytes);
	const target = path.join(directory, fileName);
	await assertRoom(directory, head.length + mediaBytes);
	const unfinished = `${target}${UNFINISHED}`;
	const output = await open(unfinished, 'w');
	try {
		await writeAll(output, head, 0);
		await copyPieces(pieces, output, head.length);
		await output.datasync();
		await rename(unfinished, target);
	} catch (error) {
		await unlink(unfinished);
		throw error;
	} finally {
		await output.close();
	}
	const longest = [...tracks.values()].map(({ config, table }) => {
		const timescale = config.kind === 'audio' ? config.sampleRate : 90_000;
		return (table.durationTicks * 1000) / timescale;
	});
	return { file: fileName, sizeBytes: head.length + mediaBytes, durationMs: Math.round(Math.max(0, ...longest)) };
}

/** A take's MP4 is not worth a full disk, on which nothing else could be recorded. */
async function assertRoom(directory: string, bytes: number): Promise<void> {
	const { bavail, bsize } = await statfs(directory);
	if (bavail * bsize < bytes + MIN_FREE_BYTES) {
		throw Object.assign(new Error(`no room for an MP4 of ${bytes} bytes`), { code: 'ENOSPC' });
	}
}

/** The tracks of an init segment, with empty tables. */
export async function openTracks(init: string): Promise<Map<number, FaststartTrack>> {
	const file = await open(init, 'r');
	try {
		const { movie } = await readMovieFile(file);
		const tracks = new Map<number, FaststartTrack>();
		for (const { trackId, config, edits } of movie.tracks) {
			if (config !== null) {
				const mediaTimeOffset = Math.max(0, edits.at(-1)?.mediaTime ?? 0);
				tracks.set(trackId, { trackId, config, table: new SampleTable(), mediaTimeOffset });
			}
		}
		return tracks;
	} finally {
		await file.close();
	}
}

async function copyPieces(pieces: readonly Piece[], output: FileHandle, from: number): Promise<void> {
	const buffer = Buffer.allocUnsafeSlow(COPY_BYTES);
	let position = from;
	let input: FileHandle | null = null;
	let inputName = '';
	try {
		for (const { file, start, end } of pieces) {
			if (file !== inputName) {
				await input?.close();
				input = await open(file, 'r');
				inputName = file;
			}
			for (let at = start; at < end; ) {
				const { bytesRead } = await input!.read(buffer, 0, Math.min(buffer.length, end - at), at);
				if (bytesRead === 0) {
					throw new Error(`${file} has become shorter`);
				}
				await writeAll(output, buffer.subarray(0, bytesRead), position);
				at += bytesRead;
				position += bytesRead;
			}
		}
	} finally {
		await input?.close();
	}
}
