import { H264_NAL_SYNTAX } from './h264/nal-type.js';
import { H265_NAL_SYNTAX } from './h265/nal-type.js';
import { H266_NAL_SYNTAX } from './h266/nal-type.js';
import type { NalSyntax } from './nal-kind.js';

/** Codecs whose frames are NAL units. */
export type NalCodec = 'h264' | 'h265' | 'h266';

export const NAL_SYNTAX: { readonly [codec in NalCodec]: NalSyntax } = {
	h264: H264_NAL_SYNTAX,
	h265: H265_NAL_SYNTAX,
	h266: H266_NAL_SYNTAX,
};

export function isNalCodec(codec: string): codec is NalCodec {
	return Object.hasOwn(NAL_SYNTAX, codec);
}
