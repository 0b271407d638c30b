// Spec: ISO/IEC 14496-15:2022 11.2.4.2 (VvcPTLRecord, VvcDecoderConfigurationRecord, the `vvcC` box)
import { BitReader } from '../../bytes/bit-reader.js';
import { BitWriter } from '../../bytes/bit-writer.js';
import { malformed, parsing } from '../malformed.js';
import { H266NalType } from './nal-type.js';
import { type H266ProfileTierLevel, parseH266Sps } from './sps.js';

/** The parts of a VVC decoder configuration that MP4 and playlists need. */
export type VvcDecoderConfig = {
	lengthSize: number;
	profileIdc: number;
	highTier: boolean;
	levelIdc: number;
	width: number;
	height: number;
	/** Whole NAL units, as copies. Encoders that repeat them in the stream may leave them out here. */
	vpsUnits: Buffer[];
	spsUnits: Buffer[];
	ppsUnits: Buffer[];
};

export const MAX_VVC_CONFIG_BYTES = 64 * 1024;

/** Throws PeerError CODEC_CONFIG, also for a record without a profile-tier-level part: it says nothing of the picture. */
export function parseVvcDecoderConfig(record: Buffer): VvcDecoderConfig {
	if (record.length > MAX_VVC_CONFIG_BYTES) {
		malformed(`vvcC of ${record.length} bytes`);
	}
	return parsing('vvcC', () => {
		const reader = new BitReader(record);
		reader.skip(5);
		const lengthSize = reader.bits(2) + 1;
		if (!reader.flag()) {
			malformed('vvcC without ptl_present_flag');
		}
		reader.skip(9); // ols_idx
		const sublayers = reader.bits(3);
		reader.skip(2 + 2 + 3 + 5); // constant_frame_rate, chroma_format_idc, bit_depth_minus8, reserved
		reader.skip(2);
		const constraintBytes = reader.bits(6);
		const profileIdc = reader.bits(7);
		const highTier = reader.flag();
		const levelIdc = reader.bits(8);
		reader.skip(constraintBytes * 8); // two flags and general_constraint_info
		if (sublayers > 1) {
			const present = reader.bits(8);
			for (let layer = sublayers - 2; layer >= 0; layer--) {
				reader.skip((present >>> (layer + 9 - sublayers)) & 1 ? 8 : 0); // sublayer_level_idc
			}
		}
		reader.skip(reader.bits(8) * 32); // general_sub_profile_idc
		const [width, height] = [reader.bits(16), reader.bits(16)]; // max_picture_width, max_picture_height
		reader.skip(Math.min(16, reader.bitsLeft)); // avg_frame_rate
		const units = readArrays(reader);
		return {
			...{ lengthSize, profileIdc, highTier, levelIdc, width, height },
			vpsUnits: units.get(H266NalType.vps) ?? [],
			spsUnits: units.get(H266NalType.sps) ?? [],
			ppsUnits: units.get(H266NalType.pps) ?? [],
		};
	});
}

/** The record for parameter sets that were found in the stream. Lengths of NAL units take `lengthSize` bytes. */
export function serializeVvcDecoderConfig(
	vpsUnits: readonly Buffer[],
	spsUnits: readonly Buffer[],
	ppsUnits: readonly Buffer[],
	lengthSize = 4,
): Buffer {
	const [firstSps] = spsUnits;
	if (firstSps === undefined || ppsUnits.length === 0) {
		malformed('H.266 stream without parameter sets');
	}
	const sps = parseH266Sps(firstSps);
	const writer = new BitWriter()
		.bits(0b11111, 5) // reserved
		.bits(lengthSize - 1, 2) // LengthSizeMinusOne
		.bits(1, 1) // ptl_present_flag
		.bits(0, 9) // ols_idx
		.bits(sps.maxSublayers, 3) // num_sublayers
		.bits(0, 2) // constant_frame_rate: unknown
		.bits(sps.chromaFormatIdc, 2)
		.bits(sps.bitDepth - 8, 3) // bit_depth_minus8
		.bits(0b11111, 5); // reserved
	writeProfileTierLevel(writer, sps.profileTierLevel);
	const arrays = [
		{ type: H266NalType.vps, units: vpsUnits },
		{ type: H266NalType.sps, units: spsUnits },
		{ type: H266NalType.pps, units: ppsUnits },
	].filter(({ units }) => units.length > 0);
	writer
		.bits(sps.width, 16) // max_picture_width
		.bits(sps.height, 16) // max_picture_height
		.bits(0, 16) // avg_frame_rate: unknown
		.bits(arrays.length, 8); // num_of_arrays
	for (const { type, units } of arrays) {
		writer.bits(1, 1).bits(0, 2).bits(type, 5).bits(units.length, 16); // array_completeness, reserved, NAL_unit_type, num_nalus
		for (const unit of units) {
			writer.bits(unit.length, 16).bytes(unit);
		}
	}
	return writer.toBuffer();
}

function writeProfileTierLevel(writer: BitWriter, level: H266ProfileTierLevel): void {
	const constraintBytes = Math.ceil((2 + level.constraintBits.length) / 8);
	const padding = constraintBytes * 8 - 2 - level.constraintBits.length;
	writer
		.bits(0, 2) // reserved
		.bits(constraintBytes, 6) // num_bytes_constraint_info
		.bits(level.profileIdc, 7)
		.flag(level.highTier)
		.bits(level.levelIdc, 8)
		.flag(level.frameOnly)
		.flag(level.multilayer);
	for (const bit of level.constraintBits) {
		writer.flag(bit === '1'); // general_constraint_info
	}
	writer.bits(0, padding);
	if (level.sublayerLevels.length > 0) {
		for (const sublayer of level.sublayerLevels) {
			writer.flag(sublayer !== null); // ptl_sublayer_level_present_flag
		}
		writer.bits(0, 8 - level.sublayerLevels.length); // ptl_reserved_zero_bit
		for (const sublayer of level.sublayerLevels) {
			writer.bits(sublayer ?? 0, sublayer === null ? 0 : 8); // sublayer_level_idc
		}
	}
	writer.bits(level.subProfiles.length, 8); // ptl_num_sub_profiles
	for (const profile of level.subProfiles) {
		writer.bits(profile, 32); // general_sub_profile_idc
	}
}

/** The parameter sets; an old record may end in front of them. */
function readArrays(reader: BitReader): Map<number, Buffer[]> {
	const units = new Map<number, Buffer[]>();
	const arrays = reader.bitsLeft < 8 ? 0 : reader.bits(8); // num_of_arrays
	for (let array = 0; array < arrays; array++) {
		reader.skip(3); // array_completeness, reserved
		const type = reader.bits(5);
		const isSingle = type === H266NalType.dci || type === H266NalType.opi;
		const count = isSingle ? 1 : reader.bits(16); // num_nalus
		const ofType = units.get(type) ?? [];
		units.set(type, ofType);
		for (let index = 0; index < count; index++) {
			const length = reader.bits(16);
			if (length < 2) {
				malformed(`vvcC NAL unit of ${length} bytes`);
			}
			ofType.push(reader.bytes(length));
		}
	}
	return units;
}
