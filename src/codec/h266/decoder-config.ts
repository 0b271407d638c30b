// Spec: ISO/IEC 14496-15:2022 11.2.4.2 (VvcDecoderConfigurationRecord, the `vvcC` box)
import { BitReader } from '../../bytes/bit-reader.js';
import { malformed, parsing } from '../malformed.js';

/** The facts of a VVC stream that MP4 and playlists need. The record itself is passed through. */
export type VvcDecoderConfig = {
	lengthSize: number;
	profileIdc: number;
	highTier: boolean;
	levelIdc: number;
	width: number;
	height: number;
};

/** Throws PeerError CODEC_CONFIG, also for a record without a profile-tier-level part: it says nothing of the picture. */
export function parseVvcDecoderConfig(record: Buffer): VvcDecoderConfig {
	return parsing('vvcC', () => {
		const reader = new BitReader(record);
		reader.skip(5);
		const lengthSize = reader.bits(2) + 1;
		if (!reader.flag()) {
			malformed('vvcC without ptl_present_flag');
		}
		reader.skip(9); // ols_idx
		const subLayers = reader.bits(3);
		reader.skip(2 + 2 + 3 + 5); // constant_frame_rate, chroma_format_idc, bit_depth_minus8, reserved
		reader.skip(2);
		const constraintBytes = reader.bits(6);
		const profileIdc = reader.bits(7);
		const highTier = reader.flag();
		const levelIdc = reader.bits(8);
		reader.skip(constraintBytes * 8); // two flags and general_constraint_info
		if (subLayers > 1) {
			const present = reader.bits(8);
			for (let layer = subLayers - 2; layer >= 0; layer--) {
				reader.skip((present >>> (layer + 9 - subLayers)) & 1 ? 8 : 0); // sublayer_level_idc
			}
		}
		reader.skip(reader.bits(8) * 32); // general_sub_profile_idc
		return { lengthSize, profileIdc, highTier, levelIdc, width: reader.bits(16), height: reader.bits(16) };
	});
}
