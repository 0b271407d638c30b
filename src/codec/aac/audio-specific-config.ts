// Spec: ISO/IEC 14496-3 1.6.2.1 (AudioSpecificConfig), 1.6.5 (SBR and PS signalling), 4.4.1 (GASpecificConfig)
import { BitReader } from '../../bytes/bit-reader.js';
import { BitWriter } from '../../bytes/bit-writer.js';
import { malformed, parsing } from '../malformed.js';
import { type ProgramConfig, readProgramConfig, writeProgramConfig } from './program-config.js';

export type AudioSpecificConfig = {
	/** The object type of the core: 2 is AAC-LC. */
	objectType: number;
	/** The sample rate of the core. The length of a frame counts in it. */
	sampleRate: number;
	/** Output rate when spectral band replication is signalled, else null. */
	sbrSampleRate: number | null;
	parametricStereo: boolean;
	/** 0 = described by a program config element. */
	channelConfiguration: number;
	channels: number;
	/** Samples of the core in one frame: 1024 or 960 (low delay: 512 or 480). */
	frameSamples: number;
	/** The channels of channelConfiguration 0. */
	programConfig: ProgramConfig | null;
};

export const AAC_SAMPLE_RATES: readonly number[] = [
	96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
];

/** Channels of channelConfiguration 0 to 14; 0 = given elsewhere or reserved. */
const CHANNELS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8];

const ObjectType = { lc: 2, sbr: 5, ps: 29, erLd: 23, erEld: 39 } as const;
/** Object types whose specific configuration is GASpecificConfig. */
const GENERAL_AUDIO = new Set([1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23]);
const SYNC_EXTENSION_SBR = 0x2b7;
const SYNC_EXTENSION_PS = 0x548;

/** `record` is the FLV sequence header's or esds' DecoderSpecificInfo. Throws PeerError CODEC_CONFIG. */
export function parseAudioSpecificConfig(record: Uint8Array): AudioSpecificConfig {
	return parsing('AudioSpecificConfig', () => readConfig(new BitReader(record)));
}

/** An AudioSpecificConfig for a stream that is only known by its ADTS headers. `programConfig` is that of configuration 0. */
export function serializeAudioSpecificConfig(
	objectType: number,
	sampleRate: number,
	channelConfiguration: number,
	programConfig: ProgramConfig | null = null,
): Buffer {
	const index = AAC_SAMPLE_RATES.indexOf(sampleRate);
	const writer = new BitWriter().bits(objectType, 5);
	if (index >= 0) {
		writer.bits(index, 4);
	} else {
		writer.bits(15, 4).bits(sampleRate, 24);
	}
	writer.bits(channelConfiguration, 4).bits(0, 3); // frameLengthFlag, dependsOnCoreCoder, extensionFlag = 0
	if (programConfig !== null) {
		writeProgramConfig(writer, programConfig);
	}
	return writer.toBuffer();
}

function readConfig(reader: BitReader): AudioSpecificConfig {
	let objectType = readObjectType(reader);
	const sampleRate = readSampleRate(reader);
	const channelConfiguration = reader.bits(4);
	let sbrSampleRate: number | null = null;
	let parametricStereo = false;
	if (objectType === ObjectType.sbr || objectType === ObjectType.ps) {
		parametricStereo = objectType === ObjectType.ps;
		sbrSampleRate = readSampleRate(reader);
		objectType = readObjectType(reader);
	}
	let channels = CHANNELS[channelConfiguration] ?? 0;
	let frameSamples = 1024;
	let programConfig: ProgramConfig | null = null;
	if (GENERAL_AUDIO.has(objectType) && reader.bitsLeft >= 3) {
		const short = reader.flag(); // frameLengthFlag
		frameSamples = objectType === ObjectType.erLd ? (short ? 480 : 512) : short ? 960 : 1024;
		if (reader.flag()) {
			reader.skip(14); // coreCoderDelay
		}
		const extension = reader.flag();
		if (channelConfiguration === 0) {
			programConfig = readProgramConfig(reader);
			channels = programConfig.channels;
		}
		if (objectType === 6 || objectType === 20) {
			reader.skip(3); // layerNr
		}
		if (extension) {
			skipErrorResilience(reader, objectType);
		}
	} else if (objectType === ObjectType.erEld) {
		frameSamples = reader.bitsLeft > 0 && reader.flag() ? 480 : 512;
	}
	if (sbrSampleRate === null && reader.bitsLeft >= 16) {
		({ sbrSampleRate, parametricStereo } = readSyncExtension(reader));
	}
	return {
		...{ objectType, sampleRate, sbrSampleRate, parametricStereo },
		...{ channelConfiguration, channels, frameSamples, programConfig },
	};
}

function readObjectType(reader: BitReader): number {
	const type = reader.bits(5);
	return type === 31 ? 32 + reader.bits(6) : type;
}

function readSampleRate(reader: BitReader): number {
	const index = reader.bits(4);
	const rate = index === 15 ? reader.bits(24) : AAC_SAMPLE_RATES[index];
	if (rate === undefined || rate === 0) {
		malformed(`samplingFrequencyIndex ${index}`);
	}
	return rate;
}

/** Backward-compatible signalling behind the core's configuration. */
function readSyncExtension(reader: BitReader): Pick<AudioSpecificConfig, 'sbrSampleRate' | 'parametricStereo'> {
	let sbrSampleRate: number | null = null;
	let parametricStereo = false;
	if (reader.bits(11) === SYNC_EXTENSION_SBR && readObjectType(reader) === ObjectType.sbr && reader.flag()) {
		sbrSampleRate = readSampleRate(reader);
		if (reader.bitsLeft >= 12 && reader.bits(11) === SYNC_EXTENSION_PS) {
			parametricStereo = reader.flag();
		}
	}
	return { sbrSampleRate, parametricStereo };
}

function skipErrorResilience(reader: BitReader, objectType: number): void {
	if (objectType === 22) {
		reader.skip(5 + 11); // numOfSubFrame, layer_length
	}
	if ([17, 19, 20, 23].includes(objectType)) {
		reader.skip(3); // three resilience flags
	}
	reader.skip(1); // extensionFlag3
}
