// Spec: Adobe Flash Video File Format 10.1, E.4.2 and E.4.3; Enhanced RTMP v2 (bodies of audio and video tags)
import { parseAmf0 } from '../codec/amf0.js';
import { stripTemporalDelimiters } from '../codec/av1/obu.js';
import type { AudioCodec, CodecName } from '../codec/codec-name.js';
import { readColorInfo } from '../codec/hdr.js';
import {
	configOfAc3Sample,
	configOfMp3Frame,
	parseAacConfig,
	parseAv1Config,
	parseFlacTrackConfig,
	parseH264Config,
	parseH265Config,
	parseH266Config,
	parseOpusConfig,
	parseVpConfig,
	sameConfig,
	type TrackConfig,
} from '../codec/track-config.js';
import { AudioPacketType, parseAudioTag } from '../container/flv/audio-tag.js';
import { TagType } from '../container/flv/tag.js';
import { FrameType, parseVideoTag, type VideoPacket, VideoPacketType } from '../container/flv/video-tag.js';
import { peerErrorOf } from '../errors.js';
import type { Frame, FrameSink } from './frame.js';

const NANOSECONDS_PER_MS = 1_000_000;
/** First byte of a plain H.264 and AAC tag: the two that nearly every tag is. */
const LEGACY_H264 = 7;
const LEGACY_AAC = 10;

type ColorInfo = ReturnType<typeof readColorInfo>;

type TrackState = {
	config: TrackConfig | null;
	/** VP8 and VP9 tell their size only in the key frame after this. */
	pendingVpConfig: Buffer | null;
	/** The colours that the publisher stated outside the bitstream. */
	colorInfo: ColorInfo | null;
};

/**
 * FLV tags to frames. Tracks whose codec no MP4 or TS can carry are left out; a configuration or frame that cannot be understood
 * is left out too, and counted: one bad tag never ends a recording.
 */
export class FramesFromFlv {
	readonly #sink: FrameSink;
	readonly #tracks = new Map<string, TrackState>();
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

	/** Why the newest tag was skipped; empty when none was. */
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

	splice(): void {
		this.#sink.splice();
	}

	end(): void {
		this.#sink.end();
	}

	#videoTag(dtsMs: number, body: Buffer): void {
		const first = body[0]!;
		if ((first & 0x8f) === LEGACY_H264 && body[1] === VideoPacketType.codedFrames && body.length > 5) {
			const frameType = first >>> 4;
			if (frameType !== FrameType.command) {
				const compositionTimeMs = (body.readUIntBE(2, 3) << 8) >> 8;
				this.#videoFrame(0, frameType, dtsMs, compositionTimeMs, body.subarray(5));
			}
			return;
		}
		const tag = parseVideoTag(body);
		for (const packet of tag.packets) {
			const payload = body.subarray(packet.start, packet.end);
			if (tag.packetType === VideoPacketType.sequenceStart) {
				this.#videoHeader(packet, payload);
			} else if (tag.packetType === VideoPacketType.metadata) {
				this.#videoMetadata(packet.trackId, payload);
			} else if (tag.packetType === VideoPacketType.codedFrames || tag.packetType === VideoPacketType.codedFramesX) {
				const offsetMs = packet.compositionTimeMs + tag.timestampOffsetNano / NANOSECONDS_PER_MS;
				this.#completeVp(packet, tag.frameType, payload);
				const media = packet.codec === 'av1' ? stripTemporalDelimiters(payload) : payload;
				this.#videoFrame(packet.trackId, tag.frameType, dtsMs, offsetMs, media);
			}
		}
	}

	#videoHeader(packet: VideoPacket, record: Buffer): void {
		if (packet.codec === 'vp8' || packet.codec === 'vp9') {
			this.#state('video', packet.trackId).pendingVpConfig = Buffer.from(record);
			return;
		}
		const parse = VIDEO_PARSERS[packet.codec];
		if (parse === undefined) {
			this.#skip(`video codec ${packet.codec} cannot be packaged`);
			return;
		}
		this.#configure('video', packet.trackId, parse(record));
	}

	/** Colours that the publisher tells apart from the bitstream; those in the bitstream come first. */
	#videoMetadata(sourceId: number, payload: Buffer): void {
		const state = this.#state('video', sourceId);
		const values = parseAmf0(payload);
		const at = values.indexOf('colorInfo');
		if (at < 0) {
			return;
		}
		state.colorInfo = readColorInfo(values[at + 1]);
		if (state.config !== null) {
			this.#configure('video', sourceId, state.config);
		}
	}

	#completeVp(packet: VideoPacket, frameType: number, payload: Buffer): void {
		const { codec } = packet;
		if ((codec !== 'vp8' && codec !== 'vp9') || frameType !== FrameType.key) {
			return;
		}
		const state = this.#state('video', packet.trackId);
		if (state.pendingVpConfig !== null) {
			this.#configure('video', packet.trackId, parseVpConfig(codec, state.pendingVpConfig, payload));
		}
	}

	#videoFrame(sourceId: number, frameType: number, dtsMs: number, compositionTimeMs: number, payload: Buffer): void {
		if (payload.length === 0 || this.#state('video', sourceId).config === null) {
			this.#skip('video frame without a sequence header');
			return;
		}
		const frame = this.#video;
		frame.sourceId = sourceId;
		frame.dtsMs = dtsMs;
		frame.compositionTimeMs = compositionTimeMs;
		frame.keyframe = frameType === FrameType.key || frameType === FrameType.generatedKey;
		frame.droppable = frameType === FrameType.disposableInter;
		frame.payload = payload;
		this.#sink.frame(frame);
	}

	#audioTag(dtsMs: number, body: Buffer): void {
		if (body.length > 2 && body[0]! >>> 4 === LEGACY_AAC && body[1] === AudioPacketType.codedFrames) {
			this.#audioFrame(0, 'aac', dtsMs, body.subarray(2));
			return;
		}
		const tag = parseAudioTag(body);
		for (const packet of tag.packets) {
			const payload = body.subarray(packet.start, packet.end);
			if (tag.packetType === AudioPacketType.sequenceStart) {
				this.#audioHeader(packet.trackId, packet.codec, payload);
			} else if (tag.packetType === AudioPacketType.codedFrames && payload.length > 0) {
				this.#audioFrame(packet.trackId, packet.codec, dtsMs + tag.timestampOffsetNano / NANOSECONDS_PER_MS, payload);
			}
		}
	}

	#audioHeader(sourceId: number, codec: AudioCodec, record: Buffer): void {
		const parse = AUDIO_PARSERS[codec];
		if (parse === undefined) {
			this.#skip(`audio codec ${codec} has no sequence header that we know`);
			return;
		}
		this.#configure('audio', sourceId, parse(record));
	}

	#audioFrame(sourceId: number, codec: AudioCodec, dtsMs: number, payload: Buffer): void {
		const parseFrame = SELF_DESCRIBING[codec];
		const state = this.#state('audio', sourceId);
		if (parseFrame !== undefined && state.config?.codec !== codec) {
			this.#configure('audio', sourceId, parseFrame(payload));
		}
		if (state.config === null) {
			this.#skip(`audio codec ${codec} without a configuration`);
			return;
		}
		const frame = this.#audio;
		frame.sourceId = sourceId;
		frame.dtsMs = dtsMs;
		frame.payload = payload;
		this.#sink.frame(frame);
	}

	#configure(kind: 'video' | 'audio', sourceId: number, config: TrackConfig): void {
		const state = this.#state(kind, sourceId);
		state.pendingVpConfig = null;
		const complete = withColorInfo(config, state.colorInfo);
		if (state.config === null || !sameConfig(state.config, complete)) {
			state.config = complete;
			this.#sink.track({ kind, sourceId, config: complete });
		}
	}

	#state(kind: 'video' | 'audio', sourceId: number): TrackState {
		const key = `${kind}${sourceId}`;
		let state = this.#tracks.get(key);
		if (state === undefined) {
			state = { config: null, pendingVpConfig: null, colorInfo: null };
			this.#tracks.set(key, state);
		}
		return state;
	}

	#skip(fault: string): void {
		this.#skippedTags++;
		this.#lastFault = fault;
	}
}

const VIDEO_PARSERS: { readonly [codec in CodecName]?: (record: Buffer) => TrackConfig } = {
	h264: parseH264Config,
	h265: parseH265Config,
	h266: parseH266Config,
	av1: parseAv1Config,
};

const AUDIO_PARSERS: { readonly [codec in CodecName]?: (record: Buffer) => TrackConfig } = {
	aac: parseAacConfig,
	opus: parseOpusConfig,
	flac: parseFlacTrackConfig,
};

/** Codecs that have no sequence header: each frame says all. */
const SELF_DESCRIBING: { readonly [codec in CodecName]?: (frame: Buffer) => TrackConfig } = {
	mp3: configOfMp3Frame,
	ac3: configOfAc3Sample,
	eac3: configOfAc3Sample,
};

function withColorInfo(config: TrackConfig, colorInfo: ColorInfo | null): TrackConfig {
	if (config.kind !== 'video' || colorInfo === null) {
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
