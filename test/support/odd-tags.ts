import { writeAdtsHeader } from '#src/codec/aac/adts.js';
import { parseAudioSpecificConfig } from '#src/codec/aac/audio-specific-config.js';
import { parseAvcDecoderConfig } from '#src/codec/h264/decoder-config.js';
import { NAL_SYNTAX } from '#src/codec/nal-syntax.js';
import { listLengthPrefixed, NalList } from '#src/codec/nal-unit.js';
import { isSequenceHeader, type Tag, TagType } from '#src/tools/load/flv-scanner.js';

/** FLV tags of H.264 and AAC as ffmpeg writes them, made into what encoders were seen to send. */

const VIDEO_HEAD_BYTES = 5;
const KEY = 0x17;
const INTER = 0x27;
const EMPTY = Buffer.alloc(0);
const SLICE_TYPES = [1, 5];

/** The NAL units of the pictures are framed by start codes; the sequence header stays. */
export function asByteStream(tags: readonly Tag[]): Tag[] {
	return mapPictures(tags, (head, units) => [
		Buffer.concat([head, ...units.flatMap((unit) => [Buffer.from([0, 0, 0, 1]), unit])]),
	]);
}

/** The sequence header has no parameter sets: they are in front of every keyframe. */
export function withSetsInBandOnly(tags: readonly Tag[]): Tag[] {
	const { spsUnits, ppsUnits } = setsOf(tags);
	return mapPictures(tags, (head, units) => [
		join(head, head[0] === KEY ? [...spsUnits, ...ppsUnits, ...units] : units),
	]).map((tag) => (isAvcHeader(tag) ? { ...tag, body: bareHeader(tag.body) } : tag));
}

/** Parameter sets, delimiters and SEI come in tags of their own, marked as keyframes, ahead of their picture. */
export function withPartsApart(tags: readonly Tag[]): Tag[] {
	const { spsUnits, ppsUnits } = setsOf(tags);
	return mapPictures(tags, (head, units) => {
		const apart = units.filter((unit) => !SLICE_TYPES.includes(unit[0]! & 0x1f));
		const slices = units.filter((unit) => SLICE_TYPES.includes(unit[0]! & 0x1f));
		const delimiter = Buffer.from([9, 0xf0]);
		const ahead = head[0] === KEY ? [delimiter, ...spsUnits, ...ppsUnits, ...apart] : [delimiter, ...apart];
		const markedHead = Buffer.concat([Buffer.from([KEY]), head.subarray(1)]);
		return [...ahead.map((unit) => join(markedHead, [unit])), join(head, slices)];
	});
}

/** Empty NAL units lie around all others. */
export function withEmptyUnits(tags: readonly Tag[]): Tag[] {
	return mapPictures(tags, (head, units) => [join(head, [EMPTY, ...units.flatMap((unit) => [unit, EMPTY])])]);
}

/** All pictures have the same frame type. */
export function marked(tags: readonly Tag[], as: 'key' | 'inter'): Tag[] {
	const first = Buffer.from([as === 'key' ? KEY : INTER]);
	return mapPictures(tags, (head, units) => [join(Buffer.concat([first, head.subarray(1)]), units)]);
}

/** Every AAC frame is behind an ADTS header, and no sequence header tells of them. */
export function withAdts(tags: readonly Tag[]): Tag[] {
	const header = tags.find((tag) => tag.type === TagType.audio && isSequenceHeader(tag))!;
	const config = parseAudioSpecificConfig(header.body.subarray(2));
	return tags
		.filter((tag) => tag !== header)
		.map((tag) => {
			if (tag.type !== TagType.audio) {
				return tag;
			}
			const adts = Buffer.alloc(7);
			writeAdtsHeader(adts, 0, config, tag.body.length - 2);
			return { ...tag, body: Buffer.concat([tag.body.subarray(0, 2), adts, tag.body.subarray(2)]) };
		});
}

/** `second` follows `first` without a sequence header for the picture: its parameter sets are in front of its keyframes. */
export function changedInBand(first: readonly Tag[], second: readonly Tag[], lengthMs: number): Tag[] {
	const later = withSetsInBandOnly(second).filter((tag) => tag.type !== TagType.script && !isSequenceHeader(tag));
	return [...first.filter((tag) => tag.dtsMs < lengthMs), ...later.map((tag) => shifted(tag, lengthMs))];
}

export function shifted(tag: Tag, byMs: number): Tag {
	return { ...tag, dtsMs: tag.dtsMs + byMs };
}

function isAvcHeader(tag: Tag): boolean {
	return tag.type === TagType.video && isSequenceHeader(tag);
}

function setsOf(tags: readonly Tag[]): { spsUnits: Buffer[]; ppsUnits: Buffer[] } {
	return parseAvcDecoderConfig(tags.find(isAvcHeader)!.body.subarray(VIDEO_HEAD_BYTES));
}

/** avcC up to its number of SPS, which becomes 0, and a number of PPS of 0. */
function bareHeader(body: Buffer): Buffer {
	return Buffer.concat([body.subarray(0, VIDEO_HEAD_BYTES + 5), Buffer.from([0xe0, 0])]);
}

function mapPictures(tags: readonly Tag[], change: (head: Buffer, units: Buffer[]) => Buffer[]): Tag[] {
	const list = new NalList();
	return tags.flatMap((tag) => {
		if (tag.type !== TagType.video || isSequenceHeader(tag) || tag.body.length <= VIDEO_HEAD_BYTES) {
			return [tag];
		}
		const payload = tag.body.subarray(VIDEO_HEAD_BYTES);
		listLengthPrefixed(payload, 4, NAL_SYNTAX.h264, list);
		const units = Array.from({ length: list.count }, (_, index) =>
			payload.subarray(list.offsets[index]!, list.offsets[index]! + list.lengths[index]!),
		);
		return change(tag.body.subarray(0, VIDEO_HEAD_BYTES), units).map((body) => ({ ...tag, body }));
	});
}

function join(head: Buffer, units: readonly Buffer[]): Buffer {
	return Buffer.concat([
		head,
		...units.flatMap((unit) => {
			const length = Buffer.alloc(4);
			length.writeUInt32BE(unit.length);
			return [length, unit];
		}),
	]);
}
