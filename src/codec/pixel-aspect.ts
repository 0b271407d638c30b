// Spec: H.264 table E-1, H.265 table E.1
import type { BitReader } from '../bytes/bit-reader.js';

/** Shape of a sample: width to height. 1:1 when unknown. */
export type PixelAspect = { horizontal: number; vertical: number };

const EXTENDED_SAR = 255;

const TABLE: readonly (readonly [number, number])[] = [
	[1, 1],
	[1, 1],
	[12, 11],
	[10, 11],
	[16, 11],
	[40, 33],
	[24, 11],
	[20, 11],
	[32, 11],
	[80, 33],
	[18, 11],
	[15, 11],
	[64, 33],
	[160, 99],
	[4, 3],
	[3, 2],
	[2, 1],
];

/** Reads aspect_ratio_idc and, when extended, sar_width and sar_height. */
export function pixelAspectOf(reader: BitReader): PixelAspect {
	const idc = reader.bits(8);
	const [horizontal, vertical] = idc === EXTENDED_SAR ? [reader.bits(16), reader.bits(16)] : (TABLE[idc] ?? [1, 1]);
	return horizontal > 0 && vertical > 0 ? { horizontal, vertical } : { horizontal: 1, vertical: 1 };
}
