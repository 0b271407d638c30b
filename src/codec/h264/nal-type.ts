// Spec: H.264 7.3.1 (nal_unit), table 7-1 (nal_unit_type)
import { NalKind, type NalSyntax, nalKindTable } from '../nal-kind.js';

export const H264NalType = {
	slice: 1,
	partitionC: 4,
	sliceIdr: 5,
	sei: 6,
	sps: 7,
	pps: 8,
	accessUnitDelimiter: 9,
} as const;

export const H264_NAL_SYNTAX: NalSyntax = {
	headerBytes: 1,
	typeByte: 0,
	zeroBits: 0x80, // forbidden_zero_bit
	kinds: nalKindTable((byte) => byte & 0x1f, kindOf),
};

function kindOf(type: number): NalKind {
	switch (type) {
		case H264NalType.sliceIdr:
			return NalKind.keySlice;
		case H264NalType.sei:
			return NalKind.sei;
		case H264NalType.sps:
			return NalKind.sps;
		case H264NalType.pps:
			return NalKind.pps;
		case H264NalType.accessUnitDelimiter:
			return NalKind.delimiter;
		default:
			return type >= H264NalType.slice && type <= H264NalType.partitionC ? NalKind.slice : NalKind.other;
	}
}
