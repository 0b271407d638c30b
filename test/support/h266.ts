import { BitWriter } from '#src/bytes/bit-writer.js';

/** An SPS of H.266 (Main 10, level 3.1) for pictures of so many samples, with the NAL unit's header. No encoder made it. */
export function buildH266Sps(width: number, height: number): Buffer {
	const writer = new BitWriter()
		.bits(0x0079, 16) // layer 0, SPS, temporal id 0
		.bits(0, 4) // sps_seq_parameter_set_id
		.bits(0, 4) // sps_video_parameter_set_id
		.bits(0, 3) // sps_max_sublayers_minus1
		.bits(1, 2) // sps_chroma_format_idc: 4:2:0
		.bits(2, 2) // sps_log2_ctu_size_minus5
		.bits(1, 1) // sps_ptl_dpb_hrd_params_present_flag
		.bits(1, 7) // general_profile_idc: Main 10
		.bits(0, 1) // general_tier_flag
		.bits(51, 8) // general_level_idc: 3.1
		.bits(1, 1) // ptl_frame_only_constraint_flag
		.bits(0, 1) // ptl_multilayer_enabled_flag
		.bits(0, 1) // gci_present_flag
		.alignToByte()
		.bits(0, 8) // ptl_num_sub_profiles
		.bits(0, 1) // sps_gdr_enabled_flag
		.bits(0, 1); // sps_ref_pic_resampling_enabled_flag
	expGolomb(writer, width); // sps_pic_width_max_in_luma_samples
	expGolomb(writer, height); // sps_pic_height_max_in_luma_samples
	writer.bits(0, 1).bits(0, 1); // sps_conformance_window_flag, sps_subpic_info_present_flag
	expGolomb(writer, 2); // sps_bitdepth_minus8
	return writer.bits(1, 1).toBuffer();
}

function expGolomb(writer: BitWriter, value: number): void {
	const bits = Math.floor(Math.log2(value + 1));
	writer.bits(0, bits).bits(value + 1, bits + 1);
}
