// Spec: H.266 7.3.1.2 (nal_unit_header), table 5 (nal_unit_type)
import { NalKind, type NalSyntax, nalKindTable } from '../nal-kind.js';

export const H266NalType = {
	/** First of the intra random access points: IDR, CRA. */
	irapStart: 7,
	cra: 9,
	gdr: 10,
	/** Last of the types that are slices; a reserved intra random access point. */
	vclEnd: 11,
	/** Operating point and decoding capability information: no array of them in a vvcC has a count. */
	opi: 12,
	dci: 13,
	vps: 14,
	sps: 15,
	pps: 16,
	accessUnitDelimiter: 20,
	prefixSei: 23,
} as const;

export const H266_NAL_SYNTAX: NalSyntax = {
	headerBytes: 2,
	typeByte: 1,
	zeroBits: 0xc0, // forbidden_zero_bit, nuh_reserved_zero_bit
	kinds: nalKindTable((byte) => byte >>> 3, kindOf),
};

function kindOf(type: number): NalKind {
	switch (type) {
		case H266NalType.gdr:
			return NalKind.gradualSlice;
		case H266NalType.vps:
			return NalKind.vps;
		case H266NalType.sps:
			return NalKind.sps;
		case H266NalType.pps:
			return NalKind.pps;
		case H266NalType.accessUnitDelimiter:
			return NalKind.delimiter;
		case H266NalType.prefixSei:
			return NalKind.sei;
		default:
			if (type > H266NalType.vclEnd) {
				return NalKind.other;
			}
			return type >= H266NalType.irapStart ? NalKind.keySlice : NalKind.slice;
	}
}
