// Spec: ISO/IEC 23091-2 (CICP) code points, shared by H.264/H.265 VUI, AV1 color_config, VP9 vpcC and the MP4 `colr` box

/** The colour space of a picture. 2 is "unspecified" for each of the three code points. */
export type Colour = {
	primaries: number;
	transfer: number;
	matrix: number;
	fullRange: boolean;
};

export const UNSPECIFIED_COLOUR: Colour = { primaries: 2, transfer: 2, matrix: 2, fullRange: false };

const TRANSFER_PQ = 16;
const TRANSFER_HLG = 18;

/** For `VIDEO-RANGE` of a multivariant playlist (rfc8216bis, 4.4.6.2). */
export function videoRange(colour: Colour | null): 'SDR' | 'HLG' | 'PQ' {
	if (colour?.transfer === TRANSFER_PQ) {
		return 'PQ';
	}
	return colour?.transfer === TRANSFER_HLG ? 'HLG' : 'SDR';
}
