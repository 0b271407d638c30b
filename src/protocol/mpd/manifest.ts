// Spec: ISO/IEC 23009-1 5.3 (hierarchical data model), 5.3.9.6 (SegmentTimeline), 5.8.4.11 (UTCTiming); DASH-IF timing model

/** Where the server tells the time, on every port that serves manifests. */
export const UTC_TIMING_URL = '/time';

/** Segments of equal length in a row. */
export type TimelineRun = { durationTicks: number; count: number };

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
	/** Media time of the first segment of `timeline`, in ticks: its `tfdt`. */
	startTime: number;
	timeline: readonly TimelineRun[];
	width: number | null;
	height: number | null;
	sampleRate: number | null;
	channels: number | null;
};

export type ManifestPeriod = {
	id: string;
	/** Since availabilityStartTime; also the media time that the period begins with. */
	startMs: number;
	tracks: readonly ManifestTrack[];
};

export type Manifest = {
	/** Of a live presentation. Never changes: media time 0 was then. Null: the presentation is complete. */
	live: {
		availabilityStartTimeMs: number;
		publishTimeMs: number;
		minimumUpdatePeriodMs: number;
		timeShiftBufferDepthMs: number;
		suggestedPresentationDelayMs: number;
		/** Where the server tells the time as xs:dateTime. */
		utcTimingUrl: string;
	} | null;
	/** Of a complete presentation: the media time that it begins with, 0 unless it says otherwise. */
	startMs?: number;
	/** Of a complete presentation. */
	durationMs: number;
	maxSegmentDurationMs: number;
	periods: readonly ManifestPeriod[];
};

/** The text of an MPD. */
export function serializeManifest(manifest: Manifest): string {
	const { live, startMs = 0 } = manifest;
	const lines = ['<?xml version="1.0" encoding="UTF-8"?>', `<MPD ${attributes(headAttributes(manifest))}>`];
	for (const period of manifest.periods) {
		lines.push(`  <Period ${attributes({ id: period.id, start: isoDuration(period.startMs - startMs) })}>`);
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

function headAttributes({ live, durationMs, maxSegmentDurationMs }: Manifest): Record<string, string> {
	const common = {
		xmlns: 'urn:mpeg:dash:schema:mpd:2011',
		profiles: 'urn:mpeg:dash:profile:isoff-live:2011',
		minBufferTime: isoDuration(maxSegmentDurationMs),
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
	const template = {
		timescale: String(track.timescale),
		presentationTimeOffset: String(Math.round((period.startMs * track.timescale) / 1000)),
		initialization: track.initialization,
		media: track.media,
		startNumber: String(track.startNumber),
	};
	lines.push(`    <AdaptationSet ${attributes(set)}>`, `      <Representation ${attributes(representation)}>`);
	if (!isVideo && track.channels !== null) {
		const scheme = 'urn:mpeg:dash:23003:3:audio_channel_configuration:2011';
		const configuration = { schemeIdUri: scheme, value: String(track.channels) };
		lines.push(`        <AudioChannelConfiguration ${attributes(configuration)}/>`);
	}
	lines.push(`        <SegmentTemplate ${attributes(template)}>`, '          <SegmentTimeline>');
	for (const [index, { durationTicks, count }] of track.timeline.entries()) {
		const start = index === 0 ? ` t="${track.startTime}"` : '';
		const repeat = count > 1 ? ` r="${count - 1}"` : '';
		lines.push(`            <S${start} d="${durationTicks}"${repeat}/>`);
	}
	lines.push('          </SegmentTimeline>', '        </SegmentTemplate>');
	lines.push('      </Representation>', '    </AdaptationSet>');
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
