// Spec: ISO/IEC 14496-15 5.3.3.1 (AVCDecoderConfigurationRecord, the `avcC` box and the FLV sequence header)
import { malformed } from '../malformed.js';
import { readLength } from '../nal-unit.js';
import { parseH264Sps } from './sps.js';

export type AvcDecoderConfig = {
	profileIdc: number;
	constraintFlags: number;
	levelIdc: number;
	/** Bytes of each NAL unit's length: 1, 2 or 4. */
	lengthSize: number;
	/** Whole NAL units, as views into the record. Encoders that repeat them in the stream may leave them out here. */
	spsUnits: Buffer[];
	ppsUnits: Buffer[];
};

/** Enough for five bits of SPS count and eight of PPS count; a record is small. */
export const MAX_AVC_CONFIG_BYTES = 64 * 1024;

/** `record` is borrowed: the units are views into it. Throws PeerError CODEC_CONFIG. */
export function parseAvcDecoderConfig(record: Buffer): AvcDecoderConfig {
	if (record.length < 7 || record.length > MAX_AVC_CONFIG_BYTES || record[0] !== 1) {
		malformed(`avcC of ${record.length} bytes, version ${record[0]}`);
	}
	const lengthSize = (record[4]! & 3) + 1;
	if (lengthSize === 3) {
		malformed('avcC lengthSizeMinusOne 2');
	}
	const sps = readUnits(record, 6, record[5]! & 0x1f);
	if (sps.end >= record.length) {
		malformed('avcC ends before its picture parameter sets');
	}
	const pps = readUnits(record, sps.end + 1, record[sps.end]!);
	return {
		profileIdc: record[1]!,
		constraintFlags: record[2]!,
		levelIdc: record[3]!,
		lengthSize,
		spsUnits: sps.units,
		ppsUnits: pps.units,
	};
}

/** The record for parameter sets that were found in the stream. Lengths of NAL units take `lengthSize` bytes. */
export function serializeAvcDecoderConfig(
	spsUnits: readonly Buffer[],
	ppsUnits: readonly Buffer[],
	lengthSize = 4,
): Buffer {
	const firstSps = spsUnits[0];
	if (firstSps === undefined || ppsUnits.length === 0) {
		malformed('H.264 stream without parameter sets');
	}
	const sps = parseH264Sps(firstSps);
	const parts: Buffer[] = [
		Buffer.from([
			1, // configurationVersion
			sps.profileIdc, // AVCProfileIndication
			sps.constraintFlags, // profile_compatibility
			sps.levelIdc, // AVCLevelIndication
			0xfc | (lengthSize - 1), // reserved, lengthSizeMinusOne
			0xe0 | spsUnits.length, // reserved, numOfSequenceParameterSets
		]),
		...spsUnits.flatMap(lengthPrefixed),
		Buffer.from([ppsUnits.length]), // numOfPictureParameterSets
		...ppsUnits.flatMap(lengthPrefixed),
	];
	if ([100, 110, 122, 144].includes(sps.profileIdc)) {
		parts.push(
			Buffer.from([
				0xfc | sps.chromaFormatIdc, // chroma_format
				0xf8 | (sps.bitDepthLuma - 8), // bit_depth_luma_minus8
				0xf8 | (sps.bitDepthChroma - 8), // bit_depth_chroma_minus8
				0, // numOfSequenceParameterSetExt
			]),
		);
	}
	return Buffer.concat(parts);
}

function readUnits(record: Buffer, from: number, count: number): { units: Buffer[]; end: number } {
	const units: Buffer[] = [];
	let at = from;
	for (let index = 0; index < count; index++) {
		if (at + 2 > record.length) {
			malformed('avcC ends within a parameter set');
		}
		const length = readLength(record, at, 2);
		at += 2;
		if (length === 0 || at + length > record.length) {
			malformed(`avcC parameter set of ${length} bytes`);
		}
		units.push(record.subarray(at, at + length));
		at += length;
	}
	return { units, end: at };
}

function lengthPrefixed(unit: Buffer): Buffer[] {
	const length = Buffer.alloc(2);
	length.writeUInt16BE(unit.length);
	return [length, unit];
}
