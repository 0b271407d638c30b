// Spec: Enhanced RTMP v2, "Enhanced Audio" and "Enhanced Video" (AudioFourCc, VideoFourCc).

import { readUint32 } from '../../bytes/big-endian.js';
import type { AudioCodec, VideoCodec } from '../../codec/codec-name.js';

export const FOUR_CC_BYTES = 4;

const VIDEO = {
	vp8: 'vp08',
	vp9: 'vp09',
	av1: 'av01',
	h264: 'avc1',
	h265: 'hvc1',
	h266: 'vvc1',
} as const satisfies { [codec in VideoCodec]?: string };

const AUDIO = {
	ac3: 'ac-3',
	eac3: 'ec-3',
	opus: 'Opus',
	mp3: '.mp3',
	flac: 'fLaC',
	aac: 'mp4a',
} as const satisfies { [codec in AudioCodec]?: string };

/** Codecs that have a FourCC. */
export type FourCcVideoCodec = keyof typeof VIDEO;
export type FourCcAudioCodec = keyof typeof AUDIO;

/** A FourCC, as the number that its four ASCII characters make, to its codec. */
export const VIDEO_FOUR_CC: ReadonlyMap<number, VideoCodec> = codecByFourCc(VIDEO);
export const AUDIO_FOUR_CC: ReadonlyMap<number, AudioCodec> = codecByFourCc(AUDIO);

export function videoFourCcOf(codec: FourCcVideoCodec): number {
	return toNumber(VIDEO[codec]);
}

export function audioFourCcOf(codec: FourCcAudioCodec): number {
	return toNumber(AUDIO[codec]);
}

function codecByFourCc<Codec extends string>(table: { readonly [codec in Codec]: string }): Map<number, Codec> {
	const codecs = Object.keys(table) as Codec[];
	return new Map(codecs.map((codec) => [toNumber(table[codec]), codec]));
}

function toNumber(fourCc: string): number {
	return readUint32(
		Uint8Array.from(fourCc, (character) => character.charCodeAt(0)),
		0,
	);
}
