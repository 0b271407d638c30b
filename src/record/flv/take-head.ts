// Spec: Adobe Flash Video File Format 10.1, E.5 (onMetaData); Action Message Format AMF 0, section 2.
//
// The head of a take, and the bytes of it that are patched when it ends. All bytes are valid FLV and AMF0 at any moment:
//
//    0  file header 9, PreviousTagSize0 4
//   13  tag header 11
//   24  "onMetaData" 13, ECMA array marker and count 5
//   42  duration 19, filesize 19, creationdate 41      <- numbers patched in place; filesize stays 0 until the take is finished
//       metadatacreator, then the publisher's metadata
//    E  object end 3
//  E+3  INDEX_ROOM bytes of zeros: AMF0 numbers of value 0, nine bytes each
//       PreviousTagSize 4, then the media
//
// At the end `hasKeyframes`, `keyframes` and another object end are written, first without their first three bytes to E+3, where
// nobody looks; then those three replace the object end at E in one write. The rest of the room stays a row of numbers.

import { type AmfObject, type AmfValue, amfEntries, amfString } from '../../codec/amf-value.js';
import { parseScriptValues, serializeAmf0 } from '../../codec/amf0.js';
import {
	FILE_HEADER_BYTES,
	PREVIOUS_TAG_SIZE_BYTES,
	parseTagHeader,
	TAG_HEADER_BYTES,
	TagType,
} from '../../container/flv/tag.js';
import { buildFileHeader, buildTag } from '../../container/flv/writer.js';
import { type KeyframeIndex, MAX_SEEK_POINTS } from './keyframe-index.js';

const BODY_OFFSET = FILE_HEADER_BYTES + PREVIOUS_TAG_SIZE_BYTES + TAG_HEADER_BYTES;
const NAME_BYTES = 13;
const ARRAY_HEADER_BYTES = 5;
const NUMBER_BYTES = 9;
const OBJECT_END = Buffer.from([0, 0, 9]);

/** Offset of the ECMA array's count in the file. */
const COUNT_OFFSET = BODY_OFFSET + NAME_BYTES + 1;
const DURATION_OFFSET = BODY_OFFSET + NAME_BYTES + ARRAY_HEADER_BYTES;
const CREATOR = 'Millrace';
/** Keys that only we may set. */
const OWN_KEYS = new Set([
	...['duration', 'filesize', 'creationdate', 'metadatacreator', 'hasKeyframes', 'keyframes'],
	...['lasttimestamp', 'lastkeyframetimestamp', 'lastkeyframelocation', 'canSeekToEnd'],
]);
/** The publisher's metadata is left out when it is longer than this. */
const MAX_SOURCE_METADATA_BYTES = 8192;

/**
 * The size of an index without its numbers, and without the object end that it replaces. It is a multiple of nine, and
 * so is the rest of the room.
 */
const INDEX_FRAME_BYTES = 63;
const INDEX_ROOM = INDEX_FRAME_BYTES + 2 * NUMBER_BYTES * MAX_SEEK_POINTS;

/** A head is never longer than this. */
export const MAX_HEAD_BYTES = INDEX_ROOM + MAX_SOURCE_METADATA_BYTES + 1024;

export type TakeHead = {
	/** Milliseconds since 1970. */
	startedAtMs: number;
	/** The take ended properly, or has been recovered. */
	finished: boolean;
	/** Properties of onMetaData. */
	propertyCount: number;
	/** Offset of the object end that an index replaces; null when there is an index already. */
	indexOffset: number | null;
	/** Offset of the first tag behind the head. */
	mediaOffset: number;
};

/** One write into a file. */
export type Patch = { offset: number; bytes: Buffer };

/** File header and metadata of a new take. `source` is the body of the publisher's onMetaData, if there is one. */
export function buildTakeHead(
	hasAudio: boolean,
	hasVideo: boolean,
	startedAtMs: number,
	source: Uint8Array | null,
): Buffer {
	const properties = new Map<string, AmfValue>([
		['duration', 0],
		['filesize', 0],
		['creationdate', new Date(startedAtMs).toISOString()],
		['metadatacreator', CREATOR],
		...(source === null ? [] : publisherProperties(source)),
	]);
	const body = Buffer.concat([serializeAmf0('onMetaData', properties), Buffer.alloc(INDEX_ROOM)]);
	return Buffer.concat([buildFileHeader(hasAudio, hasVideo), buildTag(TagType.script, 0, body)]);
}

/** The head of a take of ours, from the first MAX_HEAD_BYTES of a file; null of any other file. */
export function parseTakeHead(bytes: Buffer): TakeHead | null {
	if (bytes.length < BODY_OFFSET || bytes.toString('latin1', 0, 3) !== 'FLV') {
		return null;
	}
	const { tagType, dataSize } = parseTagHeader(bytes, BODY_OFFSET - TAG_HEADER_BYTES);
	const end = BODY_OFFSET + dataSize;
	if (tagType !== TagType.script || dataSize < INDEX_ROOM || end + PREVIOUS_TAG_SIZE_BYTES > bytes.length) {
		return null;
	}
	const [name, properties] = parseScriptValues(bytes.subarray(BODY_OFFSET, end));
	if (name !== 'onMetaData' || !(properties instanceof Map) || properties.get('metadatacreator') !== CREATOR) {
		return null;
	}
	const created = Date.parse(amfString(properties.get('creationdate')) ?? '');
	const indexOffset = end - INDEX_ROOM - OBJECT_END.length;
	return {
		startedAtMs: Number.isNaN(created) ? 0 : created,
		finished: properties.get('filesize') !== 0,
		propertyCount: properties.size,
		indexOffset: OBJECT_END.equals(bytes.subarray(indexOffset, indexOffset + OBJECT_END.length)) ? indexOffset : null,
		mediaOffset: end + PREVIOUS_TAG_SIZE_BYTES,
	};
}

/** The writes that finish a take, in order; the file is valid before and after each. The last one makes it `finished`. */
export function finishingPatches(head: TakeHead, durationMs: number, fileSize: number, index: KeyframeIndex): Patch[] {
	const { indexOffset, propertyCount } = head;
	const figures = innerBytes({ duration: durationMs / 1000, filesize: fileSize });
	const last = { offset: DURATION_OFFSET, bytes: figures.subarray(0, -OBJECT_END.length) };
	if (indexOffset === null || index.timesMs.length === 0) {
		return [last];
	}
	const shown = OBJECT_END.length;
	const bytes = innerBytes({
		hasKeyframes: true,
		keyframes: { times: index.timesMs.map((timeMs) => timeMs / 1000), filepositions: [...index.positions] },
	});
	const count = Buffer.alloc(4);
	count.writeUInt32BE(propertyCount + 2);
	return [
		{ offset: indexOffset + shown, bytes: bytes.subarray(shown) },
		{ offset: indexOffset, bytes: bytes.subarray(0, shown) },
		{ offset: COUNT_OFFSET, bytes: count },
		last,
	];
}

/** Properties and object end, as they stand in an object or an ECMA array. */
function innerBytes(properties: AmfObject): Buffer {
	return serializeAmf0(properties).subarray(1);
}

function publisherProperties(body: Uint8Array): [string, AmfValue][] {
	const [, properties] = parseScriptValues(body);
	const entries = amfEntries(properties).filter(([key, value]) => !OWN_KEYS.has(key) && isLeaf(value));
	return serializeAmf0(new Map(entries)).length > MAX_SOURCE_METADATA_BYTES ? [] : entries;
}

function isLeaf(value: AmfValue): boolean {
	return typeof value !== 'object' || value === null;
}
