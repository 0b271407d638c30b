// Spec: Adobe Flash Video File Format 10.1, E.4.2 (audio tags); Enhanced RTMP v2, "Enhanced Audio".

import type { AudioCodec } from '../../codec/codec-name.js';
import { PeerError } from '../../errors.js';
import { parseEnhancedHeader, type TrackRange } from './enhanced-header.js';
import { AUDIO_FOUR_CC } from './four-cc.js';

/** AudioPacketType; 0 and 1 mean the same as AACPacketType in a legacy tag. */
export const AudioPacketType = {
	sequenceStart: 0,
	codedFrames: 1,
	sequenceEnd: 2,
	multichannelConfig: 4,
	multitrack: 5,
	modEx: 7,
} as const;

/** SoundFormat of an enhanced tag. */
export const EX_HEADER_SOUND_FORMAT = 9;

/** SoundFormat. 13 is no standard: encoders of Chinese vendors send it. */
export const LEGACY_AUDIO_CODECS: readonly AudioCodec[] = [
	'pcm', // 0 platform endian
	'adpcm', // 1
	'mp3', // 2
	'pcm', // 3 little endian
	'nellymoser', // 4 16 kHz mono
	'nellymoser', // 5 8 kHz mono
	'nellymoser', // 6
	'g711a', // 7
	'g711u', // 8
	'unknown', // 9 ExHeader
	'aac', // 10
	'speex', // 11
	'unknown', // 12
	'opus', // 13
	'mp3', // 14 8 kHz
	'unknown', // 15 device specific; DJI drones send it
];

/** One track's part of an audio tag. */
export type AudioPacket = TrackRange & { codec: AudioCodec };

export type AudioTag = {
	enhanced: boolean;
	/** AudioPacketType.*. A legacy codec without packet types has codedFrames. */
	packetType: number;
	multitrackType: number | null;
	timestampOffsetNano: number;
	/** Empty for a body without payload, which means silence. */
	packets: AudioPacket[];
};

/** AudioChannelOrder. */
export const ChannelOrder = { unspecified: 0, native: 1, custom: 2 } as const;

export type MultichannelConfig = {
	/** ChannelOrder.*. */
	channelOrder: number;
	channelCount: number;
	/** Mask of the channels that are there; native order only, else 0. */
	channelFlags: number;
	/** AudioChannel of each channel; custom order only, else empty. A view of the input. */
	channelMapping: Uint8Array;
};

/** Codecs whose legacy tag has AACPacketType. Opus under sound format 13 was given the same byte. */
export function hasLegacyAudioPacketType(codec: AudioCodec): boolean {
	return codec === 'aac' || codec === 'opus';
}

/**
 * An audio tag body taken apart; packets are ranges of `body`.
 * @throws PeerError FLV_TAG when the body is too short for what it announces.
 */
export function parseAudioTag(body: Uint8Array): AudioTag {
	const soundFormat = (body[0] ?? 0) >>> 4;
	if (soundFormat === EX_HEADER_SOUND_FORMAT) {
		const { tracks, ...header } = parseEnhancedHeader(body, AudioPacketType);
		const packets = tracks.map((track) => ({ ...track, codec: AUDIO_FOUR_CC.get(track.fourCc) ?? 'unknown' }));
		return { enhanced: true, ...header, packets };
	}
	const codec = LEGACY_AUDIO_CODECS[soundFormat]!;
	const typed = hasLegacyAudioPacketType(codec);
	const tag = { enhanced: false, multitrackType: null, timestampOffsetNano: 0 };
	const start = typed ? 2 : 1;
	if (body.length < start) {
		return { ...tag, packetType: AudioPacketType.codedFrames, packets: [] };
	}
	const packetType = typed ? body[1]! : AudioPacketType.codedFrames;
	return { ...tag, packetType, packets: [{ trackId: 0, fourCc: 0, codec, start, end: body.length }] };
}

/** The payload of a MultichannelConfig packet. @throws PeerError FLV_TAG when it is cut short. */
export function parseMultichannelConfig(payload: Uint8Array): MultichannelConfig {
	const channelOrder = payload[0] ?? ChannelOrder.unspecified;
	const channelCount = payload[1] ?? 0;
	const rest = payload.subarray(2);
	const wanted = channelOrder === ChannelOrder.native ? 4 : channelOrder === ChannelOrder.custom ? channelCount : 0;
	if (payload.length < 2 || rest.length < wanted) {
		throw new PeerError('FLV_TAG', `multichannel configuration of ${payload.length} bytes`);
	}
	const native = channelOrder === ChannelOrder.native;
	return {
		channelOrder,
		channelCount,
		channelFlags: native ? new DataView(rest.buffer, rest.byteOffset, 4).getUint32(0) : 0,
		channelMapping: native ? new Uint8Array(0) : rest.subarray(0, wanted),
	};
}
