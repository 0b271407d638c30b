// Spec: H.265 7.3.1.2 (nal_unit_header), table 7-1 (nal_unit_type)
import { NalKind, type NalSyntax, nalKindTable } from '../nal-kind.js';

export const H265NalType = {
	/** First and last of the intra random access points: BLA, IDR, CRA, and two that are reserved. */
	irapStart: 16,
	irapEnd: 23,
	/** Last of the types that are slices, reserved ones included. */
	vclEnd: 31,
	vps: 32,
	sps: 33,
	pps: 34,
	accessUnitDelimiter: 35,
	prefixSei: 39,
} as const;

export const H265_NAL_SYNTAX: NalSyntax = {
	headerBytes: 2,
	typeByte: 0,
	zeroBits: 0x81, // forbidden_zero_bit, highest bit of nuh_layer_id
	kinds: nalKindTable((byte) => (byte >>> 1) & 0x3f, kindOf),
};

function kindOf(type: number): NalKind {
	switch (type) {
		case H265NalType.vps:
			return NalKind.vps;
		case H265NalType.sps:
			return NalKind.sps;
		case H265NalType.pps:
			return NalKind.pps;
		case H265NalType.accessUnitDelimiter:
			return NalKind.delimiter;
		case H265NalType.prefixSei:
			return NalKind.sei;
		default:
			if (type > H265NalType.vclEnd) {
				return NalKind.other;
			}
			return type >= H265NalType.irapStart && type <= H265NalType.irapEnd ? NalKind.keySlice : NalKind.slice;
	}
}
