// Spec: Adobe Flash Video File Format 10.1, E.4.2 and E.4.3; Enhanced RTMP v2 (bodies of audio and video tags)
import { writeUint24 } from '../bytes/big-endian.js';
import type { BufferPool } from '../bytes/buffer-pool.js';
import type { AmfValue } from '../codec/amf-value.js';
import { serializeAmf0 } from '../codec/amf0.js';
import { parseDOps, serializeOpusHead } from '../codec/opus/identification-header.js';
import type { AudioConfig, TrackConfig } from '../codec/track-config.js';
import { AudioPacketType } from '../container/flv/audio-tag.js';
import {
	PREVIOUS_TAG_SIZE_BYTES,
	TAG_HEADER_BYTES,
	TagType,
	writePreviousTagSize,
	writeTagHeader,
} from '../container/flv/tag.js';
import { FrameType, VideoPacketType } from '../container/flv/video-tag.js';
import { buildFileHeader, buildTag } from '../container/flv/writer.js';
import type { Frame, FrameSink, SourceTrack } from './frame.js';

const VIDEO_FOUR_CC = { h264: 'avc1', h265: 'hvc1', h266: 'vvc1', av1: 'av01', vp9: 'vp09', vp8: 'vp08' } as const;
const AUDIO_FOUR_CC = { aac: 'mp4a', mp3: '.mp3', opus: 'Opus', flac: 'fLaC', ac3: 'ac-3', eac3: 'ec-3' } as const;
const LEGACY_H264 = 7;
/** SoundFormat AAC, 44 kHz, 16 bit, stereo: the only thing that AAC tags may say. */
const LEGACY_AAC = 0xaf;
/** SoundFormat MP3, 16 bit. */
const LEGACY_MP3 = 0x22;
const EX_VIDEO = 0x80;
const EX_AUDIO = 0x90;
const WITH_COMPOSITION_TIME = new Set(['h264', 'h265', 'h266']);
/** Written at once: many tags, and what has just been written is still in a processor's own cache when the file takes it. */
const BUFFER_BYTES = 256 * 1024;
/** All of a video tag's first byte but the frame type. */
const FRAME_TYPE_CLEAR = 0x8f;

/** What an FLV file has besides its media. */
export type FlvFilePlan = {
	/** File header and metadata; `metadata` is the body of an onMetaData with what the tracks say. */
	head(hasAudio: boolean, hasVideo: boolean, metadata: Buffer): Uint8Array;
	/** Hears of the places that a player may seek to: milliseconds, and offsets in the file. */
	index: {
		sequenceHeader(position: number): void;
		keyframe(timeMs: number, position: number): void;
		audioFrame(timeMs: number, position: number): void;
	} | null;
};

const PLAIN_FILE: FlvFilePlan = {
	head: (hasAudio, hasVideo, metadata) =>
		Buffer.concat([buildFileHeader(hasAudio, hasVideo), buildTag(TagType.script, 0, metadata)]),
	index: null,
};

type FlvTrack = SourceTrack & ReturnType<typeof frameHead>;

/**
 * Frames to the bytes of an FLV file: H.264 and AAC as they always were, all else in Enhanced RTMP's form. Both tracks must be
 * known before the first frame, or the file header misses one.
 */
export class FramesToFlv implements FrameSink {
	readonly #write: (bytes: Buffer) => void;
	readonly #plan: FlvFilePlan;
	readonly #tracks: { video: FlvTrack | null; audio: FlvTrack | null } = { video: null, audio: null };
	readonly #pool: BufferPool;
	#buffer: Buffer;
	#length = 0;
	#writtenBytes = 0;
	#durationMs = 0;
	#started = false;
	#originMs = 0;

	/** `write` takes bytes out of `pool`, to which it gives them back. */
	constructor(pool: BufferPool, write: (bytes: Buffer) => void, plan: FlvFilePlan = PLAIN_FILE) {
		this.#pool = pool;
		this.#buffer = pool.take(BUFFER_BYTES);
		this.#write = write;
		this.#plan = plan;
	}

	/** Time of the last frame. */
	get durationMs(): number {
		return this.#durationMs;
	}

	track(track: SourceTrack): void {
		if ((this.#tracks[track.kind]?.sourceId ?? track.sourceId) !== track.sourceId) {
			return;
		}
		this.#tracks[track.kind] = { ...track, ...frameHead(track.config) };
		if (this.#started) {
			this.#sequenceHeader(track.config, 0);
		}
	}

	frame(frame: Frame): void {
		const track = this.#tracks[frame.kind];
		if (track === null || track.sourceId !== frame.sourceId) {
			return;
		}
		if (!this.#started) {
			this.#started = true;
			this.#originMs = Math.min(0, Math.round(frame.dtsMs));
			this.#start();
		}
		const roundedMs = Math.round(frame.dtsMs);
		const dtsMs = Math.max(0, roundedMs - this.#originMs);
		this.#durationMs = Math.max(this.#durationMs, dtsMs);
		const { head, compositionTimeAt } = track;
		if (frame.kind === 'audio') {
			this.#plan.index?.audioFrame(dtsMs, this.#position);
			this.#tag(TagType.audio, dtsMs, head, frame.payload);
			return;
		}
		if (frame.keyframe) {
			this.#plan.index?.keyframe(dtsMs, this.#position);
		}
		const frameType = frame.keyframe ? FrameType.key : frame.droppable ? FrameType.disposableInter : FrameType.inter;
		head[0] = (head[0]! & FRAME_TYPE_CLEAR) | (frameType << 4);
		if (compositionTimeAt > 0) {
			writeUint24(head, compositionTimeAt, Math.round(frame.dtsMs + frame.compositionTimeMs) - roundedMs);
		}
		this.#tag(TagType.video, dtsMs, head, frame.payload);
	}

	splice(): void {
		// Time goes on; a file needs no mark.
	}

	end(): void {
		if (!this.#started) {
			this.#started = true;
			this.#start();
		}
		this.#flush();
	}

	#start(): void {
		const video = this.#tracks.video?.config;
		const audio = this.#tracks.audio?.config;
		const metadata = new Map<string, AmfValue>();
		if (video?.kind === 'video') {
			metadata.set('width', video.width).set('height', video.height);
		}
		if (audio?.kind === 'audio') {
			metadata.set('audiosamplerate', audio.sampleRate).set('stereo', audio.channels > 1);
		}
		this.#append(this.#plan.head(audio !== undefined, video !== undefined, serializeAmf0('onMetaData', metadata)));
		this.#plan.index?.sequenceHeader(this.#position);
		for (const config of [video, audio]) {
			if (config !== undefined) {
				this.#sequenceHeader(config, 0);
			}
		}
	}

	#sequenceHeader(config: TrackConfig, dtsMs: number): void {
		const record = recordFor(config);
		if (record === null) {
			return;
		}
		if (config.kind === 'audio') {
			const head =
				config.codec === 'aac'
					? [LEGACY_AAC, AudioPacketType.sequenceStart]
					: exAudio(AudioPacketType.sequenceStart, config);
			this.#tag(TagType.audio, dtsMs, Uint8Array.from(head), record);
		} else if (config.codec === 'h264') {
			const head = [(FrameType.key << 4) | LEGACY_H264, VideoPacketType.sequenceStart, 0, 0, 0];
			this.#tag(TagType.video, dtsMs, Uint8Array.from(head), record);
		} else {
			const head = exVideo(FrameType.key, VideoPacketType.sequenceStart, config);
			this.#tag(TagType.video, dtsMs, Uint8Array.from(head), record);
		}
	}

	#tag(tagType: number, dtsMs: number, head: Uint8Array, payload: Uint8Array): void {
		const dataSize = head.length + payload.length;
		this.#reserve(TAG_HEADER_BYTES + dataSize + PREVIOUS_TAG_SIZE_BYTES);
		const buffer = this.#buffer;
		const bodyAt = this.#length + TAG_HEADER_BYTES;
		writeTagHeader(buffer, this.#length, tagType, dataSize, dtsMs);
		for (let index = 0; index < head.length; index++) {
			buffer[bodyAt + index] = head[index]!;
		}
		buffer.set(payload, bodyAt + head.length);
		writePreviousTagSize(buffer, bodyAt + dataSize, dataSize);
		this.#length += TAG_HEADER_BYTES + dataSize + PREVIOUS_TAG_SIZE_BYTES;
	}

	/** Where in the file the next tag begins. */
	get #position(): number {
		return this.#writtenBytes + this.#length;
	}

	#append(bytes: Uint8Array): void {
		this.#reserve(bytes.length);
		this.#buffer.set(bytes, this.#length);
		this.#length += bytes.length;
	}

	#reserve(bytes: number): void {
		if (this.#length + bytes > this.#buffer.length) {
			this.#flush();
			this.#buffer = this.#pool.take(Math.max(BUFFER_BYTES, bytes));
		}
	}

	#flush(): void {
		this.#writtenBytes += this.#length;
		this.#write(this.#buffer.subarray(0, this.#length));
		this.#buffer = Buffer.alloc(0);
		this.#length = 0;
	}
}

/** What stands in front of the frames of a track; those of video fill in type and composition time. */
function frameHead(config: TrackConfig): { head: Uint8Array; compositionTimeAt: number } {
	if (config.kind === 'audio') {
		return { head: Uint8Array.from(audioHead(config)), compositionTimeAt: 0 };
	}
	if (config.codec === 'h264') {
		return { head: Uint8Array.of(LEGACY_H264, VideoPacketType.codedFrames, 0, 0, 0), compositionTimeAt: 2 };
	}
	const head = exVideo(0, VideoPacketType.codedFrames, config);
	return WITH_COMPOSITION_TIME.has(config.codec)
		? { head: Uint8Array.of(...head, 0, 0, 0), compositionTimeAt: head.length }
		: { head: Uint8Array.from(head), compositionTimeAt: 0 };
}

/** What stands in front of a frame of sound. */
function audioHead(config: AudioConfig): number[] {
	switch (config.codec) {
		case 'aac':
			return [LEGACY_AAC, AudioPacketType.codedFrames];
		case 'mp3': {
			const soundRate = config.sampleRate <= 11_025 ? 1 : config.sampleRate <= 22_050 ? 2 : 3;
			return [LEGACY_MP3 | (soundRate << 2) | (config.channels > 1 ? 1 : 0)];
		}
		default:
			return exAudio(AudioPacketType.codedFrames, config);
	}
}

function exVideo(frameType: number, packetType: number, { codec }: TrackConfig): number[] {
	return [EX_VIDEO | (frameType << 4) | packetType, ...ascii(VIDEO_FOUR_CC[codec as keyof typeof VIDEO_FOUR_CC])];
}

function exAudio(packetType: number, { codec }: TrackConfig): number[] {
	return [EX_AUDIO | packetType, ...ascii(AUDIO_FOUR_CC[codec as keyof typeof AUDIO_FOUR_CC])];
}

/** The body of a track's sequence header; null for a codec whose frames say all. */
function recordFor(config: TrackConfig): Buffer | null {
	switch (config.codec) {
		case 'opus':
			return serializeOpusHead(parseDOps(config.record));
		case 'flac':
			return Buffer.concat([Buffer.from('fLaC'), config.record]);
		case 'mp3':
		case 'ac3':
		case 'eac3':
			return null;
		default:
			return config.record;
	}
}

function ascii(text: string): number[] {
	return [...Buffer.from(text, 'latin1')];
}
