/**
 * Names beside each other under `/hls/{app}/{name}/` of what is served from memory. A URI never means anything else later.
 *
 *   live.m3u8  live_init_{msn}.mp4        live_{msn}.m4s  live_{msn}_{part}.m4s    LL-HLS: all tracks together
 *   live.mpd   live_{track}_init_{msn}.mp4  live_{track}_{init msn}_{msn}.m4s        DASH: track by track
 */
export const LIVE_PLAYLIST = 'live.m3u8';
export const LIVE_MANIFEST = 'live.mpd';

/**
 * Sequence numbers, discontinuities and DASH's media presentation time count from here, in seconds, minutes and
 * milliseconds. So none of them goes back when the server starts anew. It is the availabilityStartTime of every live
 * manifest.
 */
export const LIVE_EPOCH_MS = Date.UTC(2025, 0, 1);

export type LiveTrackKind = 'video' | 'audio';

/** `track` null: all of them. */
export function initUri(msn: number, track: LiveTrackKind | null = null): string {
	return track === null ? `live_init_${msn}.mp4` : `live_${track}_init_${msn}.mp4`;
}

export function segmentUri(msn: number): string {
	return `live_${msn}.m4s`;
}

export function partUri(msn: number, part: number): string {
	return `live_${msn}_${part}.m4s`;
}

/**
 * Names the init segment, too: a segment does not continue one with another init segment. `msn` may be a manifest's
 * `$Number$`.
 */
export function trackSegmentUri(track: LiveTrackKind, initMsn: number, msn: number | '$Number$'): string {
	return `live_${track}_${initMsn}_${msn}.m4s`;
}

/** The thing that a name refers to. */
export type LiveResource =
	| { kind: 'playlist' }
	| { kind: 'manifest' }
	| { kind: 'init'; msn: number; track: LiveTrackKind | null }
	| { kind: 'segment'; msn: number }
	| { kind: 'part'; msn: number; part: number }
	| { kind: 'track-segment'; track: LiveTrackKind; initMsn: number; msn: number };

const MEDIA_NAME = /^live_(\d{1,10})(?:_(\d{1,6}))?\.m4s$/;
const TRACK_NAME = /^live_(video|audio)_(\d{1,10})_(\d{1,10})\.m4s$/;
const INIT_NAME = /^live_(?:(video|audio)_)?init_(\d{1,10})\.mp4$/;

/** Null for a name that is not ours. */
export function parseLiveName(name: string): LiveResource | null {
	if (name === LIVE_PLAYLIST) {
		return { kind: 'playlist' };
	}
	if (name === LIVE_MANIFEST) {
		return { kind: 'manifest' };
	}
	const init = INIT_NAME.exec(name);
	if (init !== null) {
		return { kind: 'init', msn: Number(init[2]), track: (init[1] as LiveTrackKind | undefined) ?? null };
	}
	const ofTrack = TRACK_NAME.exec(name);
	if (ofTrack !== null) {
		const [, track, initMsn, msn] = ofTrack;
		return { kind: 'track-segment', track: track as LiveTrackKind, initMsn: Number(initMsn), msn: Number(msn) };
	}
	const [, msn, part] = MEDIA_NAME.exec(name) ?? [];
	if (msn === undefined) {
		return null;
	}
	return part === undefined
		? { kind: 'segment', msn: Number(msn) }
		: { kind: 'part', msn: Number(msn), part: Number(part) };
}
