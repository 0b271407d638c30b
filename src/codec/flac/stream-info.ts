// Spec: RFC 9639 8.2 (STREAMINFO), 9.1 (frame header); FLAC in ISO base media file format (`dfLa`)
import { BitReader } from '../../bytes/bit-reader.js';
import { malformed } from '../malformed.js';

export type FlacStreamInfo = {
	/** The 34 bytes themselves. */
	bytes: Buffer;
	minBlockSamples: number;
	maxBlockSamples: number;
	sampleRate: number;
	channels: number;
	bitsPerSample: number;
};

const MAGIC = 'fLaC';
const STREAM_INFO_BYTES = 34;
const BLOCK_HEADER_BYTES = 4;

/**
 * Finds STREAMINFO in any of the forms in which senders give it: "fLaC" and metadata blocks (Enhanced RTMP), metadata blocks
 * alone (`dfLa`), or its 34 bytes alone (FFmpeg). Throws PeerError CODEC_CONFIG.
 */
export function parseFlacConfig(config: Buffer): FlacStreamInfo {
	let at = config.toString('latin1', 0, 4) === MAGIC ? MAGIC.length : 0;
	if (config.length - at !== STREAM_INFO_BYTES) {
		if ((config[at]! & 0x7f) !== 0) {
			malformed('the first FLAC metadata block is not STREAMINFO');
		}
		at += BLOCK_HEADER_BYTES;
	}
	if (config.length < at + STREAM_INFO_BYTES) {
		malformed(`FLAC configuration of ${config.length} bytes`);
	}
	const bytes = Buffer.from(config.subarray(at, at + STREAM_INFO_BYTES));
	const reader = new BitReader(bytes);
	const minBlockSamples = reader.bits(16);
	const maxBlockSamples = reader.bits(16);
	reader.skip(24 + 24); // minimum and maximum frame size
	const sampleRate = reader.bits(20);
	const channels = reader.bits(3) + 1;
	const bitsPerSample = reader.bits(5) + 1;
	if (sampleRate === 0 || maxBlockSamples < 16) {
		malformed(`FLAC STREAMINFO with ${sampleRate} Hz and blocks of ${maxBlockSamples}`);
	}
	return { bytes, minBlockSamples, maxBlockSamples, sampleRate, channels, bitsPerSample };
}

/** The body of a `dfLa` box behind its version and flags: one metadata block. */
export function serializeDfLa(info: FlacStreamInfo): Buffer {
	return Buffer.concat([Buffer.from([0x80, 0, 0, STREAM_INFO_BYTES]), info.bytes]); // last block, type STREAMINFO
}

/** The Enhanced RTMP sequence header. */
export function serializeFlacSequenceHeader(info: FlacStreamInfo): Buffer {
	return Buffer.concat([Buffer.from(MAGIC, 'latin1'), serializeDfLa(info)]);
}

/** Samples in a frame by the block size code of its header; 0 when this is not a frame. */
export function flacFrameSamples(frame: Uint8Array): number {
	if (frame.length < 6 || frame[0] !== 0xff || (frame[1]! & 0xfc) !== 0xf8) {
		return 0;
	}
	const code = frame[2]! >>> 4;
	if (code === 0) {
		return 0;
	}
	if (code === 1) {
		return 192;
	}
	if (code < 6) {
		return 144 << code;
	}
	if (code > 7) {
		return 1 << code;
	}
	// The size itself stands behind the coded number, which is one to seven bytes long like UTF-8.
	const lead = frame[4]!;
	const numberBytes = lead < 0x80 ? 1 : Math.clz32(~lead << 24);
	const at = 4 + numberBytes;
	return code === 6 ? (frame[at] ?? -1) + 1 : (((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0)) + 1;
}
