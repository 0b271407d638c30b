// Spec: H.265 table 7-1

export const H265NalType = {
	blaWLp: 16,
	idrWRadl: 19,
	idrNLp: 20,
	cra: 21,
	/** Last of the intra random access point types, reserved ones included. */
	irapEnd: 23,
	vps: 32,
	sps: 33,
	pps: 34,
	accessUnitDelimiter: 35,
	prefixSei: 39,
} as const;

export function h265NalType(firstByte: number): number {
	return (firstByte >>> 1) & 0x3f;
}
