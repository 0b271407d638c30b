// Spec: rfc8216bis-22 4.4.1 to 4.4.5 (tags of media playlists), 6.2 (what a server must keep to)

/** A media playlist as it is written and read. Durations are seconds. */
export type MediaPlaylist = {
	version: number;
	/** Whole seconds. Never changes in the life of a playlist. */
	targetDuration: number;
	/** The number of the first segment. It never goes back. */
	mediaSequence: number;
	/** Discontinuities before the first segment. */
	discontinuitySequence: number;
	/** EVENT: only grows. VOD: complete. Null: old segments leave. */
	type: 'EVENT' | 'VOD' | null;
	independentSegments: boolean;
	ended: boolean;
	partTarget: number | null;
	serverControl: ServerControl | null;
	/** Older segments that a delta update leaves out. */
	skippedSegments: number;
	segments: readonly PlaylistSegment[];
	/** The segment that is not complete yet, when it has parts. */
	openSegment: OpenSegment | null;
	/** The next part, not there yet. */
	preloadHint: string | null;
	renditionReports: readonly RenditionReport[];
};

export type ServerControl = {
	canBlockReload: boolean;
	holdBack: number | null;
	partHoldBack: number | null;
	/** A delta update may leave out segments older than this. */
	canSkipUntil: number | null;
};

export type PlaylistSegment = {
	uri: string;
	duration: number;
	/** Does not continue the segment before. */
	discontinuity: boolean;
	/** EXT-X-MAP in force: the init segment. */
	map: string | null;
	/** EXT-X-KEY in force. */
	key: SegmentKey | null;
	/** Wall clock of the first sample, milliseconds since 1970. */
	programDateTimeMs: number | null;
	parts: readonly PlaylistPart[];
};

export type OpenSegment = Omit<PlaylistSegment, 'uri' | 'duration'>;
export type PlaylistPart = { uri: string; duration: number; independent: boolean };
/** AES-128. Without `iv` the media sequence number is it. */
export type SegmentKey = { uri: string; iv: string | null };
export type RenditionReport = { uri: string; lastMsn: number; lastPart: number | null };

/** The fields of most playlists: version 7, no low-latency tags. */
export const PLAIN_PLAYLIST: Omit<MediaPlaylist, 'targetDuration' | 'segments'> = {
	version: 7,
	mediaSequence: 0,
	discontinuitySequence: 0,
	type: null,
	independentSegments: true,
	ended: false,
	partTarget: null,
	serverControl: null,
	skippedSegments: 0,
	openSegment: null,
	preloadHint: null,
	renditionReports: [],
};

/** The playlist's text, with a line feed behind every line. */
export function serializeMediaPlaylist(playlist: MediaPlaylist): string {
	const lines = ['#EXTM3U', `#EXT-X-VERSION:${playlist.version}`];
	lines.push(`#EXT-X-TARGETDURATION:${playlist.targetDuration}`);
	if (playlist.serverControl !== null) {
		lines.push(`#EXT-X-SERVER-CONTROL:${serverControlAttributes(playlist.serverControl)}`);
	}
	if (playlist.partTarget !== null) {
		lines.push(`#EXT-X-PART-INF:PART-TARGET=${seconds(playlist.partTarget)}`);
	}
	lines.push(`#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`);
	if (playlist.discontinuitySequence > 0) {
		lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`);
	}
	if (playlist.type !== null) {
		lines.push(`#EXT-X-PLAYLIST-TYPE:${playlist.type}`);
	}
	if (playlist.independentSegments) {
		lines.push('#EXT-X-INDEPENDENT-SEGMENTS');
	}
	if (playlist.skippedSegments > 0) {
		lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${playlist.skippedSegments}`);
	}
	for (const [index, segment] of playlist.segments.entries()) {
		lines.push(...segmentLines(segment, playlist.segments[index - 1] ?? null));
	}
	if (playlist.openSegment !== null) {
		lines.push(...headLines(playlist.openSegment, playlist.segments.at(-1) ?? null));
	}
	if (playlist.preloadHint !== null) {
		lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${playlist.preloadHint}"`);
	}
	for (const { uri, lastMsn, lastPart } of playlist.renditionReports) {
		const part = lastPart === null ? '' : `,LAST-PART=${lastPart}`;
		lines.push(`#EXT-X-RENDITION-REPORT:URI="${uri}",LAST-MSN=${lastMsn}${part}`);
	}
	if (playlist.ended) {
		lines.push('#EXT-X-ENDLIST');
	}
	return `${lines.join('\n')}\n`;
}

/** Lines of one segment behind `before`, the segment in front of it. */
export function segmentLines(segment: PlaylistSegment, before: PlaylistSegment | null): string[] {
	return [...headLines(segment, before), `#EXTINF:${seconds(segment.duration)},`, segment.uri];
}

/** Writes the lines that an open segment has, too. */
function headLines(segment: OpenSegment, before: PlaylistSegment | null): string[] {
	const lines: string[] = [];
	if (segment.discontinuity) {
		lines.push('#EXT-X-DISCONTINUITY');
	}
	if (!sameKey(segment.key, before?.key ?? null)) {
		lines.push(`#EXT-X-KEY:${keyAttributes(segment.key)}`);
	}
	if (segment.map !== null && segment.map !== before?.map) {
		lines.push(`#EXT-X-MAP:URI="${segment.map}"`);
	}
	if (segment.programDateTimeMs !== null) {
		lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.programDateTimeMs).toISOString()}`);
	}
	lines.push(...segment.parts.map(partLine));
	return lines;
}

function partLine({ uri, duration, independent }: PlaylistPart): string {
	return `#EXT-X-PART:DURATION=${seconds(duration)},URI="${uri}"${independent ? ',INDEPENDENT=YES' : ''}`;
}

function serverControlAttributes(control: ServerControl): string {
	const attributes: string[] = [];
	if (control.canBlockReload) {
		attributes.push('CAN-BLOCK-RELOAD=YES');
	}
	if (control.canSkipUntil !== null) {
		attributes.push(`CAN-SKIP-UNTIL=${seconds(control.canSkipUntil)}`);
	}
	if (control.holdBack !== null) {
		attributes.push(`HOLD-BACK=${seconds(control.holdBack)}`);
	}
	if (control.partHoldBack !== null) {
		attributes.push(`PART-HOLD-BACK=${seconds(control.partHoldBack)}`);
	}
	return attributes.join(',');
}

function keyAttributes(key: SegmentKey | null): string {
	if (key === null) {
		return 'METHOD=NONE';
	}
	return `METHOD=AES-128,URI="${key.uri}"${key.iv === null ? '' : `,IV=0x${key.iv}`}`;
}

function sameKey(a: SegmentKey | null, b: SegmentKey | null): boolean {
	return a?.uri === b?.uri && a?.iv === b?.iv;
}

/** Milliseconds are all that the stream's clock knows, and a sum of five decimals does not drift. */
function seconds(value: number): string {
	return value.toFixed(5);
}
