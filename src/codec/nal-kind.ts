/** The meaning of a NAL unit for code that keeps, cuts and repackages a stream. */
export const NalKind = {
	/** No NAL unit begins with these bytes. */
	invalid: 0,
	other: 1,
	/** Access unit delimiter. */
	delimiter: 2,
	vps: 3,
	sps: 4,
	pps: 5,
	sei: 6,
	/** A slice of a picture that refers to others, as far as the header of the unit says. */
	slice: 7,
	/** A slice of a picture that decoding can start at: IDR, BLA, CRA. */
	keySlice: 8,
	/** A slice of a picture from which the image gets whole by and by (H.266: GDR). */
	gradualSlice: 9,
} as const;
export type NalKind = (typeof NalKind)[keyof typeof NalKind];

/** The way to read the header of a codec's NAL units. */
export type NalSyntax = {
	/** Bytes of the header. */
	headerBytes: 1 | 2;
	/** The byte of the header that has nal_unit_type. */
	typeByte: 0 | 1;
	/** Bits of the first byte that are 0 in a stream of one layer. forbidden_zero_bit is one of them. */
	zeroBits: number;
	/** Kinds by the value of the byte that has nal_unit_type. */
	kinds: Uint8Array;
};

/** Kind of the NAL unit at `offset`, of which the whole header must be there. */
export function nalKindAt({ kinds, typeByte, zeroBits }: NalSyntax, bytes: Uint8Array, offset: number): NalKind {
	return (bytes[offset]! & zeroBits) === 0 ? (kinds[bytes[offset + typeByte]!] as NalKind) : NalKind.invalid;
}

/** True when a unit of this kind is part of a picture. */
export function isSlice(kind: NalKind): boolean {
	return kind >= NalKind.slice;
}

export type ParameterSetKind = typeof NalKind.vps | typeof NalKind.sps | typeof NalKind.pps;

export function isParameterSet(kind: NalKind): kind is ParameterSetKind {
	return kind === NalKind.vps || kind === NalKind.sps || kind === NalKind.pps;
}

/** The table of a syntax: `kindOf` tells what nal_unit_type means, and `typeOf` finds it in its byte. */
export function nalKindTable(typeOf: (byte: number) => number, kindOf: (type: number) => NalKind): Uint8Array {
	return Uint8Array.from({ length: 256 }, (_, byte) => kindOf(typeOf(byte)));
}
