// Spec: RFC 6381 3.3; ISO/IEC 14496-15 annex E (avc1, hvc1, vvc1); AV1-ISOBMFF 5; VP codec ISO binding (codecs parameter)
import type { AudioSpecificConfig } from './aac/audio-specific-config.js';
import type { Av1SequenceHeader } from './av1/sequence-header.js';
import type { Colour } from './colour.js';
import type { AvcDecoderConfig } from './h264/decoder-config.js';
import type { H265ProfileTierLevel } from './h265/sps.js';
import type { VvcDecoderConfig } from './h266/decoder-config.js';
import type { VpDecoderConfig } from './vp9/decoder-config.js';

export function avcCodecString(config: Pick<AvcDecoderConfig, 'profileIdc' | 'constraintFlags' | 'levelIdc'>): string {
	return `avc1.${hexByte(config.profileIdc)}${hexByte(config.constraintFlags)}${hexByte(config.levelIdc)}`;
}

/** For `hvc1` sample entries, the only ones that Apple plays. */
export function hevcCodecString(level: H265ProfileTierLevel): string {
	const space = ['', 'A', 'B', 'C'][level.profileSpace]!;
	const compatibility = reverse32(level.compatibilityFlags).toString(16).toUpperCase();
	const parts = [`hvc1.${space}${level.profileIdc}`, compatibility, `${level.highTier ? 'H' : 'L'}${level.levelIdc}`];
	const constraints = [...level.constraintFlags];
	while (constraints.at(-1) === 0) {
		constraints.pop(); // trailing zero bytes may be left out
	}
	return [...parts, ...constraints.map((byte) => byte.toString(16).toUpperCase())].join('.');
}

export function vvcCodecString(config: VvcDecoderConfig): string {
	return `vvc1.${config.profileIdc}.${config.highTier ? 'H' : 'L'}${config.levelIdc}`;
}

export function av1CodecString(header: Av1SequenceHeader): string {
	const level = `${twoDigits(header.levelIdx)}${header.highTier ? 'H' : 'M'}`;
	const head = `av01.${header.profile}.${level}.${twoDigits(header.bitDepth)}`;
	const chroma = `${Number(header.subsamplingX)}${Number(header.subsamplingY)}${header.chromaSamplePosition}`;
	const tail = `${Number(header.monochrome)}.${chroma}.${colourDigits(header.colour)}`;
	// The optional fields go together, and may go when they are all at their defaults.
	return tail === '0.110.02.02.02.0' || tail === '0.110.01.01.01.0' ? head : `${head}.${tail}`;
}

export function vpCodecString(codec: 'vp8' | 'vp9', config: VpDecoderConfig): string {
	const name = codec === 'vp9' ? 'vp09' : 'vp08';
	return `${name}.${twoDigits(config.profile)}.${twoDigits(config.level)}.${twoDigits(config.bitDepth)}`;
}

export function aacCodecString(config: AudioSpecificConfig): string {
	if (config.parametricStereo) {
		return 'mp4a.40.29';
	}
	return config.sbrSampleRate === null ? `mp4a.40.${config.objectType}` : 'mp4a.40.5';
}

function colourDigits(colour: Colour): string {
	const points = [colour.primaries, colour.transfer, colour.matrix].map(twoDigits).join('.');
	return `${points}.${Number(colour.fullRange)}`;
}

function hexByte(value: number): string {
	return value.toString(16).padStart(2, '0');
}

function twoDigits(value: number): string {
	return String(value).padStart(2, '0');
}

function reverse32(value: number): number {
	let reversed = 0;
	for (let bit = 0; bit < 32; bit++) {
		reversed = ((reversed << 1) | ((value >>> bit) & 1)) >>> 0;
	}
	return reversed;
}
