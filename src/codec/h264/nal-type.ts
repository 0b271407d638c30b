// Spec: H.264 table 7-1

export const H264NalType = {
	slice: 1,
	sliceIdr: 5,
	sei: 6,
	sps: 7,
	pps: 8,
	accessUnitDelimiter: 9,
	spsExtension: 13,
} as const;

export function h264NalType(firstByte: number): number {
	return firstByte & 0x1f;
}
