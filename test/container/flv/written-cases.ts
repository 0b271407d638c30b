import type { FourCcAudioCodec, FourCcVideoCodec } from '#src/container/flv/four-cc.js';
import { FrameType } from '#src/container/flv/video-tag.js';
import { hex } from '../../support/hex.js';

/** One body that VideoTagHead makes: a sequence header, or a picture with its frame type and composition time. */
export type WrittenVideo = {
	name: string;
	codec: FourCcVideoCodec;
	trackId?: number;
	/** Null for a sequence header. */
	frameType: number | null;
	compositionTimeMs?: number;
	payload: Uint8Array;
	body: Uint8Array;
};

/** One body that AudioTagHead makes. */
export type WrittenAudio = {
	name: string;
	codec: FourCcAudioCodec;
	trackId?: number;
	isHeader: boolean;
	sampleRate?: number;
	channels?: number;
	payload: Uint8Array;
	body: Uint8Array;
};

const PAYLOAD = hex('aabb');
const VIDEO_FOUR_CCS: readonly [FourCcVideoCodec, string][] = [
	['vp8', 'vp08'],
	['vp9', 'vp09'],
	['av1', 'av01'],
	['h265', 'hvc1'],
	['h266', 'vvc1'],
];
const AUDIO_FOUR_CCS: readonly [FourCcAudioCodec, string][] = [
	['ac3', 'ac-3'],
	['eac3', 'ec-3'],
	['opus', 'Opus'],
	['flac', 'fLaC'],
];

export const WRITTEN_VIDEO: readonly WrittenVideo[] = [
	{
		name: 'an AVC sequence header',
		codec: 'h264',
		frameType: null,
		payload: PAYLOAD,
		body: hex('17 00 000000 aabb'),
	},
	{
		name: 'an AVC keyframe',
		codec: 'h264',
		frameType: FrameType.key,
		compositionTimeMs: 0x42,
		payload: PAYLOAD,
		body: hex('17 01 000042 aabb'),
	},
	{
		name: 'an AVC inter frame with a negative composition time',
		codec: 'h264',
		frameType: FrameType.inter,
		compositionTimeMs: -2,
		payload: PAYLOAD,
		body: hex('27 01 fffffe aabb'),
	},
	{
		name: 'an AVC frame that none refers to',
		codec: 'h264',
		frameType: FrameType.disposableInter,
		payload: PAYLOAD,
		body: hex('37 01 000000 aabb'),
	},
	{
		name: 'an AVC sequence header of another track',
		codec: 'h264',
		trackId: 3,
		frameType: null,
		payload: PAYLOAD,
		body: hex('96 00 "avc1" 03 aabb'),
	},
	{
		name: 'an AVC keyframe of another track',
		codec: 'h264',
		trackId: 3,
		frameType: FrameType.key,
		compositionTimeMs: 7,
		payload: PAYLOAD,
		body: hex('96 01 "avc1" 03 000007 aabb'),
	},
	{
		name: 'the highest track id and the largest composition time',
		codec: 'h266',
		trackId: 255,
		frameType: FrameType.inter,
		compositionTimeMs: 0x7fffff,
		payload: PAYLOAD,
		body: hex('a6 01 "vvc1" ff 7fffff aabb'),
	},
	...VIDEO_FOUR_CCS.flatMap(([codec, fourCc]): WrittenVideo[] => {
		const isTimed = codec === 'h265' || codec === 'h266';
		return [
			{
				name: `a ${fourCc} sequence header`,
				codec,
				frameType: null,
				payload: PAYLOAD,
				body: hex(`90 "${fourCc}" aabb`),
			},
			{
				name: `a ${fourCc} inter frame`,
				codec,
				frameType: FrameType.inter,
				compositionTimeMs: isTimed ? 8 : 0,
				payload: PAYLOAD,
				body: hex(`a1 "${fourCc}" ${isTimed ? '000008' : ''} aabb`),
			},
			{
				name: `a ${fourCc} keyframe of another track`,
				codec,
				trackId: 1,
				frameType: FrameType.key,
				compositionTimeMs: isTimed ? -1 : 0,
				payload: PAYLOAD,
				body: hex(`96 01 "${fourCc}" 01 ${isTimed ? 'ffffff' : ''} aabb`),
			},
		];
	}),
];

export const WRITTEN_AUDIO: readonly WrittenAudio[] = [
	{ name: 'an AAC sequence header', codec: 'aac', isHeader: true, payload: PAYLOAD, body: hex('af 00 aabb') },
	{ name: 'an AAC frame', codec: 'aac', isHeader: false, payload: PAYLOAD, body: hex('af 01 aabb') },
	{
		name: 'AAC of 8 kHz mono, which must say 44 kHz stereo',
		codec: 'aac',
		isHeader: false,
		sampleRate: 8000,
		channels: 1,
		payload: PAYLOAD,
		body: hex('af 01 aabb'),
	},
	{
		name: 'an AAC frame of another track',
		codec: 'aac',
		trackId: 2,
		isHeader: false,
		payload: PAYLOAD,
		body: hex('95 01 "mp4a" 02 aabb'),
	},
	{
		name: 'MP3 of 44.1 kHz stereo',
		codec: 'mp3',
		isHeader: false,
		sampleRate: 44_100,
		payload: PAYLOAD,
		body: hex('2f aabb'),
	},
	{
		name: 'MP3 of 22.05 kHz mono',
		codec: 'mp3',
		isHeader: false,
		sampleRate: 22_050,
		channels: 1,
		payload: PAYLOAD,
		body: hex('2a aabb'),
	},
	{
		name: 'MP3 of 11.025 kHz stereo',
		codec: 'mp3',
		isHeader: false,
		sampleRate: 11_025,
		payload: PAYLOAD,
		body: hex('27 aabb'),
	},
	{
		name: 'an MP3 frame of another track',
		codec: 'mp3',
		trackId: 1,
		isHeader: false,
		payload: PAYLOAD,
		body: hex('95 01 ".mp3" 01 aabb'),
	},
	...AUDIO_FOUR_CCS.flatMap(([codec, fourCc]): WrittenAudio[] => [
		{
			name: `a ${fourCc} sequence header`,
			codec,
			isHeader: true,
			payload: PAYLOAD,
			body: hex(`90 "${fourCc}" aabb`),
		},
		{ name: `a ${fourCc} frame`, codec, isHeader: false, payload: PAYLOAD, body: hex(`91 "${fourCc}" aabb`) },
		{
			name: `a ${fourCc} sequence header of another track`,
			codec,
			trackId: 9,
			isHeader: true,
			payload: PAYLOAD,
			body: hex(`95 00 "${fourCc}" 09 aabb`),
		},
	]),
];
