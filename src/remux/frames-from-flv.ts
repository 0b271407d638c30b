// Spec: Adobe Flash Video File Format 10.1, E.4.2 and E.4.3; Enhanced RTMP v2 (bodies of audio and video tags)
import { parseAmf0 } from '../codec/amf0.js';
import type { AudioCodec, VideoCodec } from '../codec/codec-name.js';
import { readColorInfo } from '../codec/hdr.js';
import { type AudioConfig, sameConfig, type TrackConfig, type VideoConfig } from '../codec/track-config.js';
import { AudioPacketType, parseAudioTag } from '../container/flv/audio-tag.js';
import { TagType } from '../container/flv/tag.js';
import { FrameType, LEGACY_PACKET_HEADER_BYTES, parseVideoTag, VideoPacketType } from '../container/flv/video-tag.js';
import { peerErrorOf } from '../errors.js';
import type { Frame, FrameSink } from './frame.js';
import type { AudioSamples } from './samples/audio-samples.js';
import { audioSamplesOf, videoSamplesOf } from './samples/samples.js';
import type { VideoSamples } from './samples/video-samples.js';

const NANOSECONDS_PER_MS = 1_000_000;
/** First byte of a plain H.264 and AAC tag: the two that nearly every tag is. */
const LEGACY_H264 = 7;
const LEGACY_AAC = 10;

type ColorInfo = ReturnType<typeof readColorInfo>;

/** A track of the source. `samples` is null for a codec that cannot be packaged. */
type VideoTrack = {
	codec: VideoCodec;
	samples: VideoSamples | null;
	/** Colours that the publisher has told apart from the bitstream. */
	colorInfo: ColorInfo | null;
	/** The configuration of the samples that the sink knows, and what it was told of it. */
	known: VideoConfig | null;
	told: TrackConfig | null;
};
type AudioTrack = {
	codec: AudioCodec;
	samples: AudioSamples | null;
	known: AudioConfig | null;
};

/**
 * FLV tags to frames. A track is announced with its first frame: a sequence header alone makes none. Tracks whose codec no MP4
 * or TS can carry are left out. A configuration or frame that cannot be understood is left out too, and counted: one bad tag
 * never ends a recording.
 */
export class FramesFromFlv {
	readonly #sink: FrameSink;
	/** By track id. */
	readonly #videoTracks: (VideoTrack | undefined)[] = [];
	readonly #audioTracks: (AudioTrack | undefined)[] = [];
	readonly #video = newFrame('video');
	readonly #audio = newFrame('audio');
	#skippedTags = 0;
	#lastFault = '';

	constructor(sink: FrameSink) {
		this.#sink = sink;
	}

	/** Tags that carried nothing that could be passed on. */
	get skippedTags(): number {
		return this.#skippedTags;
	}

	/** The reason why the newest tag was skipped; empty when none was. */
	get lastFault(): string {
		return this.#lastFault;
	}

	/** One tag; `body` is borrowed until return. */
	tag(tagType: number, dtsMs: number, body: Buffer): void {
		try {
			if (tagType === TagType.video) {
				this.#videoTag(dtsMs, body);
			} else if (tagType === TagType.audio) {
				this.#audioTag(dtsMs, body);
			} else if (tagType === TagType.script) {
				this.#sink.script?.(dtsMs, body);
			}
		} catch (error) {
			this.#skip(peerErrorOf(error).message);
		}
	}

	/** The next tag comes from another source, or from later in the stream. */
	splice(): void {
		for (const track of [...this.#videoTracks, ...this.#audioTracks]) {
			track?.samples?.splice();
		}
		this.#sink.splice();
	}

	end(): void {
		this.#sink.end();
	}

	#videoTag(dtsMs: number, body: Buffer): void {
		const first = body[0]!;
		if (
			(first & 0x8f) === LEGACY_H264 &&
			body[1] === VideoPacketType.codedFrames &&
			body.length > LEGACY_PACKET_HEADER_BYTES
		) {
			const frameType = first >>> 4;
			if (frameType !== FrameType.command) {
				const compositionTimeMs = (body.readUIntBE(2, 3) << 8) >> 8;
				const payload = body.subarray(LEGACY_PACKET_HEADER_BYTES);
				this.#videoFrame(this.#videoTrack(0, 'h264'), 0, frameType, dtsMs, compositionTimeMs, payload);
			}
			return;
		}
		const tag = parseVideoTag(body);
		for (const { trackId, codec, compositionTimeMs, start, end } of tag.packets) {
			const payload = body.subarray(start, end);
			const track = this.#videoTrack(trackId, codec);
			if (tag.packetType === VideoPacketType.sequenceStart) {
				this.#header(track, payload);
			} else if (tag.packetType === VideoPacketType.metadata) {
				this.#videoMetadata(track, payload);
			} else if (tag.packetType === VideoPacketType.codedFrames || tag.packetType === VideoPacketType.codedFramesX) {
				const offsetMs = compositionTimeMs + tag.timestampOffsetNano / NANOSECONDS_PER_MS;
				this.#videoFrame(track, trackId, tag.frameType, dtsMs, offsetMs, payload);
			}
		}
	}

	/** Colours that the publisher tells apart from the bitstream; those in the bitstream come first. */
	#videoMetadata(track: VideoTrack, payload: Buffer): void {
		const values = parseAmf0(payload);
		const at = values.indexOf('colorInfo');
		if (at >= 0) {
			track.colorInfo = readColorInfo(values[at + 1]);
			track.known = null;
		}
	}

	#videoFrame(
		track: VideoTrack,
		sourceId: number,
		frameType: number,
		dtsMs: number,
		compositionTimeMs: number,
		payload: Buffer,
	): void {
		const { samples } = track;
		const marked = frameType === FrameType.key || frameType === FrameType.generatedKey;
		if (samples === null || !samples.accept(payload, marked)) {
			this.#noSample(track);
			return;
		}
		if (samples.config !== track.known) {
			this.#announceVideo(track, sourceId, samples.config!);
		}
		const frame = this.#video;
		frame.sourceId = sourceId;
		frame.dtsMs = dtsMs;
		frame.compositionTimeMs = compositionTimeMs;
		frame.keyframe = samples.keyframe;
		frame.droppable = !samples.keyframe && frameType === FrameType.disposableInter;
		frame.payload = samples.payload;
		this.#sink.frame(frame);
	}

	#audioTag(dtsMs: number, body: Buffer): void {
		if (body.length > 2 && body[0]! >>> 4 === LEGACY_AAC && body[1] === AudioPacketType.codedFrames) {
			this.#audioFrames(this.#audioTrack(0, 'aac'), 0, dtsMs, body.subarray(2));
			return;
		}
		const tag = parseAudioTag(body);
		for (const { trackId, codec, start, end } of tag.packets) {
			const payload = body.subarray(start, end);
			const track = this.#audioTrack(trackId, codec);
			if (tag.packetType === AudioPacketType.sequenceStart) {
				this.#header(track, payload);
			} else if (tag.packetType === AudioPacketType.codedFrames && payload.length > 0) {
				this.#audioFrames(track, trackId, dtsMs + tag.timestampOffsetNano / NANOSECONDS_PER_MS, payload);
			}
		}
	}

	/** The frames of one tag: one, but for some senders of ADTS. */
	#audioFrames(track: AudioTrack, sourceId: number, dtsMs: number, payload: Buffer): void {
		const { samples } = track;
		if (samples === null) {
			this.#noSample(track);
			return;
		}
		let offsetMs = 0;
		for (let at = 0; at < payload.length; ) {
			at += samples.accept(at === 0 ? payload : payload.subarray(at));
			const { config } = samples;
			if (config === null || samples.fault !== '') {
				this.#noSample(track);
				continue;
			}
			if (config !== track.known) {
				track.known = config;
				this.#sink.track({ kind: 'audio', sourceId, config });
			}
			const frame = this.#audio;
			frame.sourceId = sourceId;
			frame.dtsMs = dtsMs + offsetMs;
			frame.payload = samples.payload;
			this.#sink.frame(frame);
			offsetMs += (config.frameSamples * 1000) / config.sampleRate;
		}
	}

	#header({ codec, samples }: VideoTrack | AudioTrack, record: Buffer): void {
		if (samples === null) {
			this.#skip(`codec ${codec} cannot be packaged`);
		} else {
			samples.header(record);
		}
	}

	#announceVideo(track: VideoTrack, sourceId: number, config: VideoConfig): void {
		const complete = withColorInfo(config, track.colorInfo);
		track.known = config;
		if (track.told === null || !sameConfig(track.told, complete)) {
			track.told = complete;
			this.#sink.track({ kind: 'video', sourceId, config: complete });
		}
	}

	#videoTrack(trackId: number, codec: VideoCodec): VideoTrack {
		let track = this.#videoTracks[trackId];
		if (track === undefined || track.codec !== codec) {
			track = { codec, samples: videoSamplesOf(codec), colorInfo: null, known: null, told: track?.told ?? null };
			this.#videoTracks[trackId] = track;
		}
		return track;
	}

	#audioTrack(trackId: number, codec: AudioCodec): AudioTrack {
		let track = this.#audioTracks[trackId];
		if (track === undefined || track.codec !== codec) {
			track = { codec, samples: audioSamplesOf(codec), known: null };
			this.#audioTracks[trackId] = track;
		}
		return track;
	}

	/** The newest frame made no sample; that is a fault unless it waits for the next one. */
	#noSample({ codec, samples }: VideoTrack | AudioTrack): void {
		const fault = samples === null ? `codec ${codec} cannot be packaged` : samples.fault;
		if (fault !== '') {
			this.#skip(fault);
		}
	}

	#skip(fault: string): void {
		this.#skippedTags++;
		this.#lastFault = fault;
	}
}

function withColorInfo(config: VideoConfig, colorInfo: ColorInfo | null): VideoConfig {
	if (colorInfo === null) {
		return config;
	}
	const colour = config.colour ?? colorInfo.colour;
	return { ...config, colour, ...(colorInfo.hdr === null ? {} : { hdr: colorInfo.hdr }) };
}

function newFrame(kind: 'video' | 'audio'): Frame {
	return {
		kind,
		sourceId: 0,
		dtsMs: 0,
		compositionTimeMs: 0,
		keyframe: kind === 'audio',
		droppable: false,
		payload: Buffer.alloc(0),
	};
}
