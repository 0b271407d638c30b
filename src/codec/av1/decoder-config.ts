// Spec: AV1 in ISO base media file format 2.3.3 (AV1CodecConfigurationRecord, the `av1C` box and the FLV sequence header)
import { malformed } from '../malformed.js';
import { iterateObus, ObuType } from './obu.js';
import { type Av1SequenceHeader, parseAv1SequenceHeader } from './sequence-header.js';

/** The sequence header inside an `av1C` record. Throws PeerError CODEC_CONFIG; also when there is none. */
export function parseAv1DecoderConfig(record: Buffer): Av1SequenceHeader {
	if (record.length < 4 || record[0] !== 0x81) {
		malformed(`av1C of ${record.length} bytes, marker and version ${record[0]}`);
	}
	return findSequenceHeader(record.subarray(4)) ?? malformed('av1C without a sequence header');
}

/** The first sequence header of a temporal unit or of configOBUs; null when there is none. */
export function findSequenceHeader(obus: Buffer): Av1SequenceHeader | null {
	for (const { type, payloadOffset, payloadLength } of iterateObus(obus)) {
		if (type === ObuType.sequenceHeader) {
			return parseAv1SequenceHeader(obus.subarray(payloadOffset, payloadOffset + payloadLength));
		}
	}
	return null;
}
