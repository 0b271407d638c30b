import { parseAudioSpecificConfig } from './aac/audio-specific-config.js';
import { iterateAc3SyncFrames, sameAc3Sound, serializeDac3, serializeDec3 } from './ac3/sync-frame.js';
import { parseAv1DecoderConfig } from './av1/decoder-config.js';
import {
	aacCodecString,
	av1CodecString,
	avcCodecString,
	hevcCodecString,
	vpCodecString,
	vvcCodecString,
} from './codec-string.js';
import { parseFlacConfig, serializeDfLa } from './flac/stream-info.js';
import { parseAvcDecoderConfig } from './h264/decoder-config.js';
import { parseH264Sps } from './h264/sps.js';
import { parseHevcDecoderConfig } from './h265/decoder-config.js';
import { parseH265Sps } from './h265/sps.js';
import { parseVvcDecoderConfig } from './h266/decoder-config.js';
import type { HdrMetadata } from './hdr.js';
import { malformed } from './malformed.js';
import { parseMp3FrameHeader } from './mp3/frame-header.js';
import { OPUS_SAMPLE_RATE, parseOpusHead, serializeDOps } from './opus/identification-header.js';
import { NO_VIDEO_USABILITY, type VideoUsability } from './video-usability.js';
import { parseVpDecoderConfig, vpcCRecord } from './vp9/decoder-config.js';
import { type PictureSize, vp8KeyFrameSize, vp9KeyFrameSize } from './vp9/frame-header.js';

export type VideoCodec = 'h264' | 'h265' | 'h266' | 'av1' | 'vp9' | 'vp8';
export type AudioCodec = 'aac' | 'mp3' | 'opus' | 'flac' | 'ac3' | 'eac3';

/** The facts of a video track that a container needs. */
export type VideoConfig = PictureSize &
	VideoUsability & {
		kind: 'video';
		codec: VideoCodec;
		/** The body of the codec's configuration box: avcC, hvcC, vvcC, av1C, or vpcC without version and flags. Private copy. */
		record: Buffer;
		/** For `CODECS` and MediaSource (RFC 6381). */
		codecString: string;
		/** The grading, when the publisher stated it outside the bitstream. */
		hdr?: HdrMetadata;
		/** Bytes of each NAL unit's length; 0 for codecs without NAL units. */
		nalLengthSize: number;
	};

/** The facts of an audio track that a container needs. */
export type AudioConfig = {
	kind: 'audio';
	codec: AudioCodec;
	/** AudioSpecificConfig, or the body of dOps, dac3, dec3, or dfLa without version and flags; empty for MP3. Private copy. */
	record: Buffer;
	codecString: string;
	/** Samples per second that `frameSamples` counts, which is the track's timescale. */
	sampleRate: number;
	channels: number;
	/** Samples in every frame; 0 when each frame has its own number (`audioFrameSamples`). */
	frameSamples: number;
	/** Samples at the start that only warm up the decoder (Opus pre-skip). */
	preSkipSamples: number;
};

export type TrackConfig = VideoConfig | AudioConfig;

/** `record` is an FLV sequence header's body; it is copied. Throws PeerError CODEC_CONFIG. */
export function parseH264Config(record: Buffer): VideoConfig {
	const config = parseAvcDecoderConfig(record);
	const sps = parseH264Sps(config.spsUnits[0] ?? malformed('avcC without a sequence parameter set'));
	return {
		kind: 'video',
		codec: 'h264',
		record: Buffer.from(record),
		codecString: avcCodecString(config),
		...pictureOf(sps),
		nalLengthSize: config.lengthSize,
	};
}

/** `record` is copied. Throws PeerError CODEC_CONFIG. */
export function parseH265Config(record: Buffer): VideoConfig {
	const config = parseHevcDecoderConfig(record);
	const sps = parseH265Sps(config.spsUnits[0] ?? malformed('hvcC without a sequence parameter set'));
	return {
		kind: 'video',
		codec: 'h265',
		record: Buffer.from(record),
		codecString: hevcCodecString(config.profileTierLevel),
		...pictureOf(sps),
		nalLengthSize: config.lengthSize,
	};
}

/** `record` is copied. Throws PeerError CODEC_CONFIG. */
export function parseH266Config(record: Buffer): VideoConfig {
	const config = parseVvcDecoderConfig(record);
	return {
		kind: 'video',
		codec: 'h266',
		record: Buffer.from(record),
		codecString: vvcCodecString(config),
		...pictureOf(config),
		nalLengthSize: config.lengthSize,
	};
}

/** `record` is copied. Throws PeerError CODEC_CONFIG. */
export function parseAv1Config(record: Buffer): VideoConfig {
	const header = parseAv1DecoderConfig(record);
	return {
		kind: 'video',
		codec: 'av1',
		record: Buffer.from(record),
		codecString: av1CodecString(header),
		...pictureOf(header),
		nalLengthSize: 0,
	};
}

/**
 * VP8 and VP9 say their size in key frames only: `keyFrame` is one. `body` is copied.
 * Throws PeerError CODEC_CONFIG; also when `keyFrame` is no key frame.
 */
export function parseVpConfig(codec: 'vp8' | 'vp9', body: Buffer, keyFrame: Uint8Array): VideoConfig {
	const size = codec === 'vp9' ? vp9KeyFrameSize(keyFrame) : vp8KeyFrameSize(keyFrame);
	return vpConfigOf(codec, body, size ?? malformed(`${codec} without the size of a key frame`));
}

/** VP8 or VP9 of a known size. `body` is copied. Throws PeerError CODEC_CONFIG. */
export function vpConfigOf(codec: 'vp8' | 'vp9', body: Buffer, size: PictureSize): VideoConfig {
	const record = Buffer.from(vpcCRecord(body));
	const config = parseVpDecoderConfig(record);
	return {
		kind: 'video',
		codec,
		record,
		codecString: vpCodecString(codec, config),
		...pictureOf({ ...size, colour: config.colour }),
		nalLengthSize: 0,
	};
}

/** `record` is an AudioSpecificConfig; it is copied. Throws PeerError CODEC_CONFIG. */
export function parseAacConfig(record: Buffer): AudioConfig {
	const config = parseAudioSpecificConfig(record);
	return {
		kind: 'audio',
		codec: 'aac',
		record: Buffer.from(record),
		codecString: aacCodecString(config),
		sampleRate: config.sampleRate,
		channels: config.channels,
		frameSamples: config.frameSamples,
		preSkipSamples: 0,
	};
}

/** `head` is an "OpusHead" packet. Throws PeerError CODEC_CONFIG. */
export function parseOpusConfig(head: Buffer): AudioConfig {
	const header = parseOpusHead(head);
	return {
		kind: 'audio',
		codec: 'opus',
		record: serializeDOps(header),
		codecString: 'Opus',
		sampleRate: OPUS_SAMPLE_RATE,
		channels: header.channels,
		frameSamples: 0,
		preSkipSamples: header.preSkip,
	};
}

/** `config` is STREAMINFO in any of its forms. Throws PeerError CODEC_CONFIG. */
export function parseFlacTrackConfig(config: Buffer): AudioConfig {
	const info = parseFlacConfig(config);
	return {
		kind: 'audio',
		codec: 'flac',
		record: serializeDfLa(info),
		codecString: 'fLaC',
		sampleRate: info.sampleRate,
		channels: info.channels,
		frameSamples: 0,
		preSkipSamples: 0,
	};
}

/** The configuration that an MP3 frame carries in itself. Throws PeerError CODEC_CONFIG. */
export function configOfMp3Frame(frame: Uint8Array): AudioConfig {
	const header = parseMp3FrameHeader(frame, 0) ?? malformed('not an MPEG audio frame');
	return {
		kind: 'audio',
		codec: 'mp3',
		record: Buffer.alloc(0),
		codecString: header.version === 1 ? 'mp4a.6B' : 'mp4a.69',
		sampleRate: header.sampleRate,
		channels: header.channels,
		frameSamples: header.frameSamples,
		preSkipSamples: 0,
	};
}

/** The configuration that an AC-3 or E-AC-3 sample carries in itself. Throws PeerError CODEC_CONFIG. */
export function configOfAc3Sample(sample: Uint8Array): AudioConfig {
	const frames = [...iterateAc3SyncFrames(sample)];
	const first = frames[0] ?? malformed('not an AC-3 sync frame');
	return {
		kind: 'audio',
		codec: first.enhanced ? 'eac3' : 'ac3',
		record: first.enhanced ? serializeDec3(frames) : serializeDac3(first),
		codecString: first.enhanced ? 'ec-3' : 'ac-3',
		sampleRate: first.sampleRate,
		channels: first.channels,
		// A sample is whole when every substream has six blocks; FLV senders put one such sample into a tag.
		frameSamples: first.enhanced ? 0 : first.frameSamples,
		preSkipSamples: 0,
	};
}

/** True when two configurations can share one init segment. */
export function sameConfig(a: TrackConfig, b: TrackConfig): boolean {
	if (a.codec !== b.codec || !sameRecord(a, b)) {
		return false;
	}
	if (a.kind === 'video' && b.kind === 'video') {
		const sameLook = JSON.stringify([a.colour, a.hdr]) === JSON.stringify([b.colour, b.hdr]);
		return sameLook && a.width === b.width && a.height === b.height;
	}
	return a.kind === 'audio' && b.kind === 'audio' && a.sampleRate === b.sampleRate && a.channels === b.channels;
}

/** Records are equal; those of AC-3 may differ in the bit rate, which makes no difference to a decoder. */
function sameRecord(a: TrackConfig, b: TrackConfig): boolean {
	const isAc3 = a.codec === 'ac3' || a.codec === 'eac3';
	return isAc3 ? sameAc3Sound(a.record, b.record, a.codec === 'eac3') : a.record.equals(b.record);
}

/** Copies the picture facts that a bitstream states, and leaves out the others. */
function pictureOf({
	width,
	height,
	pixelAspect,
	colour,
	frameRate,
}: PictureSize & Partial<VideoUsability>): PictureSize & VideoUsability {
	return {
		width,
		height,
		pixelAspect: pixelAspect ?? NO_VIDEO_USABILITY.pixelAspect,
		colour: colour ?? null,
		frameRate: frameRate ?? null,
	};
}
