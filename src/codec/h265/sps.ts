// Spec: H.265 7.3.2.2 (seq_parameter_set_rbsp), 7.3.3 (profile_tier_level), 7.3.7 (st_ref_pic_set), E.2.1 (vui_parameters)
import { BitReader } from '../../bytes/bit-reader.js';
import { parsing } from '../malformed.js';
import { removeEmulationPrevention } from '../nal-unit.js';
import { NO_VIDEO_USABILITY, readPictureLook, readTickRate, type VideoUsability } from '../video-usability.js';

/** general_ fields of profile_tier_level: 12 bytes that hvcC repeats. */
export type H265ProfileTierLevel = {
	profileSpace: number;
	highTier: boolean;
	profileIdc: number;
	/** 32 flags, profile 0 in the most significant bit. */
	compatibilityFlags: number;
	/** 48 bits: progressive, interlaced, non-packed, frame-only, and so on. */
	constraintFlags: Buffer;
	levelIdc: number;
};

export type H265Sps = Vui & {
	/** sps_seq_parameter_set_id. */
	id: number;
	profileTierLevel: H265ProfileTierLevel;
	maxSubLayers: number;
	temporalIdNesting: boolean;
	chromaFormatIdc: number;
	bitDepthLuma: number;
	bitDepthChroma: number;
	/** Size within the conformance window, in samples. */
	width: number;
	height: number;
};

type Vui = VideoUsability & {
	/** min_spatial_segmentation_idc, 0 when unknown. */
	minSpatialSegmentation: number;
};

const MAX_SUB_LAYERS = 7;
const MAX_SHORT_TERM_SETS = 64;
const MAX_LONG_TERM_PICTURES = 32;
const MAX_DELTA_POCS = 16;

/** `nal` is a whole SPS NAL unit with its two header bytes. Throws PeerError CODEC_CONFIG. */
export function parseH265Sps(nal: Uint8Array): H265Sps {
	return parsing('H.265 SPS', () => readSps(new BitReader(removeEmulationPrevention(nal.subarray(2)))));
}

function readSps(reader: BitReader): H265Sps {
	reader.skip(4); // sps_video_parameter_set_id
	const maxSubLayers = reader.bits(3) + 1;
	if (maxSubLayers > MAX_SUB_LAYERS) {
		throw new RangeError(`sps_max_sub_layers ${maxSubLayers}`);
	}
	const temporalIdNesting = reader.flag();
	const profileTierLevel = readProfileTierLevel(reader, maxSubLayers);
	const id = reader.unsignedExpGolomb();
	const chromaFormatIdc = reader.unsignedExpGolomb();
	const separateColourPlanes = chromaFormatIdc === 3 && reader.flag();
	let width = reader.unsignedExpGolomb();
	let height = reader.unsignedExpGolomb();
	if (reader.flag()) {
		const subsampled = !separateColourPlanes;
		const unitX = subsampled && (chromaFormatIdc === 1 || chromaFormatIdc === 2) ? 2 : 1;
		const unitY = subsampled && chromaFormatIdc === 1 ? 2 : 1;
		width -= (reader.unsignedExpGolomb() + reader.unsignedExpGolomb()) * unitX; // left, right
		height -= (reader.unsignedExpGolomb() + reader.unsignedExpGolomb()) * unitY; // top, bottom
	}
	if (width <= 0 || height <= 0 || width > 0xffff || height > 0xffff) {
		throw new RangeError(`picture of ${width} x ${height}`);
	}
	const bitDepthLuma = 8 + reader.unsignedExpGolomb();
	const bitDepthChroma = 8 + reader.unsignedExpGolomb();
	skipToVui(reader, maxSubLayers);
	const vui = reader.flag() ? readVui(reader) : NO_VUI;
	return {
		id,
		profileTierLevel,
		maxSubLayers,
		temporalIdNesting,
		chromaFormatIdc,
		bitDepthLuma,
		bitDepthChroma,
		width,
		height,
		...vui,
	};
}

function readProfileTierLevel(reader: BitReader, maxSubLayers: number): H265ProfileTierLevel {
	const profileSpace = reader.bits(2);
	const highTier = reader.flag();
	const profileIdc = reader.bits(5);
	const compatibilityFlags = reader.bits(32);
	const constraintFlags = Buffer.alloc(6);
	constraintFlags.writeUIntBE(reader.bits(48), 0, 6);
	const levelIdc = reader.bits(8);
	const present: { profile: boolean; level: boolean }[] = [];
	for (let layer = 0; layer < maxSubLayers - 1; layer++) {
		present.push({ profile: reader.flag(), level: reader.flag() });
	}
	if (maxSubLayers > 1) {
		reader.skip((8 - (maxSubLayers - 1)) * 2); // reserved_zero_2bits
	}
	for (const { profile, level } of present) {
		reader.skip((profile ? 88 : 0) + (level ? 8 : 0));
	}
	return { profileSpace, highTier, profileIdc, compatibilityFlags, constraintFlags, levelIdc };
}

function skipToVui(reader: BitReader, maxSubLayers: number): void {
	const pocBits = reader.unsignedExpGolomb() + 4; // log2_max_pic_order_cnt_lsb_minus4
	const orderingForAll = reader.flag();
	for (let layer = orderingForAll ? 0 : maxSubLayers - 1; layer < maxSubLayers; layer++) {
		reader.unsignedExpGolomb(); // sps_max_dec_pic_buffering_minus1
		reader.unsignedExpGolomb(); // sps_max_num_reorder_pics
		reader.unsignedExpGolomb(); // sps_max_latency_increase_plus1
	}
	for (let field = 0; field < 6; field++) {
		reader.unsignedExpGolomb(); // coding block and transform block sizes and hierarchy depths
	}
	if (reader.flag() && reader.flag()) {
		skipScalingListData(reader);
	}
	reader.skip(2); // amp_enabled_flag, sample_adaptive_offset_enabled_flag
	if (reader.flag()) {
		reader.skip(8); // pcm_sample_bit_depth_luma_minus1, ..._chroma_minus1
		reader.unsignedExpGolomb(); // log2_min_pcm_luma_coding_block_size_minus3
		reader.unsignedExpGolomb(); // log2_diff_max_min_pcm_luma_coding_block_size
		reader.skip(1); // pcm_loop_filter_disabled_flag
	}
	skipShortTermReferenceSets(reader);
	if (reader.flag()) {
		const count = reader.unsignedExpGolomb();
		if (count > MAX_LONG_TERM_PICTURES) {
			throw new RangeError(`num_long_term_ref_pics_sps ${count}`);
		}
		reader.skip(count * (pocBits + 1)); // lt_ref_pic_poc_lsb_sps, used_by_curr_pic_lt_sps_flag
	}
	reader.skip(2); // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
}

function skipScalingListData(reader: BitReader): void {
	for (let sizeId = 0; sizeId < 4; sizeId++) {
		for (let matrixId = 0; matrixId < 6; matrixId += sizeId === 3 ? 3 : 1) {
			if (!reader.flag()) {
				reader.unsignedExpGolomb(); // scaling_list_pred_matrix_id_delta
				continue;
			}
			if (sizeId > 1) {
				reader.signedExpGolomb(); // scaling_list_dc_coef_minus8
			}
			for (let index = 0; index < Math.min(64, 1 << (4 + (sizeId << 1))); index++) {
				reader.signedExpGolomb(); // scaling_list_delta_coef
			}
		}
	}
}

function skipShortTermReferenceSets(reader: BitReader): void {
	const count = reader.unsignedExpGolomb();
	if (count > MAX_SHORT_TERM_SETS) {
		throw new RangeError(`num_short_term_ref_pic_sets ${count}`);
	}
	let deltaPocs = 0; // NumDeltaPocs of the set before
	for (let set = 0; set < count; set++) {
		if (set > 0 && reader.flag()) {
			reader.skip(1); // delta_rps_sign
			reader.unsignedExpGolomb(); // abs_delta_rps_minus1
			let kept = 0;
			for (let index = 0; index <= deltaPocs; index++) {
				const used = reader.flag();
				if (used || reader.flag()) {
					kept++;
				}
			}
			deltaPocs = kept;
		} else {
			const pictures = reader.unsignedExpGolomb() + reader.unsignedExpGolomb(); // negative, positive
			if (pictures > MAX_DELTA_POCS * 2) {
				throw new RangeError(`short-term reference set of ${pictures} pictures`);
			}
			for (let index = 0; index < pictures; index++) {
				reader.unsignedExpGolomb(); // delta_poc_minus1
				reader.skip(1); // used_by_curr_pic_flag
			}
			deltaPocs = pictures;
		}
	}
}

const NO_VUI: Vui = { ...NO_VIDEO_USABILITY, minSpatialSegmentation: 0 };

function readVui(reader: BitReader): Vui {
	const look = readPictureLook(reader);
	reader.skip(3); // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
	if (reader.flag()) {
		for (let side = 0; side < 4; side++) {
			reader.unsignedExpGolomb(); // default display window offsets
		}
	}
	let frameRate: number | null = null;
	if (reader.flag()) {
		frameRate = readTickRate(reader);
		if (reader.flag()) {
			reader.unsignedExpGolomb(); // vui_num_ticks_poc_diff_one_minus1
		}
		if (reader.flag()) {
			// hrd_parameters: nothing behind it is worth its length.
			return { ...look, frameRate, minSpatialSegmentation: 0 };
		}
	}
	let minSpatialSegmentation = 0;
	if (reader.flag()) {
		reader.skip(3); // tiles_fixed_structure_flag, motion_vectors_over_pic_boundaries_flag, restricted_ref_pic_lists_flag
		minSpatialSegmentation = reader.unsignedExpGolomb();
	}
	return { ...look, frameRate, minSpatialSegmentation };
}
