// Spec: H.264 7.3.2.1.1 (seq_parameter_set_data), E.1.1 (vui_parameters), table E-1
import { BitReader } from '../../bytes/bit-reader.js';
import { parsing } from '../malformed.js';
import { removeEmulationPrevention } from '../nal-unit.js';
import { NO_VIDEO_USABILITY, readPictureLook, readTickRate, type VideoUsability } from '../video-usability.js';

export type H264Sps = VideoUsability & {
	/** seq_parameter_set_id. */
	id: number;
	profileIdc: number;
	/** constraint_set flags and reserved bits: the byte between profile and level. */
	constraintFlags: number;
	levelIdc: number;
	chromaFormatIdc: number;
	bitDepthLuma: number;
	bitDepthChroma: number;
	/** Cropped size in samples. */
	width: number;
	height: number;
};

/** Profiles whose SPS carries chroma format and bit depths. */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/** `nal` is a whole SPS NAL unit with its header byte. Throws PeerError CODEC_CONFIG. */
export function parseH264Sps(nal: Uint8Array): H264Sps {
	return parsing('H.264 SPS', () => readSps(new BitReader(removeEmulationPrevention(nal.subarray(1)))));
}

function readSps(reader: BitReader): H264Sps {
	const profileIdc = reader.bits(8);
	const constraintFlags = reader.bits(8);
	const levelIdc = reader.bits(8);
	const id = reader.unsignedExpGolomb();
	let chromaFormatIdc = 1;
	let bitDepthLuma = 8;
	let bitDepthChroma = 8;
	let separateColourPlanes = false;
	if (HIGH_PROFILES.has(profileIdc)) {
		chromaFormatIdc = reader.unsignedExpGolomb();
		separateColourPlanes = chromaFormatIdc === 3 && reader.flag();
		bitDepthLuma = 8 + reader.unsignedExpGolomb();
		bitDepthChroma = 8 + reader.unsignedExpGolomb();
		reader.skip(1); // qpprime_y_zero_transform_bypass_flag
		if (reader.flag()) {
			skipScalingLists(reader, chromaFormatIdc === 3 ? 12 : 8);
		}
	}
	reader.unsignedExpGolomb(); // log2_max_frame_num_minus4
	skipPictureOrderCount(reader);
	reader.unsignedExpGolomb(); // max_num_ref_frames
	reader.skip(1); // gaps_in_frame_num_value_allowed_flag
	const widthInMbs = reader.unsignedExpGolomb() + 1;
	const heightInMapUnits = reader.unsignedExpGolomb() + 1;
	const frameMbsOnly = reader.flag();
	if (!frameMbsOnly) {
		reader.skip(1); // mb_adaptive_frame_field_flag
	}
	reader.skip(1); // direct_8x8_inference_flag
	let width = widthInMbs * 16;
	let height = heightInMapUnits * 16 * (frameMbsOnly ? 1 : 2);
	if (reader.flag()) {
		const monochrome = chromaFormatIdc === 0 || separateColourPlanes;
		const unitX = monochrome || chromaFormatIdc === 3 ? 1 : 2;
		const unitY = (monochrome || chromaFormatIdc !== 1 ? 1 : 2) * (frameMbsOnly ? 1 : 2);
		width -= (reader.unsignedExpGolomb() + reader.unsignedExpGolomb()) * unitX; // left, right
		height -= (reader.unsignedExpGolomb() + reader.unsignedExpGolomb()) * unitY; // top, bottom
	}
	if (width <= 0 || height <= 0 || width > 0xffff || height > 0xffff) {
		throw new RangeError(`picture of ${width} x ${height}`);
	}
	const vui = reader.flag() ? readVui(reader) : NO_VIDEO_USABILITY;
	return {
		id,
		profileIdc,
		constraintFlags,
		levelIdc,
		chromaFormatIdc,
		bitDepthLuma,
		bitDepthChroma,
		width,
		height,
		...vui,
	};
}

function readVui(reader: BitReader): VideoUsability {
	const look = readPictureLook(reader);
	const tickRate = reader.flag() ? readTickRate(reader) : null;
	return { ...look, frameRate: tickRate === null ? null : tickRate / 2 }; // a tick is a field
}

function skipPictureOrderCount(reader: BitReader): void {
	const type = reader.unsignedExpGolomb();
	if (type === 0) {
		reader.unsignedExpGolomb(); // log2_max_pic_order_cnt_lsb_minus4
	} else if (type === 1) {
		reader.skip(1); // delta_pic_order_always_zero_flag
		reader.signedExpGolomb(); // offset_for_non_ref_pic
		reader.signedExpGolomb(); // offset_for_top_to_bottom_field
		const cycle = reader.unsignedExpGolomb();
		if (cycle > 255) {
			throw new RangeError(`num_ref_frames_in_pic_order_cnt_cycle ${cycle}`);
		}
		for (let index = 0; index < cycle; index++) {
			reader.signedExpGolomb(); // offset_for_ref_frame
		}
	}
}

function skipScalingLists(reader: BitReader, count: number): void {
	for (let list = 0; list < count; list++) {
		if (!reader.flag()) {
			continue;
		}
		let lastScale = 8;
		let nextScale = 8;
		for (let index = 0; index < (list < 6 ? 16 : 64); index++) {
			if (nextScale !== 0) {
				nextScale = (lastScale + reader.signedExpGolomb() + 256) % 256;
			}
			lastScale = nextScale === 0 ? lastScale : nextScale;
		}
	}
}
