// Spec: AV1 in ISO base media file format 2.3.3 (AV1CodecConfigurationRecord, the `av1C` box and the FLV sequence header)
import { BitWriter } from '../../bytes/bit-writer.js';
import { malformed } from '../malformed.js';
import { iterateObus, ObuType, serializeObu } from './obu.js';
import { type Av1SequenceHeader, parseAv1SequenceHeader } from './sequence-header.js';

const FIXED_BYTES = 4;

/** The sequence header inside an `av1C` record. Throws PeerError CODEC_CONFIG; also when there is none. */
export function parseAv1DecoderConfig(record: Buffer): Av1SequenceHeader {
	return parseAv1SequenceHeader(sequenceHeaderOfRecord(record) ?? malformed('av1C without a sequence header'));
}

/** Payload of the sequence header inside an `av1C` record, as a view; null when there is none. Throws PeerError CODEC_CONFIG. */
export function sequenceHeaderOfRecord(record: Buffer): Buffer | null {
	if (record.length < FIXED_BYTES || record[0] !== 0x81) {
		malformed(`av1C of ${record.length} bytes, marker and version ${record[0]}`);
	}
	return findSequenceHeader(record.subarray(FIXED_BYTES));
}

/** Payload of the first sequence header among OBUs, as a view; null when there is none. Throws PeerError CODEC_CONFIG. */
export function findSequenceHeader(obus: Buffer): Buffer | null {
	for (const { type, payloadOffset, payloadLength } of iterateObus(obus)) {
		if (type === ObuType.sequenceHeader) {
			return obus.subarray(payloadOffset, payloadOffset + payloadLength);
		}
	}
	return null;
}

/** The record for a sequence header that was found in the stream. `payload` is the OBU's. Throws PeerError CODEC_CONFIG. */
export function serializeAv1DecoderConfig(payload: Buffer): Buffer {
	const header = parseAv1SequenceHeader(payload);
	const fixed = new BitWriter()
		.bits(0x81, 8) // marker, version
		.bits(header.profile, 3) // seq_profile
		.bits(header.levelIdx, 5) // seq_level_idx_0
		.flag(header.highTier) // seq_tier_0
		.flag(header.bitDepth > 8) // high_bitdepth
		.flag(header.bitDepth > 10) // twelve_bit
		.flag(header.monochrome)
		.flag(header.subsamplingX) // chroma_subsampling_x
		.flag(header.subsamplingY) // chroma_subsampling_y
		.bits(header.chromaSamplePosition, 2)
		.bits(0, 8); // reserved, initial_presentation_delay_present = 0, reserved
	return Buffer.concat([fixed.toBuffer(), serializeObu(ObuType.sequenceHeader, payload)]);
}
