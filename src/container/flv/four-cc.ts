// Spec: Enhanced RTMP v2, "Enhanced Audio" and "Enhanced Video" (AudioFourCc, VideoFourCc).

import { readUint32 } from '../../bytes/big-endian.js';
import type { AudioCodec, VideoCodec } from '../../codec/codec-name.js';

export const FOUR_CC_BYTES = 4;

/** A FourCC as the number that its four ASCII characters make. */
export function fourCcOf(text: string): number {
	return readUint32(
		Uint8Array.from(text, (character) => character.charCodeAt(0)),
		0,
	);
}

export function fourCcText(fourCc: number): string {
	return String.fromCharCode(fourCc >>> 24, (fourCc >>> 16) & 0xff, (fourCc >>> 8) & 0xff, fourCc & 0xff);
}

export const VIDEO_FOUR_CC: ReadonlyMap<number, VideoCodec> = new Map([
	[fourCcOf('vp08'), 'vp8'],
	[fourCcOf('vp09'), 'vp9'],
	[fourCcOf('av01'), 'av1'],
	[fourCcOf('avc1'), 'h264'],
	[fourCcOf('hvc1'), 'h265'],
	[fourCcOf('vvc1'), 'h266'],
]);

export const AUDIO_FOUR_CC: ReadonlyMap<number, AudioCodec> = new Map([
	[fourCcOf('ac-3'), 'ac3'],
	[fourCcOf('ec-3'), 'eac3'],
	[fourCcOf('Opus'), 'opus'],
	[fourCcOf('.mp3'), 'mp3'],
	[fourCcOf('fLaC'), 'flac'],
	[fourCcOf('mp4a'), 'aac'],
]);
