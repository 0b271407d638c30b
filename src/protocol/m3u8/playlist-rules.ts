// Spec: rfc8216bis-22 4.4, 6.2.1, 6.2.2, 6.2.5, appendix B.1

import type { MediaPlaylist, PlaylistPart, PlaylistSegment } from './media-playlist.js';
import { parseMediaPlaylist } from './media-playlist-parser.js';

/** Rounding of DURATION to five decimals, and of timestamps to milliseconds. */
const EPSILON = 0.0015;
const MIN_PART_SHARE = 0.85;

/** Every rule of one playlist by itself that `playlist` breaks, in words. */
export function playlistViolations(playlist: MediaPlaylist): string[] {
	const broken: string[] = [];
	const rule = (holds: boolean, text: string): void => {
		if (!holds) {
			broken.push(text);
		}
	};
	const { targetDuration, segments, partTarget, serverControl } = playlist;
	for (const { uri, duration } of segments) {
		rule(Math.round(duration) <= targetDuration, `EXTINF ${duration} of ${uri} over target ${targetDuration}`);
		rule(duration > 0, `EXTINF ${duration} of ${uri}`);
	}
	const uris = segments.flatMap(({ uri, parts }) => [uri, ...parts.map((part) => part.uri)]);
	rule(new Set(uris).size === uris.length, 'a URI twice');
	const usesMap = segments.some(({ map }) => map !== null);
	rule(!usesMap || segments.every(({ map }) => map !== null), 'a segment without EXT-X-MAP among others with');
	rule(!usesMap || playlist.version >= 6, 'EXT-X-MAP needs version 6');
	rule(playlist.version >= 3, 'decimal EXTINF needs version 3');
	rule(playlist.skippedSegments === 0 || playlist.version >= 9, 'EXT-X-SKIP needs version 9');
	rule(playlist.skippedSegments === 0 || !playlist.ended, 'EXT-X-SKIP with EXT-X-ENDLIST');
	rule(playlist.type !== 'VOD' || playlist.ended, 'a VOD playlist without EXT-X-ENDLIST');
	if (partTarget !== null) {
		rule(serverControl?.partHoldBack != null, 'EXT-X-PART-INF without PART-HOLD-BACK');
		rule((serverControl?.partHoldBack ?? 0) >= 2 * partTarget, 'PART-HOLD-BACK under two part targets');
		rule(playlist.ended || playlist.preloadHint !== null, 'a live low-latency playlist without EXT-X-PRELOAD-HINT');
		checkParts(playlist, partTarget, rule);
	} else {
		rule(uris.length === segments.length && playlist.openSegment === null, 'parts without EXT-X-PART-INF');
	}
	if (serverControl !== null) {
		const { holdBack, canSkipUntil } = serverControl;
		rule(holdBack === null || holdBack >= 3 * targetDuration, 'HOLD-BACK under three target durations');
		rule(canSkipUntil === null || canSkipUntil >= 6 * targetDuration, 'CAN-SKIP-UNTIL under six target durations');
	}
	rule(!playlist.ended || playlist.openSegment === null, 'parts of no segment in an ended playlist');
	rule(!playlist.ended || playlist.preloadHint === null, 'EXT-X-PRELOAD-HINT in an ended playlist');
	return broken;
}

function checkParts(playlist: MediaPlaylist, partTarget: number, rule: (holds: boolean, text: string) => void): void {
	for (const { uri, duration, parts } of playlist.segments) {
		if (parts.length > 0) {
			const sum = parts.reduce((total, part) => total + part.duration, 0);
			rule(Math.abs(sum - duration) < EPSILON * parts.length, `parts of ${uri} last ${sum}, the segment ${duration}`);
		}
		checkDurations(parts, true, partTarget, rule);
	}
	const openParts = playlist.openSegment?.parts ?? [];
	checkDurations(openParts, false, partTarget, rule);
	const behind: { from: number; hasParts: boolean }[] = [];
	let from = openParts.reduce((sum, part) => sum + part.duration, 0);
	for (const { duration, parts } of playlist.segments.toReversed()) {
		behind.push({ from, hasParts: parts.length > 0 });
		from += duration;
	}
	const oldest = behind.findLast(({ hasParts }) => hasParts);
	rule(
		oldest === undefined || oldest.from <= 3 * playlist.targetDuration + EPSILON,
		'parts further than three target durations from the end',
	);
}

function checkDurations(
	parts: readonly PlaylistPart[],
	complete: boolean,
	partTarget: number,
	rule: (holds: boolean, text: string) => void,
): void {
	for (const [index, { uri, duration, independent }] of parts.entries()) {
		const isLast = complete && index === parts.length - 1;
		const mayBeShort = independent || isLast || (!complete && index === parts.length - 1);
		rule(duration <= partTarget + EPSILON, `part ${uri} of ${duration} s over the target of ${partTarget}`);
		rule(
			mayBeShort || duration >= MIN_PART_SHARE * partTarget - EPSILON,
			`part ${uri} of ${duration} s under 85 % of ${partTarget}`,
		);
	}
}

/** Watches one playlist as it is reloaded: gathers every rule that a version, or a change from one to the next, breaks. */
export class PlaylistChecker {
	readonly violations: string[] = [];
	#last: MediaPlaylist | null = null;
	reloads = 0;

	/** Takes the next version of the playlist's text. */
	see(text: string): MediaPlaylist {
		const playlist = parseMediaPlaylist(text);
		this.reloads++;
		const broken = playlistViolations(playlist);
		if (this.#last !== null && playlist.skippedSegments === 0) {
			broken.push(...changeViolations(this.#last, playlist));
		}
		this.violations.push(...broken.map((text) => `reload ${this.reloads}: ${text}`));
		if (playlist.skippedSegments === 0) {
			this.#last = playlist;
		}
		return playlist;
	}
}

/** Every rule about the change from one version of a playlist to a later one that is broken. */
export function changeViolations(before: MediaPlaylist, after: MediaPlaylist): string[] {
	const broken: string[] = [];
	const rule = (holds: boolean, text: string): void => {
		if (!holds) {
			broken.push(text);
		}
	};
	rule(after.targetDuration === before.targetDuration, 'EXT-X-TARGETDURATION changed');
	rule(after.mediaSequence >= before.mediaSequence, 'EXT-X-MEDIA-SEQUENCE went back');
	rule(after.discontinuitySequence >= before.discontinuitySequence, 'EXT-X-DISCONTINUITY-SEQUENCE went back');
	rule(after.partTarget === before.partTarget || after.ended, 'PART-TARGET changed');
	rule(after.version >= before.version, 'EXT-X-VERSION went back');
	rule(!before.ended || after.ended, 'EXT-X-ENDLIST went away');
	rule(before.type !== 'EVENT' || after.type !== null, 'EXT-X-PLAYLIST-TYPE:EVENT went away');
	const removed = after.mediaSequence - before.mediaSequence;
	rule(removed <= before.segments.length, 'segments came and went between two reloads');
	rule(removed === 0 || before.type === null, 'an EVENT or VOD playlist lost segments');
	const leftSeconds = after.segments.reduce((sum, { duration }) => sum + duration, 0);
	rule(
		removed <= 0 || after.ended || leftSeconds >= 3 * after.targetDuration - EPSILON,
		`segments were removed until only ${leftSeconds} s were left, of target ${after.targetDuration}`,
	);
	const gone = before.segments.slice(0, Math.max(0, removed));
	// The discontinuity tag of the first segment that stays belongs to it, not to what is gone.
	const expected = before.discontinuitySequence + gone.filter(({ discontinuity }) => discontinuity).length;
	rule(
		removed > before.segments.length || after.discontinuitySequence === expected,
		`EXT-X-DISCONTINUITY-SEQUENCE ${after.discontinuitySequence}, expected ${expected}`,
	);
	const kept = before.segments.slice(Math.max(0, removed));
	for (const [index, segment] of kept.entries()) {
		const now = after.segments[index];
		rule(now !== undefined, `segment ${segment.uri} went away from the end`);
		if (now !== undefined) {
			rule(sameSegment(segment, now), `segment ${segment.uri} changed`);
		}
	}
	const known = new Set(before.segments.map(({ uri }) => uri));
	for (const segment of after.segments.slice(kept.length)) {
		rule(!known.has(segment.uri), `${segment.uri} was used before`);
	}
	return broken;
}

function sameSegment(a: PlaylistSegment, b: PlaylistSegment): boolean {
	return (
		a.uri === b.uri &&
		a.duration === b.duration &&
		a.discontinuity === b.discontinuity &&
		a.map === b.map &&
		a.key?.uri === b.key?.uri &&
		(a.programDateTimeMs === b.programDateTimeMs || b.programDateTimeMs === null)
	);
}
