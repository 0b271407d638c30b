// Spec: ISO/IEC 23009-1 5.3.9 (segments, their availability); DASH-IF Low-Latency Modes for DASH
import type { MovieTrack } from '../container/mp4/movie-reader.js';
import {
	describeTrack,
	type ManifestPeriod,
	type ManifestTrack,
	serializeManifest,
	UTC_TIMING_URL,
} from '../protocol/mpd/manifest.js';
import { SegmentTimeline } from '../protocol/mpd/segment-timeline.js';
import { initUri, LIVE_EPOCH_MS, trackSegmentUri } from './names.js';
import type { LiveSegment, LiveWindow } from './window.js';

export type LiveTargets = {
	/** Seconds; 0 = not known yet. */
	targetDuration: number;
	/** 0 = not known yet. */
	partTargetMs: number;
};

/** Until the targets are known. */
const EXPECTED_TARGET_SECONDS = 2;
const EXPECTED_PART_MS = 333;
/**
 * A segment that is not complete is said to end this much later than expected. Players ask for the next one by the time at which the
 * last one ended as they know it: too late by a little is in the next one, too early is in the same one again.
 */
const ESTIMATE_MARGIN_MS = 50;
/** Players that know low latency are so many parts behind, with what a network needs. */
const LATENCY_PARTS = 3;
const LATENCY_NETWORK_MS = 400;
const MAX_LATENCY_FACTOR = 4;
/** Target durations. */
const PRESENTATION_DELAY_TARGETS = 3;
/** The segment behind the one that is being made is announced, so one update for each segment is enough. */
const UPDATES_PER_TARGET = 2;
const MIN_SHIFT_TARGETS = 3;

type Kind = 'video' | 'audio';

/** The manifest of a window. `tracksOf` tells the tracks of the init segment that belongs to a segment. */
export function writeLiveManifest(
	window: LiveWindow,
	{ targetDuration, partTargetMs }: LiveTargets,
	tracksOf: (segment: LiveSegment) => readonly MovieTrack[],
): string {
	const { ended, open, listed } = window;
	const targetMs = (targetDuration === 0 ? EXPECTED_TARGET_SECONDS : targetDuration) * 1000;
	const partMs = partTargetMs === 0 ? EXPECTED_PART_MS : partTargetMs;
	const segments = open === null || open.parts.length === 0 ? listed : [...listed, open];
	const periods = groupByPeriod(segments).map((group, index, groups): ManifestPeriod => {
		const isLast = index === groups.length - 1 && !ended;
		const [{ period }] = group as [LiveSegment];
		return {
			id: `p${period.msn}`,
			startMs: period.originMs + period.startMs - LIVE_EPOCH_MS,
			mediaStartMs: period.startMs,
			tracks: tracksOf(group[0]!).flatMap((track) => describe(track, group, { targetMs, partMs, isLast }) ?? []),
		};
	});
	const newest = segments.at(-1)!;
	const edgeMs = newest.programDateTimeMs + newest.durationMs;
	const listedMs = listed.reduce((sum, { durationMs }) => sum + durationMs, 0);
	const latencyMs = LATENCY_PARTS * partMs + LATENCY_NETWORK_MS;
	return serializeManifest({
		live: ended
			? null
			: {
					availabilityStartTimeMs: LIVE_EPOCH_MS,
					publishTimeMs: Math.round(edgeMs),
					minimumUpdatePeriodMs: targetMs / UPDATES_PER_TARGET,
					timeShiftBufferDepthMs: Math.max(MIN_SHIFT_TARGETS, Math.floor(listedMs / targetMs)) * targetMs,
					suggestedPresentationDelayMs: targetMs * PRESENTATION_DELAY_TARGETS,
					utcTimingUrl: UTC_TIMING_URL,
					latency: { minMs: 2 * partMs, targetMs: latencyMs, maxMs: latencyMs * MAX_LATENCY_FACTOR },
				},
		durationMs: edgeMs - LIVE_EPOCH_MS,
		minBufferTimeMs: partMs,
		maxSegmentDurationMs: targetMs + 500,
		periods,
	});
}

function groupByPeriod(segments: readonly LiveSegment[]): LiveSegment[][] {
	const groups: LiveSegment[][] = [];
	for (const segment of segments) {
		const group = groups.at(-1);
		if (group?.[0]?.period.msn === segment.period.msn) {
			group.push(segment);
		} else {
			groups.push([segment]);
		}
	}
	return groups;
}

/** Null while there is nothing of the track in these segments, or of a track that no player could use. */
function describe(
	{ config, timescale }: MovieTrack,
	segments: readonly LiveSegment[],
	{ targetMs, partMs, isLast }: { targetMs: number; partMs: number; isLast: boolean },
): ManifestTrack | null {
	const first = segments.findIndex((segment) => config !== null && segment[config.kind] !== null);
	if (config === null || first < 0) {
		return null;
	}
	const { kind } = config;
	const { initMsn, msn, period } = segments[first]!;
	const expectedMs = segments.findLast(({ complete }) => complete)?.durationMs ?? targetMs;
	const estimateMs = expectedMs + ESTIMATE_MARGIN_MS;
	return {
		...describeTrack({ config, timescale }),
		bandwidth: Math.max(1, ...segments.map((segment) => bitsPerSecond(segment, kind, timescale))),
		initialization: initUri(initMsn, kind),
		media: trackSegmentUri(kind, initMsn, '$Number$'),
		startNumber: msn,
		timeline: timelineOf(
			segments.slice(first),
			kind,
			(ms) => Math.round((ms * timescale) / 1000),
			isLast ? estimateMs : 0,
		),
		lowLatency: isLast
			? {
					availabilityTimeOffsetMs: Math.max(0, estimateMs - partMs),
					reference: {
						utcMs: period.originMs + period.startMs,
						mediaTicks: Math.round((period.startMs * timescale) / 1000),
					},
				}
			: null,
	};
}

/**
 * Segments as their `tfdt` and durations are. `estimateMs` > 0 adds how long the one that is being made will be, and one more.
 * A segment without anything of the track gets the time between its neighbours: numbers have no gaps.
 */
function timelineOf(
	segments: readonly LiveSegment[],
	kind: Kind,
	ticks: (ms: number) => number,
	estimateMs: number,
): ReturnType<SegmentTimeline['after']>['runs'] {
	const timeline = new SegmentTimeline();
	let end = 0;
	let missing = 0;
	const bridge = (to: number): void => {
		for (; missing > 0; missing--) {
			const durationTicks = Math.max(1, Math.round((to - end) / missing));
			timeline.add(end, durationTicks);
			end += durationTicks;
		}
	};
	for (const segment of segments) {
		const span = segment[kind];
		const isEstimate = !segment.complete && estimateMs > 0;
		if (span === null && !isEstimate) {
			missing++;
			continue;
		}
		const start = span?.startTicks ?? Math.max(end, mediaTicks(segment, ticks));
		bridge(start);
		const known = (span?.endTicks ?? start) - start;
		const duration = isEstimate ? Math.max(known + ticks(ESTIMATE_MARGIN_MS), ticks(estimateMs)) : known;
		timeline.add(start, duration);
		end = start + duration;
	}
	const newest = segments.at(-1)!;
	bridge(mediaTicks(newest, ticks) + ticks(newest.durationMs));
	for (let ahead = newest.complete ? 2 : 1; ahead > 0 && estimateMs > 0; ahead--) {
		timeline.add(end, ticks(estimateMs));
		end += ticks(estimateMs);
	}
	return timeline.after(Number.NEGATIVE_INFINITY).runs;
}

/** Returns the start of a segment on the clock of its program. */
function mediaTicks({ programDateTimeMs, period }: LiveSegment, ticks: (ms: number) => number): number {
	return ticks(programDateTimeMs - period.originMs);
}

function bitsPerSecond(segment: LiveSegment, kind: Kind, timescale: number): number {
	const span = segment[kind];
	return span === null ? 0 : (span.bytes * 8 * timescale) / Math.max(1, span.endTicks - span.startTicks);
}
