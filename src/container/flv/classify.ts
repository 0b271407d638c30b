// Spec: Adobe Flash Video File Format 10.1, E.4.2 and E.4.3; Enhanced RTMP v2, "Enhanced Audio" and "Enhanced Video".

import { readUint32 } from '../../bytes/big-endian.js';
import type { AudioCodec, VideoCodec } from '../../codec/codec-name.js';
import { lookAtPicture } from '../../codec/look-at-picture.js';
import { PictureKind } from '../../codec/picture-kind.js';
import { PeerError } from '../../errors.js';
import {
	AudioPacketType,
	EX_HEADER_SOUND_FORMAT,
	hasLegacyAudioPacketType,
	LEGACY_AUDIO_CODECS,
	parseAudioTag,
} from './audio-tag.js';
import { AUDIO_FOUR_CC, FOUR_CC_BYTES, VIDEO_FOUR_CC } from './four-cc.js';
import {
	COMPOSITION_TIME_BYTES,
	FrameType,
	hasCompositionTime,
	hasLegacyPacketType,
	isEnhancedVideo,
	LEGACY_PACKET_HEADER_BYTES,
	LEGACY_VIDEO_CODECS,
	parseVideoTag,
	VideoPacketType,
} from './video-tag.js';

/**
 * The role of a tag for code that passes it on:
 * `frame` is media; `preamble` is parameter sets, SEI and the like that come in front of a picture in a tag of their own;
 * `sequenceHeader` is a decoder configuration; `sequenceEnd` says that the track has ended; `configuration` is what a late
 * joiner needs besides (colour metadata, channel layout); `silence` is an audio tag without payload; `other` is a command or
 * packet type that we do not know.
 */
export type TagRole = 'frame' | 'preamble' | 'sequenceHeader' | 'sequenceEnd' | 'configuration' | 'silence' | 'other';

export type TagClass<Codec> = {
	role: TagRole;
	/** The id of the first track, when a multitrack tag carries several. */
	trackId: number;
	codec: Codec;
	/** Decoding can start here. The frame's own bytes say so, not its frame type. */
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
		return audioFrame(0, codec, body.length - 1);
	}
	if (body[1] === AudioPacketType.sequenceStart) {
		return audio('sequenceHeader', 0, codec);
	}
	return audioFrame(0, codec, body.length - 2);
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
		return video('other', 0, codec);
	}
	if (!hasLegacyPacketType(codec)) {
		return frame(0, codec, frameType, body, 1, body.length);
	}
	const packetType = body[1];
	if (packetType === undefined) {
		throw new PeerError('FLV_TAG', `${codec} tag of 1 byte`);
	}
	if (packetType === VideoPacketType.codedFrames) {
		return frame(0, codec, frameType, body, LEGACY_PACKET_HEADER_BYTES, body.length);
	}
	const role = packetType <= VideoPacketType.sequenceEnd ? VIDEO_ROLES[packetType] : undefined;
	return video(role ?? 'other', 0, codec);
}

function classifyEnhancedAudio(body: Uint8Array, packetType: number): TagClass<AudioCodec> {
	if (packetType === AudioPacketType.multitrack || packetType === AudioPacketType.modEx) {
		const tag = parseAudioTag(body);
		const { trackId, codec, start, end } = tag.packets[0]!;
		const role = AUDIO_ROLES[tag.packetType] ?? 'other';
		return role === 'frame' ? audioFrame(trackId, codec, end - start) : audio(role, trackId, codec);
	}
	const role = AUDIO_ROLES[packetType] ?? 'other';
	const codec = AUDIO_FOUR_CC.get(fourCcAt1(body)) ?? 'unknown';
	return role === 'frame' ? audioFrame(0, codec, body.length - 1 - FOUR_CC_BYTES) : audio(role, 0, codec);
}

function classifyEnhancedVideo(body: Uint8Array, frameType: number, packetType: number): TagClass<VideoCodec> {
	if (packetType === VideoPacketType.multitrack || packetType === VideoPacketType.modEx) {
		const tag = parseVideoTag(body);
		const packet = tag.packets[0];
		const role = packet === undefined ? undefined : VIDEO_ROLES[tag.packetType];
		return role === 'frame'
			? frame(packet!.trackId, packet!.codec, frameType, body, packet!.start, packet!.end)
			: video(role ?? 'other', packet?.trackId ?? 0, packet?.codec ?? 'unknown');
	}
	if (frameType === FrameType.command && packetType !== VideoPacketType.metadata) {
		return video('other', 0, 'unknown');
	}
	const role = VIDEO_ROLES[packetType] ?? 'other';
	const codec = VIDEO_FOUR_CC.get(fourCcAt1(body)) ?? 'unknown';
	if (role !== 'frame') {
		return video(role, 0, codec);
	}
	const hasTime = packetType === VideoPacketType.codedFrames && hasCompositionTime(codec);
	const start = 1 + FOUR_CC_BYTES + (hasTime ? COMPOSITION_TIME_BYTES : 0);
	return frame(0, codec, frameType, body, start, body.length);
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

function audioFrame(trackId: number, codec: AudioCodec, payloadBytes: number): TagClass<AudioCodec> {
	return audio(payloadBytes > 0 ? 'frame' : 'silence', trackId, codec);
}

function video(role: TagRole, trackId: number, codec: VideoCodec): TagClass<VideoCodec> {
	return { role, trackId, codec, keyframe: false, droppable: false };
}

/** The class of coded video: a frame, unless its payload `body[start, end)` has nothing of a picture. */
function frame(
	trackId: number,
	codec: VideoCodec,
	frameType: number,
	body: Uint8Array,
	start: number,
	end: number,
): TagClass<VideoCodec> {
	const marked = frameType === FrameType.key || frameType === FrameType.generatedKey;
	const picture = lookAtPicture(codec, body, start, end, marked);
	const role = picture === PictureKind.none ? 'preamble' : 'frame';
	const keyframe = picture === PictureKind.key;
	return { role, trackId, codec, keyframe, droppable: !keyframe && frameType === FrameType.disposableInter };
}
