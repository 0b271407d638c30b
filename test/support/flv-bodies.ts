import type { AmfValue } from '#src/codec/amf-value.js';
import { serializeAmf0 } from '#src/codec/amf0.js';
import { hex } from './hex.js';

/** FLV tag bodies as encoders send them, small and recognisable. */
export const AVC_HEADER = hex('17 00 000000 0164001f ffe1000467640000 01000468ee3c80');
export const AVC_HEADER_2 = hex('17 00 000000 0142c01e ffe1000467420000 01000468ce3c80');
export const AVC_END = hex('17 02 000000');
export const HEVC_HEADER = hex('90 "hvc1" 0101');
export const AAC_HEADER = hex('af 00 1210');
export const AAC_HEADER_2 = hex('af 00 1190');
export const SILENCE = hex('');

export function avcKey(mark = 0): Uint8Array {
	return hex(`17 01 000000 00000002 65${byte(mark)}`);
}

export function avcInter(mark = 0): Uint8Array {
	return hex(`27 01 000000 00000002 41${byte(mark)}`);
}

export function aacFrame(mark = 0): Uint8Array {
	return hex(`af 01 21${byte(mark)}`);
}

export function mp3Frame(mark = 0): Uint8Array {
	return hex(`2f fffb${byte(mark)}`);
}

export function metadata(properties: { [key: string]: AmfValue }): Uint8Array {
	return Uint8Array.from(serializeAmf0('onMetaData', new Map(Object.entries(properties))));
}

function byte(value: number): string {
	return (value & 0xff).toString(16).padStart(2, '0');
}
