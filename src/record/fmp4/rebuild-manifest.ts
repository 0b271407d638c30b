import { open } from 'node:fs/promises';
import path from 'node:path';
import type { TrackConfig } from '../../codec/track-config.js';
import type { MovieTrack } from '../../container/mp4/movie-reader.js';
import type { MediaPlaylist } from '../../protocol/m3u8/media-playlist.js';
import { type ManifestPeriod, type ManifestTrack, serializeManifest } from '../../protocol/mpd/manifest.js';
import { endOf } from '../../protocol/mpd/segment-timeline.js';
import type { PackagedTrack } from '../../remux/cmaf-packager.js';
import { isThere, writeFileWhole } from '../disk/atomic-file.js';
import { readMovieFile, scanSegment } from './fragment-scan.js';
import { MASTER_PLAYLIST, masterPlaylist } from './master-playlist.js';
import { startPeriods, TrackTimeline } from './separate-track.js';

/** The bit rate in a manifest when nobody has measured one. */
const UNKNOWN_BANDWIDTH = 2_000_000;

/** Writes the manifest and the master playlist of a take that a crash has left unfinished, from its segments. */
export async function rebuildManifest(
	directory: string,
	playlists: { video: MediaPlaylist | null; audio: MediaPlaylist | null },
): Promise<void> {
	const periods: ManifestPeriod[] = [];
	const newest: TrackConfig[] = [];
	let endMs = 0;
	for (const kind of ['video', 'audio'] as const) {
		const playlist = playlists[kind];
		const timelines = playlist === null ? [] : await readTimelines(directory, kind, playlist);
		newest.push(...timelines.slice(-1).map(({ track }) => track.config));
		for (const [index, timeline] of timelines.entries()) {
			const track = timeline.describe(Number.NEGATIVE_INFINITY, UNKNOWN_BANDWIDTH);
			if (track !== null) {
				endMs = Math.max(endMs, endMsOf(track));
				const startMs = index === 0 ? 0 : (track.timeline[0]!.startTicks * 1000) / track.timescale;
				const period = periods[index];
				if (period === undefined) {
					periods.push({ id: `p${index}`, startMs, mediaStartMs: startMs, tracks: [track] });
				} else {
					periods[index] = { ...period, tracks: [...period.tracks, track] };
				}
			}
		}
	}
	const longest = Math.max(playlists.video?.targetDuration ?? 0, playlists.audio?.targetDuration ?? 0);
	// A take of which only the last is left begins with that.
	const isWhole = [playlists.video, playlists.audio].every((playlist) => (playlist?.mediaSequence ?? 1) === 1);
	const startMs = isWhole ? 0 : startPeriods(periods);
	const longestMs = longest * 1000 + 500;
	const lengths = { durationMs: endMs - startMs, minBufferTimeMs: longestMs, maxSegmentDurationMs: longestMs };
	const text = serializeManifest({ live: null, ...lengths, periods });
	await writeFileWhole(path.join(directory, 'manifest.mpd'), [Buffer.from(text)]);
	if (!(await isThere(path.join(directory, MASTER_PLAYLIST)))) {
		const master = masterPlaylist(newest, { peak: UNKNOWN_BANDWIDTH, average: null });
		await writeFileWhole(path.join(directory, MASTER_PLAYLIST), [Buffer.from(master)]);
	}
}

async function readTimelines(
	directory: string,
	kind: 'video' | 'audio',
	playlist: MediaPlaylist,
): Promise<TrackTimeline[]> {
	const timelines: TrackTimeline[] = [];
	for (const [index, { uri, map, discontinuity }] of playlist.segments.entries()) {
		let timeline = timelines.at(-1);
		if (timeline === undefined || discontinuity || timeline.initName !== map) {
			timeline = new TrackTimeline(
				await readTrack(directory, kind, map ?? ''),
				map ?? '',
				playlist.mediaSequence + index,
			);
			timelines.push(timeline);
		}
		const { fragments } = await scanSegment(path.join(directory, uri));
		const runs = fragments.flatMap((fragment) => fragment.runs.map(({ run }) => run));
		const [first] = runs;
		const last = runs.at(-1);
		if (first !== undefined && last !== undefined) {
			timeline.add(first.baseDecodeTime, last.baseDecodeTime + last.durationTicks - first.baseDecodeTime);
		}
	}
	return timelines;
}

async function readTrack(directory: string, kind: 'video' | 'audio', init: string): Promise<PackagedTrack> {
	const file = await open(path.join(directory, init), 'r');
	try {
		const { movie } = await readMovieFile(file);
		const track = movie.tracks.find((candidate): candidate is MovieTrack => candidate.config?.kind === kind);
		if (track === undefined || track.config === null) {
			throw new Error(`${init} has no ${kind} track`);
		}
		const { trackId, config, timescale, edits } = track;
		return { trackId, kind, config, timescale, mediaTimeOffset: Math.max(0, edits.at(-1)?.mediaTime ?? 0) };
	} finally {
		await file.close();
	}
}

function endMsOf(track: ManifestTrack): number {
	return (endOf(track.timeline.at(-1)!) * 1000) / track.timescale;
}
