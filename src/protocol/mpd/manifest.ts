// Spec: ISO/IEC 23009-1 5.3 (hierarchical data model), 5.3.9.6 (SegmentTimeline), 5.8.4.11 (UTCTiming), 5.12 (ProducerReferenceTime),
// K.4.2 (Latency); DASH-IF timing model; DASH-IF Low-Latency Modes for DASH
import { decodedSoundOf } from '../../codec/decoded-sound.js';
import type { TrackConfig } from '../../codec/track-config.js';
import { endOf, type TimelineRun } from './segment-timeline.js';

/** The server tells the time here, on every port that serves manifests. */
export const UTC_TIMING_URL = '/time';

/** A track whose segments can be fetched while they are being made. */
export type LowLatencyTrack = {
	/** A segment can be asked for this long before its end. */
	availabilityTimeOffsetMs: number;
	/** Media time `mediaTicks` came to be at the wall clock `utcMs`; the segments' `prft` boxes say the same of each of them. */
	reference: { utcMs: number; mediaTicks: number };
};

/** One AdaptationSet with one Representation. */
export type ManifestTrack = {
	id: string;
	kind: 'video' | 'audio';
	codec: string;
	/** Bits per second. */
	bandwidth: number;
	timescale: number;
	/** File of the init segment. */
	initialization: string;
	/** Segment files: `$Number$` is the number. */
	media: string;
	/** Number of the first segment of `timeline`. */
	startNumber: number;
	timeline: readonly TimelineRun[];
	lowLatency: LowLatencyTrack | null;
	width: number | null;
	height: number | null;
	sampleRate: number | null;
	channels: number | null;
};

/** Returns the facts that a manifest states about a track's configuration. */
export function describeTrack({
	config,
	timescale,
}: {
	config: TrackConfig;
	timescale: number;
}): Pick<ManifestTrack, 'id' | 'kind' | 'codec' | 'timescale' | 'width' | 'height' | 'sampleRate' | 'channels'> {
	const sound = config.kind === 'audio' ? decodedSoundOf(config) : null;
	return {
		id: config.kind,
		kind: config.kind,
		codec: config.codecString,
		timescale,
		width: config.kind === 'video' ? config.width : null,
		height: config.kind === 'video' ? config.height : null,
		sampleRate: sound?.sampleRate ?? null,
		channels: sound?.channels ?? null,
	};
}

export type ManifestPeriod = {
	id: string;
	/** Since availabilityStartTime. */
	startMs: number;
	/** Media time that the period begins with. */
	mediaStartMs: number;
	tracks: readonly ManifestTrack[];
};

export type Manifest = {
	/** A live presentation has it, and it never changes: media time 0 was then. Null: the presentation is complete. */
	live: {
		availabilityStartTimeMs: number;
		publishTimeMs: number;
		minimumUpdatePeriodMs: number;
		timeShiftBufferDepthMs: number;
		suggestedPresentationDelayMs: number;
		/** The address at which the server tells the time as xs:dateTime. */
		utcTimingUrl: string;
		/** The distance that players should keep from the live edge. Null leaves it to suggestedPresentationDelay. */
		latency: { minMs: number; targetMs: number; maxMs: number } | null;
	} | null;
	/** The end of the last period, for a complete presentation. */
	durationMs: number;
	minBufferTimeMs: number;
	maxSegmentDurationMs: number;
	periods: readonly ManifestPeriod[];
};

const LIVE_PROFILE = 'urn:mpeg:dash:profile:isoff-live:2011';
const LOW_LATENCY_PROFILE = 'http://www.dashif.org/guidelines/low-latency-live-v5';
/** Latency and ProducerReferenceTime refer to each other by this id. */
const REFERENCE_ID = '0';
/** By how much players may change their speed to keep to the latency: little enough not to be heard. */
const CATCH_UP = { min: '0.96', max: '1.04' };

/** The text of an MPD. */
export function serializeManifest(manifest: Manifest): string {
	const { live } = manifest;
	const lines = ['<?xml version="1.0" encoding="UTF-8"?>', `<MPD ${attributes(headAttributes(manifest))}>`];
	if (live?.latency != null) {
		writeLatency(live.latency, lines);
	}
	for (const period of manifest.periods) {
		lines.push(`  <Period ${attributes({ id: period.id, start: isoDuration(period.startMs) })}>`);
		for (const track of period.tracks) {
			writeTrack(period, track, lines);
		}
		lines.push('  </Period>');
	}
	if (live !== null) {
		const timing = { schemeIdUri: 'urn:mpeg:dash:utc:http-xsdate:2014', value: live.utcTimingUrl };
		lines.push(`  <UTCTiming ${attributes(timing)}/>`);
	}
	lines.push('</MPD>', '');
	return lines.join('\n');
}

function writeLatency({ minMs, targetMs, maxMs }: { minMs: number; targetMs: number; maxMs: number }, lines: string[]) {
	const latency = { referenceId: REFERENCE_ID, min: String(minMs), target: String(targetMs), max: String(maxMs) };
	lines.push('  <ServiceDescription id="0">', `    <Latency ${attributes(latency)}/>`);
	lines.push(`    <PlaybackRate ${attributes(CATCH_UP)}/>`, '  </ServiceDescription>');
}

function headAttributes({ live, durationMs, minBufferTimeMs, maxSegmentDurationMs }: Manifest): Record<string, string> {
	const common = {
		xmlns: 'urn:mpeg:dash:schema:mpd:2011',
		profiles: live?.latency == null ? LIVE_PROFILE : `${LIVE_PROFILE},${LOW_LATENCY_PROFILE}`,
		minBufferTime: isoDuration(minBufferTimeMs),
		maxSegmentDuration: isoDuration(maxSegmentDurationMs),
	};
	if (live === null) {
		return { ...common, type: 'static', mediaPresentationDuration: isoDuration(durationMs) };
	}
	return {
		...common,
		type: 'dynamic',
		availabilityStartTime: new Date(live.availabilityStartTimeMs).toISOString(),
		publishTime: new Date(live.publishTimeMs).toISOString(),
		minimumUpdatePeriod: isoDuration(live.minimumUpdatePeriodMs),
		timeShiftBufferDepth: isoDuration(live.timeShiftBufferDepthMs),
		suggestedPresentationDelay: isoDuration(live.suggestedPresentationDelayMs),
	};
}

function writeTrack(period: ManifestPeriod, track: ManifestTrack, lines: string[]): void {
	const isVideo = track.kind === 'video';
	const set = { contentType: track.kind, mimeType: `${track.kind}/mp4`, segmentAlignment: 'true', startWithSAP: '1' };
	const representation: Record<string, string> = {
		id: track.id,
		codecs: track.codec,
		bandwidth: String(Math.ceil(track.bandwidth)),
	};
	if (isVideo && track.width !== null && track.height !== null) {
		representation['width'] = String(track.width);
		representation['height'] = String(track.height);
	}
	if (!isVideo && track.sampleRate !== null) {
		representation['audioSamplingRate'] = String(track.sampleRate);
	}
	const { lowLatency } = track;
	const template = {
		timescale: String(track.timescale),
		presentationTimeOffset: String(Math.round((period.mediaStartMs * track.timescale) / 1000)),
		...(lowLatency === null ? {} : availability(lowLatency)),
		initialization: track.initialization,
		media: track.media,
		startNumber: String(track.startNumber),
	};
	lines.push(`    <AdaptationSet ${attributes(set)}>`);
	if (lowLatency !== null) {
		writeReference(lowLatency, lines);
	}
	lines.push(`      <Representation ${attributes(representation)}>`);
	if (!isVideo && track.channels !== null) {
		const scheme = 'urn:mpeg:dash:23003:3:audio_channel_configuration:2011';
		const configuration = { schemeIdUri: scheme, value: String(track.channels) };
		lines.push(`        <AudioChannelConfiguration ${attributes(configuration)}/>`);
	}
	lines.push(`        <SegmentTemplate ${attributes(template)}>`, '          <SegmentTimeline>');
	for (const [index, { startTicks, durationTicks, count }] of track.timeline.entries()) {
		const before = track.timeline[index - 1];
		const start = before !== undefined && endOf(before) === startTicks ? '' : ` t="${startTicks}"`;
		const repeat = count > 1 ? ` r="${count - 1}"` : '';
		lines.push(`            <S${start} d="${durationTicks}"${repeat}/>`);
	}
	lines.push('          </SegmentTimeline>', '        </SegmentTemplate>');
	lines.push('      </Representation>', '    </AdaptationSet>');
}

function availability({ availabilityTimeOffsetMs }: LowLatencyTrack): Record<string, string> {
	return { availabilityTimeOffset: (availabilityTimeOffsetMs / 1000).toFixed(3), availabilityTimeComplete: 'false' };
}

function writeReference({ reference }: LowLatencyTrack, lines: string[]): void {
	const time = {
		id: REFERENCE_ID,
		inband: 'true',
		type: 'encoder',
		wallClockTime: new Date(reference.utcMs).toISOString(),
		presentationTime: String(reference.mediaTicks),
	};
	lines.push(`      <ProducerReferenceTime ${attributes(time)}/>`);
}

function attributes(values: Readonly<Record<string, string>>): string {
	return Object.entries(values)
		.map(([name, value]) => `${name}="${escapeXml(value)}"`)
		.join(' ');
}

function escapeXml(text: string): string {
	return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** xs:duration in seconds. */
function isoDuration(ms: number): string {
	return `PT${(ms / 1000).toFixed(3)}S`;
}
