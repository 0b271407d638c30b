// Spec: Adobe Flash Video File Format 10.1, E.4.3 (video tags); Enhanced RTMP v2, "Enhanced Video".

import { readInt24 } from '../../bytes/big-endian.js';
import type { VideoCodec } from '../../codec/codec-name.js';
import { PeerError } from '../../errors.js';
import { type EnhancedHeader, parseEnhancedHeader, skipModEx, type TrackRange } from './enhanced-header.js';
import { VIDEO_FOUR_CC } from './four-cc.js';

/** VideoFrameType. */
export const FrameType = { key: 1, inter: 2, disposableInter: 3, generatedKey: 4, command: 5 } as const;

/** VideoPacketType; 0 to 2 mean the same as AVCPacketType in a legacy tag. */
export const VideoPacketType = {
	sequenceStart: 0,
	codedFrames: 1,
	sequenceEnd: 2,
	/** CodedFrames with composition time 0 and no field for it. */
	codedFramesX: 3,
	metadata: 4,
	mpeg2TsSequenceStart: 5,
	multitrack: 6,
	modEx: 7,
} as const;

/** CodecID. 12 to 15 are no standard: encoders of Chinese vendors and their SDKs send them. */
export const LEGACY_VIDEO_CODECS: readonly VideoCodec[] = [
	'unknown', // 0
	'unknown', // 1
	'h263', // 2 Sorenson H.263
	'screen', // 3
	'vp6', // 4
	'vp6a', // 5
	'screen2', // 6
	'h264', // 7
	'unknown', // 8
	'unknown', // 9
	'unknown', // 10
	'unknown', // 11
	'h265', // 12
	'unknown', // 13
	'unknown', // 14
	'unknown', // 15
];

/** One track's part of a video tag. */
export type VideoPacket = TrackRange & {
	codec: VideoCodec;
	/** CompositionTime: presentation minus decoding time, signed. */
	compositionTimeMs: number;
};

export type VideoTag = {
	enhanced: boolean;
	/** FrameType.*; of no meaning in a Metadata packet. */
	frameType: number;
	/** VideoPacketType.*. A legacy codec without packet types has codedFrames. */
	packetType: number;
	multitrackType: number | null;
	timestampOffsetNano: number;
	/** Empty for a command frame (frame type 5), which carries no picture. */
	packets: VideoPacket[];
};

const FRAME_HEADER_BYTES = 1;
/** The header of a legacy tag, in front of its payload. */
export const LEGACY_PACKET_HEADER_BYTES = 5; // frame type and codec, AVCPacketType, CompositionTime
export const COMPOSITION_TIME_BYTES = 3;
/** IsExVideoHeader: the tag has the form of Enhanced RTMP. */
export const IS_EX_VIDEO_HEADER = 0x80;

export function isEnhancedVideo(firstByte: number): boolean {
	return (firstByte & IS_EX_VIDEO_HEADER) !== 0;
}

/** Codecs whose legacy tag has AVCPacketType and CompositionTime. */
export function hasLegacyPacketType(codec: VideoCodec): boolean {
	return codec === 'h264' || codec === 'h265';
}

/**
 * A video tag body taken apart; packets are ranges of `body`.
 * @throws PeerError FLV_TAG when the body is too short for what it announces.
 */
export function parseVideoTag(body: Uint8Array): VideoTag {
	if (body.length === 0) {
		throw new PeerError('FLV_TAG', 'empty video tag');
	}
	return isEnhancedVideo(body[0]!) ? parseEnhanced(body) : parseLegacy(body);
}

function parseLegacy(body: Uint8Array): VideoTag {
	const frameType = body[0]! >>> 4;
	const codec = LEGACY_VIDEO_CODECS[body[0]! & 0x0f]!;
	const tag = { enhanced: false, frameType, multitrackType: null, timestampOffsetNano: 0 };
	if (frameType === FrameType.command) {
		return { ...tag, packetType: VideoPacketType.codedFrames, packets: [] };
	}
	const range = { trackId: 0, fourCc: 0, codec, end: body.length };
	if (!hasLegacyPacketType(codec)) {
		const packet = { ...range, compositionTimeMs: 0, start: FRAME_HEADER_BYTES };
		return { ...tag, packetType: VideoPacketType.codedFrames, packets: [packet] };
	}
	const packetType = body[1];
	if (packetType === VideoPacketType.sequenceEnd) {
		return { ...tag, packetType, packets: [{ ...range, compositionTimeMs: 0, start: body.length }] };
	}
	if (packetType === undefined || body.length < LEGACY_PACKET_HEADER_BYTES) {
		throw new PeerError('FLV_TAG', `${codec} tag of ${body.length} bytes`);
	}
	const compositionTimeMs = packetType === VideoPacketType.codedFrames ? readInt24(body, 2) : 0;
	return { ...tag, packetType, packets: [{ ...range, compositionTimeMs, start: LEGACY_PACKET_HEADER_BYTES }] };
}

function parseEnhanced(body: Uint8Array): VideoTag {
	const frameType = (body[0]! >>> 4) & 0b111;
	if (frameType === FrameType.command) {
		const { packetType, timestampOffsetNano } = skipModEx(body, VideoPacketType);
		if (packetType !== VideoPacketType.metadata) {
			return { enhanced: true, frameType, packetType, multitrackType: null, timestampOffsetNano, packets: [] };
		}
	}
	const header = parseEnhancedHeader(body, VideoPacketType);
	const { packetType, multitrackType, timestampOffsetNano } = header;
	const packets = header.tracks.map((track) => toPacket(body, header, track));
	return { enhanced: true, frameType, packetType, multitrackType, timestampOffsetNano, packets };
}

function toPacket(body: Uint8Array, header: EnhancedHeader, track: TrackRange): VideoPacket {
	const codec = VIDEO_FOUR_CC.get(track.fourCc) ?? 'unknown';
	if (header.packetType !== VideoPacketType.codedFrames || !hasCompositionTime(codec)) {
		return { ...track, codec, compositionTimeMs: 0 };
	}
	if (track.end - track.start < COMPOSITION_TIME_BYTES) {
		throw new PeerError('FLV_TAG', `${codec} frame of ${track.end - track.start} bytes`);
	}
	return {
		...track,
		codec,
		compositionTimeMs: readInt24(body, track.start),
		start: track.start + COMPOSITION_TIME_BYTES,
	};
}

/** Codecs whose CodedFrames begin with CompositionTime. */
export function hasCompositionTime(codec: VideoCodec): boolean {
	return codec === 'h264' || codec === 'h265' || codec === 'h266';
}
