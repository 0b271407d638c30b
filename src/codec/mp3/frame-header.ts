// Spec: ISO/IEC 11172-3 2.4.1.3, ISO/IEC 13818-3 2.4.1.3 (header of an MPEG audio frame)

export type Mp3FrameHeader = {
	/** 1, 2 or 2.5. */
	version: number;
	layer: number;
	sampleRate: number;
	channels: number;
	/** Header and payload; 0 for the free format. */
	frameBytes: number;
	frameSamples: number;
};

const SAMPLE_RATES: readonly number[] = [44100, 48000, 32000];
/** kbit/s by bitrate_index, for MPEG-1 layers 1 to 3, then MPEG-2 layer 1 and layers 2 and 3. */
const MPEG1_LAYER1 = [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448];
const MPEG1_LAYER2 = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
const MPEG1_LAYER3 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const MPEG2_LAYER1 = [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256];
const MPEG2_LAYER23 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/** A number that stays the same while frames say the same of the sound; -1 when `frame` has no header. */
export function mp3FrameKey(frame: Uint8Array): number {
	if (frame.length < 4 || frame[0] !== 0xff || (frame[1]! & 0xe0) !== 0xe0) {
		return -1;
	}
	const isMono = frame[3]! >>> 6 === 3;
	return ((frame[1]! & 0x1e) << 8) | (frame[2]! & 0x0c) | (isMono ? 1 : 0); // version, layer; sampling_frequency; mode
}

/** The header at `at`, or null when there is none. */
export function parseMp3FrameHeader(bytes: Uint8Array, at: number): Mp3FrameHeader | null {
	if (at + 4 > bytes.length || bytes[at] !== 0xff || (bytes[at + 1]! & 0xe0) !== 0xe0) {
		return null;
	}
	const versionBits = (bytes[at + 1]! >>> 3) & 3;
	const layer = 4 - ((bytes[at + 1]! >>> 1) & 3);
	const bitrateIndex = bytes[at + 2]! >>> 4;
	const baseRate = SAMPLE_RATES[(bytes[at + 2]! >>> 2) & 3];
	if (versionBits === 1 || layer === 4 || bitrateIndex === 15 || baseRate === undefined) {
		return null;
	}
	const version = versionBits === 3 ? 1 : versionBits === 2 ? 2 : 2.5;
	const sampleRate = baseRate / (version === 1 ? 1 : version === 2 ? 2 : 4);
	const frameSamples = layer === 1 ? 384 : layer === 3 && version !== 1 ? 576 : 1152;
	const bitrate = bitrates(version, layer)[bitrateIndex]! * 1000;
	const padding = (bytes[at + 2]! >>> 1) & 1;
	const slotBytes = layer === 1 ? 4 : 1;
	const frameBytes =
		bitrate === 0 ? 0 : (Math.floor((frameSamples / 8 / slotBytes) * (bitrate / sampleRate)) + padding) * slotBytes;
	const channels = bytes[at + 3]! >>> 6 === 3 ? 1 : 2;
	return { version, layer, sampleRate, channels, frameBytes, frameSamples };
}

function bitrates(version: number, layer: number): readonly number[] {
	if (version !== 1) {
		return layer === 1 ? MPEG2_LAYER1 : MPEG2_LAYER23;
	}
	return layer === 1 ? MPEG1_LAYER1 : layer === 2 ? MPEG1_LAYER2 : MPEG1_LAYER3;
}
