// Spec: H.264 E.1.1, H.265 E.2.1 (vui_parameters, the part that both have in common)
import type { BitReader } from '../bytes/bit-reader.js';
import type { Colour } from './colour.js';
import { type PixelAspect, pixelAspectOf } from './pixel-aspect.js';

/** The facts in a bitstream about how its pictures are shown. */
export type VideoUsability = {
	pixelAspect: PixelAspect;
	colour: Colour | null;
	/** Frames per second as declared, or null. */
	frameRate: number | null;
};

/** The value for a stream that states nothing. */
export const NO_VIDEO_USABILITY: VideoUsability = {
	pixelAspect: { horizontal: 1, vertical: 1 },
	colour: null,
	frameRate: null,
};

/** The beginning of vui_parameters, from aspect_ratio_info_present_flag to the chroma sample locations. */
export function readPictureLook(reader: BitReader): Pick<VideoUsability, 'pixelAspect' | 'colour'> {
	const pixelAspect = reader.flag() ? pixelAspectOf(reader) : NO_VIDEO_USABILITY.pixelAspect;
	if (reader.flag()) {
		reader.skip(1); // overscan_appropriate_flag
	}
	let colour: Colour | null = null;
	if (reader.flag()) {
		reader.skip(3); // video_format
		const fullRange = reader.flag();
		colour = { primaries: 2, transfer: 2, matrix: 2, fullRange };
		if (reader.flag()) {
			colour = { primaries: reader.bits(8), transfer: reader.bits(8), matrix: reader.bits(8), fullRange };
		}
	}
	if (reader.flag()) {
		reader.unsignedExpGolomb(); // chroma_sample_loc_type_top_field
		reader.unsignedExpGolomb(); // chroma_sample_loc_type_bottom_field
	}
	return { pixelAspect, colour };
}

/** num_units_in_tick and time_scale: ticks per second; null when they make no sense. */
export function readTickRate(reader: BitReader): number | null {
	const unitsInTick = reader.bits(32);
	const timeScale = reader.bits(32);
	return unitsInTick > 0 && timeScale > 0 ? timeScale / unitsInTick : null;
}
