import path from 'node:path';
import { isThere, writeFileWhole } from '../disk/atomic-file.js';
import type { FinishedTake } from '../output.js';
import { type CompletePlaylist, completePlaylist } from './complete-playlist.js';
import { type MergedFile, mergeTake } from './merge-take.js';
import { rebuildManifest } from './rebuild-manifest.js';
import { MERGED_DIRECTORY, SEPARATE_DIRECTORY } from './take.js';
import { META_FILE, readMeta, type TakeMeta } from './take-meta.js';

/**
 * Does the rest of the work for a take that nobody writes to any more. It ends a take that a crash has left open
 * (`recovered` says so). It makes the MP4 with its index in front, unless the take is only there for time shift. The
 * MP4 is called after `name`, the stream's. Null when all is done already, or when there is no media.
 */
export async function finishFmp4Take(
	take: string,
	name = path.basename(path.dirname(take)),
): Promise<FinishedTake | null> {
	const merged = path.join(take, MERGED_DIRECTORY);
	const separate = path.join(take, SEPARATE_DIRECTORY);
	const [meta, separateMeta] = await Promise.all([readMeta(merged), readMeta(separate)]);
	// They are ended one after the other: a crash may have come between.
	const recovered = !(meta?.finished && separateMeta?.finished);
	// A recovery that was cut short has left the MP4 and no mark.
	const isOpen = meta?.finished === false || separateMeta?.finished === false;
	if (!isOpen && (await isThere(path.join(merged, `${name}_full.mp4`)))) {
		return null;
	}
	const isWindow = meta?.window !== undefined;
	if (isWindow && !recovered) {
		return null;
	}
	const complete = await completePlaylist({
		directory: merged,
		playlist: 'index.m3u8',
		segment: (number) => `segment_${number}.m4s`,
		init: 'init',
	});
	if (recovered) {
		await recoverSeparate(separate);
	}
	if (complete === null) {
		return null;
	}
	const files = isWindow ? [] : await mergeTake(merged, name, complete.text);
	if (recovered) {
		await markFinished(merged, { segmentCount: complete.playlist.segments.length }, complete);
	}
	if (isWindow) {
		return { segments: complete.playlist.segments.length, recovered };
	}
	const sum = (pick: (file: MergedFile) => number): number => files.reduce((total, file) => total + pick(file), 0);
	return { durationMs: sum((file) => file.durationMs), sizeBytes: sum((file) => file.sizeBytes), recovered };
}

async function recoverSeparate(directory: string): Promise<void> {
	const [video, audio] = await Promise.all(
		(['video', 'audio'] as const).map((kind) =>
			completePlaylist({
				directory,
				playlist: `${kind}.m3u8`,
				segment: (number) => `${kind}_${number}.m4s`,
				init: `${kind}_init`,
			}),
		),
	);
	const longest = video ?? audio ?? null;
	if (longest === null) {
		return;
	}
	await rebuildManifest(directory, {
		video: video?.playlist ?? null,
		audio: audio?.playlist ?? null,
	});
	const counts = {
		videoSegmentCount: video?.playlist.segments.length ?? 0,
		audioSegmentCount: audio?.playlist.segments.length ?? 0,
	};
	await markFinished(directory, counts, longest);
}

async function markFinished(
	directory: string,
	counts: Partial<TakeMeta>,
	{ playlist }: CompletePlaylist,
): Promise<void> {
	const meta = await readMeta(directory);
	if (meta !== null) {
		const duration = playlist.segments.reduce((sum, segment) => sum + segment.duration, 0);
		const text = JSON.stringify({ ...meta, ...counts, duration, finished: true }, null, '\t');
		await writeFileWhole(path.join(directory, META_FILE), [Buffer.from(`${text}\n`)]);
	}
}
