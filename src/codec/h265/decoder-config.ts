// Spec: ISO/IEC 14496-15 8.3.3.1 (HEVCDecoderConfigurationRecord, the `hvcC` box and the FLV sequence header)
import { malformed } from '../malformed.js';
import { readLength } from '../nal-unit.js';
import { H265NalType } from './nal-type.js';
import { type H265ProfileTierLevel, parseH265Sps } from './sps.js';

export type HevcDecoderConfig = {
	profileTierLevel: H265ProfileTierLevel;
	/** Bytes of each NAL unit's length: 1, 2 or 4. */
	lengthSize: number;
	/** Whole NAL units. Views into the record. */
	vpsUnits: Buffer[];
	spsUnits: Buffer[];
	ppsUnits: Buffer[];
};

export const MAX_HEVC_CONFIG_BYTES = 64 * 1024;
const FIXED_BYTES = 23;

/** `record` is borrowed: the units are views into it. Arrays of other NAL types are passed over. Throws PeerError CODEC_CONFIG. */
export function parseHevcDecoderConfig(record: Buffer): HevcDecoderConfig {
	// Some encoders leave configurationVersion 0; the layout is the same.
	if (record.length < FIXED_BYTES || record.length > MAX_HEVC_CONFIG_BYTES || record[0]! > 1) {
		malformed(`hvcC of ${record.length} bytes, version ${record[0]}`);
	}
	const lengthSize = (record[21]! & 3) + 1;
	if (lengthSize === 3) {
		malformed('hvcC lengthSizeMinusOne 2');
	}
	const units = new Map<number, Buffer[]>();
	let at = FIXED_BYTES;
	for (let array = 0; array < record[22]!; array++) {
		if (at + 3 > record.length) {
			malformed('hvcC ends within an array');
		}
		const type = record[at]! & 0x3f;
		const count = readLength(record, at + 1, 2);
		at += 3;
		const ofType = units.get(type) ?? [];
		units.set(type, ofType);
		for (let index = 0; index < count; index++) {
			if (at + 2 > record.length) {
				malformed('hvcC ends within a NAL unit');
			}
			const length = readLength(record, at, 2);
			at += 2;
			if (length < 2 || at + length > record.length) {
				malformed(`hvcC NAL unit of ${length} bytes`);
			}
			ofType.push(record.subarray(at, at + length));
			at += length;
		}
	}
	return {
		profileTierLevel: {
			profileSpace: record[1]! >>> 6,
			highTier: (record[1]! & 0x20) !== 0,
			profileIdc: record[1]! & 0x1f,
			compatibilityFlags: record.readUInt32BE(2),
			constraintFlags: Buffer.from(record.subarray(6, 12)),
			levelIdc: record[12]!,
		},
		lengthSize,
		vpsUnits: units.get(H265NalType.vps) ?? [],
		spsUnits: units.get(H265NalType.sps) ?? [],
		ppsUnits: units.get(H265NalType.pps) ?? [],
	};
}

/** The record for parameter sets that were found in the stream. Lengths of NAL units take `lengthSize` bytes. */
export function serializeHevcDecoderConfig(
	vpsUnits: readonly Buffer[],
	spsUnits: readonly Buffer[],
	ppsUnits: readonly Buffer[],
	lengthSize = 4,
): Buffer {
	const firstSps = spsUnits[0];
	if (firstSps === undefined || ppsUnits.length === 0) {
		malformed('H.265 stream without parameter sets');
	}
	const sps = parseH265Sps(firstSps);
	const { profileTierLevel } = sps;
	const fixed = Buffer.alloc(FIXED_BYTES);
	fixed[0] = 1; // configurationVersion
	fixed[1] =
		(profileTierLevel.profileSpace << 6) | (profileTierLevel.highTier ? 0x20 : 0) | profileTierLevel.profileIdc;
	fixed.writeUInt32BE(profileTierLevel.compatibilityFlags, 2);
	fixed.set(profileTierLevel.constraintFlags, 6); // general_constraint_indicator_flags
	fixed[12] = profileTierLevel.levelIdc;
	fixed.writeUInt16BE(0xf000 | sps.minSpatialSegmentation, 13); // reserved, min_spatial_segmentation_idc
	fixed[15] = 0xfc; // reserved, parallelismType = unknown
	fixed[16] = 0xfc | sps.chromaFormatIdc;
	fixed[17] = 0xf8 | (sps.bitDepthLuma - 8);
	fixed[18] = 0xf8 | (sps.bitDepthChroma - 8);
	fixed.writeUInt16BE(0, 19); // avgFrameRate: unspecified
	// constantFrameRate = 0, numTemporalLayers, temporalIdNested, lengthSizeMinusOne
	fixed[21] = (sps.maxSubLayers << 3) | (sps.temporalIdNesting ? 4 : 0) | (lengthSize - 1);
	const arrays = [
		{ type: H265NalType.vps, units: vpsUnits },
		{ type: H265NalType.sps, units: spsUnits },
		{ type: H265NalType.pps, units: ppsUnits },
	].filter(({ units }) => units.length > 0);
	fixed[22] = arrays.length; // numOfArrays
	return Buffer.concat([fixed, ...arrays.flatMap(({ type, units }) => serializeArray(type, units))]);
}

function serializeArray(type: number, units: readonly Buffer[]): Buffer[] {
	const head = Buffer.alloc(3);
	head[0] = 0x80 | type; // array_completeness, NAL_unit_type
	head.writeUInt16BE(units.length, 1); // numNalus
	return [
		head,
		...units.flatMap((unit) => {
			const length = Buffer.alloc(2);
			length.writeUInt16BE(unit.length);
			return [length, unit];
		}),
	];
}
