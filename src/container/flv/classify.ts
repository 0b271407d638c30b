// Spec: Adobe Flash Video File Format 10.1, E.4.2 and E.4.3; Enhanced RTMP v2, "Enhanced Audio" and "Enhanced Video".

import { readUint32 } from '../../bytes/big-endian.js';
import type { AudioCodec, VideoCodec } from '../../codec/codec-name.js';
import { PeerError } from '../../errors.js';
import {
	AudioPacketType,
	EX_HEADER_SOUND_FORMAT,
	hasLegacyAudioPacketType,
	LEGACY_AUDIO_CODECS,
	parseAudioTag,
} from './audio-tag.js';
import { AUDIO_FOUR_CC, VIDEO_FOUR_CC } from './four-cc.js';
import {
	FrameType,
	hasLegacyPacketType,
	isEnhancedVideo,
	LEGACY_VIDEO_CODECS,
	parseVideoTag,
	VideoPacketType,
} from './video-tag.js';

/**
 * The role of a tag for code that passes it on:
 * `frame` is media; `sequenceHeader` is a decoder configuration; `sequenceEnd` says that the track has ended;
 * `configuration` is what a late joiner needs besides (colour metadata, channel layout); `silence` is an audio tag
 * without payload; `other` is a command or packet type that we do not know.
 */
export type TagRole = 'frame' | 'sequenceHeader' | 'sequenceEnd' | 'configuration' | 'silence' | 'other';

export type TagClass<Codec> = {
	role: TagRole;
	/** The id of the first track, when a multitrack tag carries several. */
	trackId: number;
	codec: Codec;
	/** Decoding can start here. */
	keyframe: boolean;
	/** No other frame refers to it. */
	droppable: boolean;
};

const AUDIO_ROLES: readonly (TagRole | undefined)[] = [
	'sequenceHeader', // SequenceStart
	'frame', // CodedFrames
	'sequenceEnd', // SequenceEnd
	undefined,
	'configuration', // MultichannelConfig
];

const VIDEO_ROLES: readonly (TagRole | undefined)[] = [
	'sequenceHeader', // SequenceStart
	'frame', // CodedFrames
	'sequenceEnd', // SequenceEnd
	'frame', // CodedFramesX
	'configuration', // Metadata
	'sequenceHeader', // MPEG2TSSequenceStart
];

/**
 * Tells what an audio tag body is; cheap enough for every frame.
 * @throws PeerError FLV_TAG when the body is too short for what it announces.
 */
export function classifyAudio(body: Uint8Array): TagClass<AudioCodec> {
	const first = body[0];
	if (first === undefined) {
		return audio('silence', 0, 'unknown');
	}
	const soundFormat = first >>> 4;
	if (soundFormat === EX_HEADER_SOUND_FORMAT) {
		return classifyEnhancedAudio(body, first & 0x0f);
	}
	const codec = LEGACY_AUDIO_CODECS[soundFormat]!;
	if (!hasLegacyAudioPacketType(codec)) {
		return audio('frame', 0, codec);
	}
	if (body.length < 2) {
		return audio('silence', 0, codec);
	}
	return audio(body[1] === AudioPacketType.sequenceStart ? 'sequenceHeader' : 'frame', 0, codec);
}

/**
 * Tells what a video tag body is; cheap enough for every frame.
 * @throws PeerError FLV_TAG when the body is too short for what it announces.
 */
export function classifyVideo(body: Uint8Array): TagClass<VideoCodec> {
	const first = body[0];
	if (first === undefined) {
		throw new PeerError('FLV_TAG', 'empty video tag');
	}
	if (isEnhancedVideo(first)) {
		return classifyEnhancedVideo(body, (first >>> 4) & 0b111, first & 0x0f);
	}
	const frameType = first >>> 4;
	const codec = LEGACY_VIDEO_CODECS[first & 0x0f]!;
	if (frameType === FrameType.command) {
		return video('other', 0, codec, frameType);
	}
	if (!hasLegacyPacketType(codec)) {
		return video('frame', 0, codec, frameType);
	}
	const packetType = body[1];
	if (packetType === undefined) {
		throw new PeerError('FLV_TAG', `${codec} tag of 1 byte`);
	}
	const role = packetType <= VideoPacketType.sequenceEnd ? VIDEO_ROLES[packetType] : undefined;
	return video(role ?? 'other', 0, codec, frameType);
}

function classifyEnhancedAudio(body: Uint8Array, packetType: number): TagClass<AudioCodec> {
	if (packetType === AudioPacketType.multitrack || packetType === AudioPacketType.modEx) {
		const tag = parseAudioTag(body);
		const packet = tag.packets[0]!;
		return audio(AUDIO_ROLES[tag.packetType] ?? 'other', packet.trackId, packet.codec);
	}
	return audio(AUDIO_ROLES[packetType] ?? 'other', 0, AUDIO_FOUR_CC.get(fourCcAt1(body)) ?? 'unknown');
}

function classifyEnhancedVideo(body: Uint8Array, frameType: number, packetType: number): TagClass<VideoCodec> {
	if (packetType === VideoPacketType.multitrack || packetType === VideoPacketType.modEx) {
		const tag = parseVideoTag(body);
		const packet = tag.packets[0];
		const role = packet === undefined ? undefined : VIDEO_ROLES[tag.packetType];
		return video(role ?? 'other', packet?.trackId ?? 0, packet?.codec ?? 'unknown', frameType);
	}
	if (frameType === FrameType.command && packetType !== VideoPacketType.metadata) {
		return video('other', 0, 'unknown', frameType);
	}
	return video(VIDEO_ROLES[packetType] ?? 'other', 0, VIDEO_FOUR_CC.get(fourCcAt1(body)) ?? 'unknown', frameType);
}

/** The FourCC of an enhanced tag with neither ModEx nor Multitrack. */
function fourCcAt1(body: Uint8Array): number {
	if (body.length < 5) {
		throw new PeerError('FLV_TAG', `enhanced tag of ${body.length} bytes`);
	}
	return readUint32(body, 1);
}

function audio(role: TagRole, trackId: number, codec: AudioCodec): TagClass<AudioCodec> {
	return { role, trackId, codec, keyframe: false, droppable: false };
}

function video(role: TagRole, trackId: number, codec: VideoCodec, frameType: number): TagClass<VideoCodec> {
	const isFrame = role === 'frame';
	return {
		role,
		trackId,
		codec,
		keyframe: isFrame && (frameType === FrameType.key || frameType === FrameType.generatedKey),
		droppable: isFrame && frameType === FrameType.disposableInter,
	};
}
