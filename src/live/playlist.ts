// Spec: rfc8216bis-22 4.4.3.8 (EXT-X-SERVER-CONTROL), 4.4.4.9 (EXT-X-PART), 4.4.5.2 (EXT-X-SKIP), 4.4.5.3 (EXT-X-PRELOAD-HINT), B.1
import {
	type OpenSegment,
	PLAIN_PLAYLIST,
	type PlaylistPart,
	type PlaylistSegment,
	serializeMediaPlaylist,
} from '../protocol/m3u8/media-playlist.js';
import { PartFlag } from '../ring/part-layout.js';
import { initUri, partUri, segmentUri } from './names.js';
import type { LiveSegment, LiveWindow } from './window.js';

/** EXT-X-SKIP needs it. */
const VERSION = 9;
/** Parts are listed up to this far from the end. Target durations, as the next two. */
const PART_TARGETS = 3;
const HOLD_BACK_TARGETS = 3;
/** A delta update leaves out segments further from the end than this. */
export const SKIP_TARGETS = 6;
/** Part targets. */
const PART_HOLD_BACK_TARGETS = 3;

/** The playlist of a window. `skip`: a delta update, if it leaves anything out. */
export function writeLivePlaylist(
	window: LiveWindow,
	targetDuration: number,
	partTargetMs: number,
	skip: boolean,
): string {
	const { listed, ended } = window;
	const open = ended ? null : window.open;
	const targetMs = targetDuration * 1000;
	const segments: PlaylistSegment[] = [];
	/** Between the end of a segment and that of the playlist. */
	let behindMs = open?.durationMs ?? 0;
	let skipped = 0;
	for (const segment of listed.toReversed()) {
		if (skip && !ended && behindMs > SKIP_TARGETS * targetMs) {
			skipped++;
			continue;
		}
		const hasParts = !ended && segment.measured && behindMs <= PART_TARGETS * targetMs;
		segments.push({
			...describe(segment, hasParts),
			uri: segmentUri(segment.msn),
			duration: segment.durationMs / 1000,
		});
		behindMs += segment.durationMs;
	}
	segments.reverse();
	const partTarget = partTargetMs / 1000;
	return serializeMediaPlaylist({
		...PLAIN_PLAYLIST,
		version: VERSION,
		independentSegments: false,
		targetDuration,
		mediaSequence: window.firstMsn,
		discontinuitySequence: window.discontinuitySequence,
		partTarget,
		serverControl: {
			canBlockReload: true,
			canSkipUntil: SKIP_TARGETS * targetDuration,
			holdBack: HOLD_BACK_TARGETS * targetDuration,
			partHoldBack: PART_HOLD_BACK_TARGETS * partTarget,
		},
		skippedSegments: skipped,
		segments,
		openSegment: open === null || open.parts.length === 0 ? null : describe(open, open.measured),
		preloadHint: ended ? null : nextPartUri(window),
		ended,
	});
}

/** The part that comes next, if the stream goes on as it is. */
export function nextPartUri(window: LiveWindow): string {
	return partUri(window.lastMsn + 1, window.open?.parts.length ?? 0);
}

function describe(segment: LiveSegment, hasParts: boolean): OpenSegment {
	const { discontinuity, initMsn, programDateTimeMs, msn, parts } = segment;
	const listed = hasParts
		? parts.map(
				({ index, time, flags }): PlaylistPart => ({
					uri: partUri(msn, index),
					duration: time / 1000,
					independent: (flags & PartFlag.independent) !== 0,
				}),
			)
		: [];
	return { discontinuity, map: initUri(initMsn), key: null, programDateTimeMs, parts: listed };
}
