// Spec: Adobe Flash Video File Format 10.1, E.4.2 and E.4.3; Enhanced RTMP v2, "Enhanced Audio" (Opus).

import { writeUint24, writeUint32 } from '../bytes/big-endian.js';
import { AudioPacketType, EX_HEADER_SOUND_FORMAT } from '../container/flv/audio-tag.js';
import { FOUR_CC_BYTES, fourCcOf } from '../container/flv/four-cc.js';
import { TagType } from '../container/flv/tag.js';
import { FrameType, VideoPacketType } from '../container/flv/video-tag.js';
import { buildFileHeader, buildTag } from '../container/flv/writer.js';

const CODEC_ID_AVC = 7;
const SOUND_FORMAT_AAC = 10;
const AAC_SOUND_FLAGS = 0b1111; // SoundRate 44 kHz, SoundSize 16 bit, SoundType stereo: fixed for AAC, whatever it carries
const OPUS = fourCcOf('Opus');

/** What an encoder of the browser makes: `aac` as raw frames, `opus` as packets. */
export type PushedAudioCodec = 'aac' | 'opus';

/**
 * Makes an FLV stream of H.264 (AVC format: NAL units with lengths) and AAC or Opus. Every method returns bytes to send as they
 * are; times are milliseconds of one clock, and must not go back within a track.
 */
export class FlvMuxer {
	readonly #audioCodec: PushedAudioCodec | null;

	constructor(audioCodec: PushedAudioCodec | null) {
		this.#audioCodec = audioCodec;
	}

	fileHeader(): Uint8Array {
		return buildFileHeader(this.#audioCodec !== null, true);
	}

	/** `decoderConfig` is an AVCDecoderConfigurationRecord. */
	videoHeader(timestampMs: number, decoderConfig: Uint8Array): Uint8Array {
		return videoTag(timestampMs, FrameType.key, VideoPacketType.sequenceStart, 0, decoderConfig);
	}

	/** One access unit. Encoders in realtime mode make no B-frames, so presentation time is decoding time. */
	videoFrame(timestampMs: number, keyframe: boolean, accessUnit: Uint8Array): Uint8Array {
		const frameType = keyframe ? FrameType.key : FrameType.inter;
		return videoTag(timestampMs, frameType, VideoPacketType.codedFrames, 0, accessUnit);
	}

	/** `decoderConfig` is an AudioSpecificConfig, or an Opus identification header. */
	audioHeader(timestampMs: number, decoderConfig: Uint8Array): Uint8Array {
		return this.#audioTag(timestampMs, AudioPacketType.sequenceStart, decoderConfig);
	}

	audioFrame(timestampMs: number, frame: Uint8Array): Uint8Array {
		return this.#audioTag(timestampMs, AudioPacketType.codedFrames, frame);
	}

	#audioTag(timestampMs: number, packetType: number, payload: Uint8Array): Uint8Array {
		if (this.#audioCodec === 'opus') {
			const body = new Uint8Array(1 + FOUR_CC_BYTES + payload.length);
			body[0] = (EX_HEADER_SOUND_FORMAT << 4) | packetType; // SoundFormat, AudioPacketType
			writeUint32(body, 1, OPUS); // AudioFourCc
			body.set(payload, 1 + FOUR_CC_BYTES);
			return buildTag(TagType.audio, timestampMs, body);
		}
		const body = new Uint8Array(2 + payload.length);
		body[0] = (SOUND_FORMAT_AAC << 4) | AAC_SOUND_FLAGS;
		body[1] = packetType; // AACPacketType
		body.set(payload, 2);
		return buildTag(TagType.audio, timestampMs, body);
	}
}

function videoTag(
	timestampMs: number,
	frameType: number,
	packetType: number,
	compositionTimeMs: number,
	payload: Uint8Array,
): Uint8Array {
	const body = new Uint8Array(5 + payload.length);
	body[0] = (frameType << 4) | CODEC_ID_AVC; // FrameType, CodecID
	body[1] = packetType; // AVCPacketType
	writeUint24(body, 2, compositionTimeMs); // CompositionTime
	body.set(payload, 5);
	return buildTag(TagType.video, timestampMs, body);
}
