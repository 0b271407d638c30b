// Spec: Adobe Flash Video File Format 10.1, E.5 (onMetaData).

import { AMF_LIMITS, type AmfValue, amfEntries, amfNumber } from '../../codec/amf-value.js';
import { parseAmf0, serializeAmf0 } from '../../codec/amf0.js';
import { peerErrorOf } from '../../errors.js';

/** The publisher's word on what it will send: a hint, no promise. Null where it says nothing. */
export type MetadataHints = { hasAudio: boolean | null; hasVideo: boolean | null };

const AUDIO_KEYS = ['audiocodecid', 'audiodatarate', 'audiosamplerate', 'audiosamplesize', 'audiochannels', 'stereo'];
const VIDEO_KEYS = ['videocodecid', 'videodatarate', 'width', 'height', 'framerate', 'fps'];

/** Metadata larger than this is made smaller for a live stream. A file's index of keyframes takes megabytes. */
export const MAX_LIVE_METADATA_BYTES = 8192;
/** Keys that describe a file as a whole and are untrue of a live stream. */
const FILE_KEYS: ReadonlySet<string> = new Set([
	'keyframes',
	'duration',
	'filesize',
	'lasttimestamp',
	'lastkeyframetimestamp',
]);

/** Reads the hints of an onMetaData tag body. Metadata that cannot be parsed says nothing. */
export function metadataHints(body: Uint8Array): MetadataHints {
	const values = parse(body);
	const entries = amfEntries(values?.[1]);
	if (entries.length === 0) {
		return { hasAudio: null, hasVideo: null };
	}
	const properties = new Map(entries.map(([key, value]) => [key.toLowerCase(), value]));
	const hasAudio = announces(properties, 'hasaudio', AUDIO_KEYS);
	const hasVideo = announces(properties, 'hasvideo', VIDEO_KEYS);
	// Metadata with neither describes something else (a title, an encoder's name).
	return hasAudio || hasVideo ? { hasAudio, hasVideo } : { hasAudio: null, hasVideo: null };
}

/**
 * The onMetaData body as a live stream keeps it: as it came, unless it carries the keyframe index of a file or is larger than
 * MAX_LIVE_METADATA_BYTES; then with its plain properties only. Null when even those are too large or it cannot be parsed.
 */
export function liveMetadata(body: Uint8Array): Uint8Array | null {
	const values = parse(body);
	const entries = amfEntries(values?.[1]);
	const isOfFile = entries.some(([key]) => key === 'keyframes');
	if (!isOfFile && body.length <= MAX_LIVE_METADATA_BYTES) {
		return body;
	}
	const plain = entries.filter(([key, value]) => !FILE_KEYS.has(key) && isPlain(value));
	const rewritten = serializeAmf0('onMetaData', new Map(plain));
	return plain.length === 0 || rewritten.length > MAX_LIVE_METADATA_BYTES ? null : rewritten;
}

function announces(properties: ReadonlyMap<string, AmfValue>, flag: string, keys: readonly string[]): boolean {
	const said = properties.get(flag);
	return typeof said === 'boolean' ? said : keys.some((key) => isGiven(properties.get(key)));
}

function isGiven(value: AmfValue): boolean {
	return (amfNumber(value) ?? 0) > 0 || (typeof value === 'string' && value !== '') || value === true;
}

function isPlain(value: AmfValue): boolean {
	return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string';
}

function parse(body: Uint8Array): AmfValue[] | null {
	if (body.length > AMF_LIMITS.maxBytes) {
		return null;
	}
	try {
		return parseAmf0(body);
	} catch (error) {
		peerErrorOf(error);
		return null;
	}
}
