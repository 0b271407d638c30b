// Spec: rfc8216bis-22 4 (playlists)
import { type Attributes, badPlaylist, decimal, integer, parseAttributes, required } from './attributes.js';
import {
	type MediaPlaylist,
	PLAIN_PLAYLIST,
	type PlaylistPart,
	type PlaylistSegment,
	type RenditionReport,
	type SegmentKey,
	type ServerControl,
} from './media-playlist.js';

const MAX_PLAYLIST_CHARACTERS = 16 * 1024 * 1024;

type Draft = {
	-readonly [key in keyof MediaPlaylist]: MediaPlaylist[key] extends readonly (infer Item)[]
		? Item[]
		: MediaPlaylist[key];
};

/** The tags that have been read for the next segment. */
type Pending = {
	duration: number | null;
	discontinuity: boolean;
	programDateTimeMs: number | null;
	parts: PlaylistPart[];
	map: string | null;
	key: SegmentKey | null;
};

/** Reads what `serializeMediaPlaylist` writes, and refuses what breaks the grammar. Throws PeerError HLS_PLAYLIST. */
export function parseMediaPlaylist(text: string): MediaPlaylist {
	if (text.length > MAX_PLAYLIST_CHARACTERS) {
		badPlaylist('a playlist that is too long');
	}
	const lines = text.split(/\r?\n/);
	if (lines[0] !== '#EXTM3U') {
		badPlaylist('no #EXTM3U in the first line');
	}
	const draft: Draft = {
		...PLAIN_PLAYLIST,
		version: 1,
		independentSegments: false,
		targetDuration: Number.NaN,
		segments: [],
		renditionReports: [],
	};
	const pending: Pending = {
		duration: null,
		discontinuity: false,
		programDateTimeMs: null,
		parts: [],
		map: null,
		key: null,
	};
	const seen = new Set<string>();
	for (const line of lines.slice(1)) {
		if (line.startsWith('#EXT')) {
			readTag(line, draft, pending, seen);
		} else if (line !== '' && !line.startsWith('#')) {
			draft.segments.push(finishSegment(line, pending));
		}
	}
	if (Number.isNaN(draft.targetDuration)) {
		badPlaylist('no EXT-X-TARGETDURATION');
	}
	if (pending.duration !== null) {
		badPlaylist('EXTINF without a URI');
	}
	if (pending.parts.length > 0) {
		const { discontinuity, map, key, programDateTimeMs, parts } = pending;
		draft.openSegment = { discontinuity, map, key, programDateTimeMs, parts };
	}
	return draft;
}

function finishSegment(uri: string, pending: Pending): PlaylistSegment {
	const { duration, discontinuity, programDateTimeMs, parts, map, key } = pending;
	if (duration === null) {
		badPlaylist(`segment ${JSON.stringify(uri)} without EXTINF`);
	}
	pending.duration = null;
	pending.discontinuity = false;
	pending.programDateTimeMs = null;
	pending.parts = [];
	return { uri, duration, discontinuity, map, key, programDateTimeMs, parts };
}

/** Tags that may stand in a playlist only once. */
const ONCE = new Set([
	'#EXT-X-VERSION',
	'#EXT-X-TARGETDURATION',
	'#EXT-X-MEDIA-SEQUENCE',
	'#EXT-X-DISCONTINUITY-SEQUENCE',
	'#EXT-X-PLAYLIST-TYPE',
	'#EXT-X-ENDLIST',
	'#EXT-X-PART-INF',
	'#EXT-X-SERVER-CONTROL',
	'#EXT-X-SKIP',
	'#EXT-X-INDEPENDENT-SEGMENTS',
]);

function readTag(line: string, draft: Draft, pending: Pending, seen: Set<string>): void {
	const colon = line.indexOf(':');
	const name = colon < 0 ? line : line.slice(0, colon);
	const value = colon < 0 ? '' : line.slice(colon + 1);
	if (ONCE.has(name) && seen.has(name)) {
		badPlaylist(`${name} twice`);
	}
	seen.add(name);
	switch (name) {
		case '#EXT-X-VERSION':
			draft.version = integer(value);
			break;
		case '#EXT-X-TARGETDURATION':
			draft.targetDuration = integer(value);
			break;
		case '#EXT-X-MEDIA-SEQUENCE':
			beforeSegments(name, draft);
			draft.mediaSequence = integer(value);
			break;
		case '#EXT-X-DISCONTINUITY-SEQUENCE':
			beforeSegments(name, draft);
			draft.discontinuitySequence = integer(value);
			break;
		case '#EXT-X-PLAYLIST-TYPE':
			draft.type = value === 'EVENT' || value === 'VOD' ? value : badPlaylist(`playlist type ${value}`);
			break;
		case '#EXT-X-INDEPENDENT-SEGMENTS':
			draft.independentSegments = true;
			break;
		case '#EXT-X-ENDLIST':
			draft.ended = true;
			break;
		case '#EXT-X-PART-INF':
			draft.partTarget = decimal(required(parseAttributes(value), 'PART-TARGET'));
			break;
		case '#EXT-X-SERVER-CONTROL':
			draft.serverControl = readServerControl(parseAttributes(value));
			break;
		case '#EXT-X-SKIP':
			draft.skippedSegments = integer(required(parseAttributes(value), 'SKIPPED-SEGMENTS'));
			break;
		case '#EXT-X-PRELOAD-HINT':
			draft.preloadHint = required(parseAttributes(value), 'URI');
			break;
		case '#EXT-X-RENDITION-REPORT':
			draft.renditionReports.push(readRenditionReport(parseAttributes(value)));
			break;
		default:
			readSegmentTag(name, value, pending);
	}
}

function readSegmentTag(name: string, value: string, pending: Pending): void {
	switch (name) {
		case '#EXTINF': {
			const comma = value.indexOf(',');
			pending.duration = comma < 0 ? badPlaylist('EXTINF without a comma') : decimal(value.slice(0, comma));
			break;
		}
		case '#EXT-X-DISCONTINUITY':
			pending.discontinuity = true;
			break;
		case '#EXT-X-PROGRAM-DATE-TIME': {
			const time = Date.parse(value);
			pending.programDateTimeMs = Number.isNaN(time) ? badPlaylist(`date ${value}`) : time;
			break;
		}
		case '#EXT-X-MAP':
			pending.map = required(parseAttributes(value), 'URI');
			break;
		case '#EXT-X-KEY':
			pending.key = readKey(parseAttributes(value));
			break;
		case '#EXT-X-PART': {
			const attributes = parseAttributes(value);
			pending.parts.push({
				uri: required(attributes, 'URI'),
				duration: decimal(required(attributes, 'DURATION')),
				independent: attributes.get('INDEPENDENT') === 'YES',
			});
			break;
		}
		default:
			break; // a client must ignore tags that it does not know
	}
}

function beforeSegments(name: string, draft: Draft): void {
	if (draft.segments.length > 0) {
		badPlaylist(`${name} behind a segment`);
	}
}

function readServerControl(attributes: Attributes): ServerControl {
	const optional = (name: string): number | null => {
		const value = attributes.get(name);
		return value === undefined ? null : decimal(value);
	};
	return {
		canBlockReload: attributes.get('CAN-BLOCK-RELOAD') === 'YES',
		holdBack: optional('HOLD-BACK'),
		partHoldBack: optional('PART-HOLD-BACK'),
		canSkipUntil: optional('CAN-SKIP-UNTIL'),
	};
}

function readKey(attributes: Attributes): SegmentKey | null {
	const method = required(attributes, 'METHOD');
	if (method === 'NONE') {
		return null;
	}
	const iv = attributes.get('IV');
	if (method !== 'AES-128' || (iv !== undefined && !/^0[xX][0-9A-Fa-f]{32}$/.test(iv))) {
		badPlaylist(`key of method ${method}, IV ${iv}`);
	}
	return { uri: required(attributes, 'URI'), iv: iv?.slice(2).toLowerCase() ?? null };
}

function readRenditionReport(attributes: Attributes): RenditionReport {
	const lastPart = attributes.get('LAST-PART');
	return {
		uri: required(attributes, 'URI'),
		lastMsn: integer(required(attributes, 'LAST-MSN')),
		lastPart: lastPart === undefined ? null : integer(lastPart),
	};
}
