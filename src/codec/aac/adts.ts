// Spec: ISO/IEC 14496-3 1.A.3.2 (adts_fixed_header, adts_variable_header)
import { BitReader } from '../../bytes/bit-reader.js';
import { malformed, parsing } from '../malformed.js';
import { AAC_SAMPLE_RATES, type AudioSpecificConfig, serializeAudioSpecificConfig } from './audio-specific-config.js';
import { beginsWithProgramConfig, programConfigOfBlock } from './program-config.js';

export const ADTS_HEADER_BYTES = 7;
/** 13 bits of aac_frame_length. */
export const MAX_ADTS_FRAME_BYTES = 0x1fff;

export type AdtsHeader = {
	objectType: number;
	sampleRate: number;
	channelConfiguration: number;
	headerBytes: number;
	/** Header and payload. */
	frameBytes: number;
	/** Raw data blocks in the frame, each of 1024 samples. */
	blocks: number;
};

/** The header at `at`, or null when there is none or it is incomplete. */
export function parseAdtsHeader(bytes: Uint8Array, at: number): AdtsHeader | null {
	// syncword, layer = 0
	if (at + ADTS_HEADER_BYTES > bytes.length || bytes[at] !== 0xff || (bytes[at + 1]! & 0xf6) !== 0xf0) {
		return null;
	}
	const protectionAbsent = (bytes[at + 1]! & 1) === 1;
	const sampleRate = AAC_SAMPLE_RATES[(bytes[at + 2]! >>> 2) & 15];
	const headerBytes = protectionAbsent ? ADTS_HEADER_BYTES : ADTS_HEADER_BYTES + 2;
	const frameBytes = ((bytes[at + 3]! & 3) << 11) | (bytes[at + 4]! << 3) | (bytes[at + 5]! >>> 5);
	if (sampleRate === undefined || frameBytes < headerBytes) {
		return null;
	}
	return {
		objectType: (bytes[at + 2]! >>> 6) + 1, // profile_ObjectType
		sampleRate,
		channelConfiguration: ((bytes[at + 2]! & 1) << 2) | (bytes[at + 3]! >>> 6),
		headerBytes,
		frameBytes,
		blocks: (bytes[at + 6]! & 3) + 1, // number_of_raw_data_blocks_in_frame + 1
	};
}

/**
 * The AudioSpecificConfig of a stream that is known by its frames. `block` is the raw data behind the header. Throws PeerError
 * CODEC_CONFIG when neither names the channels.
 */
export function audioSpecificConfigOfAdts(header: AdtsHeader, block: Uint8Array): Buffer {
	const { objectType, sampleRate, channelConfiguration } = header;
	if (channelConfiguration > 0) {
		return serializeAudioSpecificConfig(objectType, sampleRate, channelConfiguration);
	}
	if (!beginsWithProgramConfig(block)) {
		malformed('ADTS with channel configuration 0 and no program config element');
	}
	const programConfig = parsing('program config element', () => programConfigOfBlock(new BitReader(block)));
	return serializeAudioSpecificConfig(objectType, sampleRate, 0, programConfig);
}

/** True when an ADTS header can express the configuration, with a program config element behind it if need be. */
export function fitsAdts(config: AudioSpecificConfig): boolean {
	return (
		config.objectType >= 1 &&
		config.objectType <= 4 &&
		config.frameSamples === 1024 &&
		config.channelConfiguration <= 7 &&
		(config.channelConfiguration > 0 || config.programConfig !== null) &&
		AAC_SAMPLE_RATES.includes(config.sampleRate)
	);
}

/** Writes the header of a frame of `payloadBytes` at `at`. */
export function writeAdtsHeader(target: Buffer, at: number, config: AudioSpecificConfig, payloadBytes: number): void {
	const frameBytes = payloadBytes + ADTS_HEADER_BYTES;
	const rateIndex = AAC_SAMPLE_RATES.indexOf(config.sampleRate);
	target[at] = 0xff; // syncword
	target[at + 1] = 0xf1; // syncword, ID = MPEG-4, layer, protection_absent
	target[at + 2] = ((config.objectType - 1) << 6) | (rateIndex << 2) | (config.channelConfiguration >>> 2);
	target[at + 3] = ((config.channelConfiguration & 3) << 6) | (frameBytes >>> 11);
	target[at + 4] = (frameBytes >>> 3) & 0xff;
	target[at + 5] = ((frameBytes & 7) << 5) | 0x1f; // adts_buffer_fullness = 0x7ff (variable rate)
	target[at + 6] = 0xfc; // number_of_raw_data_blocks_in_frame = 0
}
