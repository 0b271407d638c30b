// Spec: Adobe Flash Video File Format 10.1, E.4.2 and E.4.3; Enhanced RTMP v2, "Enhanced Audio" (Opus).

import { TagType } from '../container/flv/tag.js';
import { AudioTagHead, VideoTagHead } from '../container/flv/tag-body.js';
import { FrameType } from '../container/flv/video-tag.js';
import { buildFileHeader, buildTag } from '../container/flv/writer.js';

/** Opus has this rate and AAC tags say none; channels stand in the decoder configuration. */
const SAMPLE_RATE = 48_000;
const CHANNELS = 2;

/** The output of an encoder of the browser: `aac` as raw frames, `opus` as packets. */
export type PushedAudioCodec = 'aac' | 'opus';

/**
 * Makes an FLV stream of H.264 (AVC format: NAL units with lengths) and AAC or Opus. Every method returns bytes to send as they
 * are; times are milliseconds of one clock, and must not go back within a track.
 */
export class FlvMuxer {
	readonly #video = new VideoTagHead('h264');
	readonly #audio: AudioTagHead | null;

	constructor(audioCodec: PushedAudioCodec | null) {
		this.#audio = audioCodec === null ? null : new AudioTagHead(audioCodec, SAMPLE_RATE, CHANNELS);
	}

	fileHeader(): Uint8Array {
		return buildFileHeader(this.#audio !== null, true);
	}

	/** `decoderConfig` is an AVCDecoderConfigurationRecord. */
	videoHeader(timestampMs: number, decoderConfig: Uint8Array): Uint8Array {
		return buildTag(TagType.video, timestampMs, decoderConfig, this.#video.sequenceStart);
	}

	/** One access unit. Encoders in realtime mode make no B-frames, so presentation time is decoding time. */
	videoFrame(timestampMs: number, keyframe: boolean, accessUnit: Uint8Array): Uint8Array {
		const frameType = keyframe ? FrameType.key : FrameType.inter;
		return buildTag(TagType.video, timestampMs, accessUnit, this.#video.frame(frameType, 0));
	}

	/** `decoderConfig` is an AudioSpecificConfig, or an Opus identification header. Only for a stream with sound. */
	audioHeader(timestampMs: number, decoderConfig: Uint8Array): Uint8Array {
		return buildTag(TagType.audio, timestampMs, decoderConfig, this.#audio!.sequenceStart);
	}

	/** Only for a stream with sound. */
	audioFrame(timestampMs: number, frame: Uint8Array): Uint8Array {
		return buildTag(TagType.audio, timestampMs, frame, this.#audio!.frame);
	}
}
