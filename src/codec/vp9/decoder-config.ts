// Spec: VP codec ISO media file format binding (VPCodecConfigurationRecord, the `vpcC` box and the FLV sequence header)
import type { Colour } from '../colour.js';
import { malformed } from '../malformed.js';

export type VpDecoderConfig = {
	profile: number;
	/** Level times ten: 41 is 4.1. */
	level: number;
	bitDepth: number;
	chromaSubsampling: number;
	colour: Colour;
};

const RECORD_BYTES = 8;
const FULL_BOX_HEADER = Buffer.from([1, 0, 0, 0]);

/** The record without the version and flags of its box, which some senders put in front. */
export function vpcCRecord(body: Buffer): Buffer {
	const boxed = body.length >= RECORD_BYTES + 4 && body.subarray(0, 4).equals(FULL_BOX_HEADER);
	return boxed ? body.subarray(4) : body;
}

/** Throws PeerError CODEC_CONFIG. */
export function parseVpDecoderConfig(record: Buffer): VpDecoderConfig {
	if (record.length < RECORD_BYTES) {
		malformed(`vpcC of ${record.length} bytes`);
	}
	return {
		profile: record[0]!,
		level: record[1]!,
		bitDepth: record[2]! >>> 4,
		chromaSubsampling: (record[2]! >>> 1) & 7,
		colour: {
			primaries: record[3]!, // colourPrimaries
			transfer: record[4]!, // transferCharacteristics
			matrix: record[5]!, // matrixCoefficients
			fullRange: (record[2]! & 1) === 1, // videoFullRangeFlag
		},
	};
}
