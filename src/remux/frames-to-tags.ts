import type { AmfValue } from '../codec/amf-value.js';
import { serializeAmf0 } from '../codec/amf0.js';
import { decodedSoundOf } from '../codec/decoded-sound.js';
import { parseDOps, serializeOpusHead } from '../codec/opus/identification-header.js';
import type { AudioConfig, TrackConfig, VideoConfig } from '../codec/track-config.js';
import { TagType } from '../container/flv/tag.js';
import { AudioTagHead, VideoTagHead } from '../container/flv/tag-body.js';
import { FrameType } from '../container/flv/video-tag.js';
import type { Frame, FrameSink, SourceTrack } from './frame.js';

const FLAC_MAGIC = Buffer.from('fLaC');
const NO_HEAD = new Uint8Array(0);

export type TagPurpose = 'metadata' | 'sequenceHeader' | 'keyframe' | 'frame';

/**
 * Takes one tag. Its body is `head` and then `payload`; both are borrowed until return. `keyframe` is said of pictures only.
 */
export type TakeTag = (
	tagType: number,
	timestampMs: number,
	head: Uint8Array,
	payload: Uint8Array,
	purpose: TagPurpose,
) => void;

type Track<Config, Head> = { sourceId: number; config: Config; head: Head };

/**
 * Frames to FLV tags: onMetaData, sequence headers, then media. The first track of each kind is written, as the default track:
 * few players know another. Both must be known before the first frame, or the metadata misses one.
 */
export class FramesToTags implements FrameSink {
	readonly #take: TakeTag;
	#video: Track<VideoConfig, VideoTagHead> | null = null;
	#audio: Track<AudioConfig, AudioTagHead> | null = null;
	#started = false;
	#originMs = 0;
	#latestMs = 0;

	constructor(take: TakeTag) {
		this.#take = take;
	}

	/** The highest time of a tag so far. */
	get latestMs(): number {
		return this.#latestMs;
	}

	get hasVideo(): boolean {
		return this.#video !== null;
	}

	get hasAudio(): boolean {
		return this.#audio !== null;
	}

	track({ sourceId, config }: SourceTrack): void {
		const known = config.kind === 'video' ? this.#video : this.#audio;
		if (known !== null && known.sourceId !== sourceId) {
			return;
		}
		if (config.kind === 'video') {
			this.#video = { sourceId, config, head: new VideoTagHead(config.codec) };
		} else {
			const head = new AudioTagHead(config.codec, config.sampleRate, config.channels);
			this.#audio = { sourceId, config, head };
		}
		if (this.#started) {
			this.#sequenceHeader(config.kind);
		}
	}

	frame(frame: Frame): void {
		const track = frame.kind === 'video' ? this.#video : this.#audio;
		if (track === null || track.sourceId !== frame.sourceId) {
			return;
		}
		const roundedMs = Math.round(frame.dtsMs);
		if (!this.#started) {
			this.#originMs = Math.min(0, roundedMs);
			this.#start();
		}
		const timestampMs = Math.max(0, roundedMs - this.#originMs);
		this.#latestMs = Math.max(this.#latestMs, timestampMs);
		if (track.head instanceof AudioTagHead) {
			this.#take(TagType.audio, timestampMs, track.head.frame, frame.payload, 'frame');
			return;
		}
		const frameType = frame.keyframe ? FrameType.key : frame.droppable ? FrameType.disposableInter : FrameType.inter;
		const compositionTimeMs = Math.round(frame.dtsMs + frame.compositionTimeMs) - roundedMs;
		const head = track.head.frame(frameType, compositionTimeMs);
		this.#take(TagType.video, timestampMs, head, frame.payload, frame.keyframe ? 'keyframe' : 'frame');
	}

	splice(): void {
		// Time goes on; tags need no mark.
	}

	end(): void {
		if (!this.#started) {
			this.#start();
		}
	}

	#start(): void {
		this.#started = true;
		const metadata = serializeAmf0('onMetaData', metadataOf(this.#video?.config, this.#audio?.config));
		this.#take(TagType.script, 0, NO_HEAD, metadata, 'metadata');
		this.#sequenceHeader('video');
		this.#sequenceHeader('audio');
	}

	/** One that comes late has the time of the last frame: a time of 0 would be another clock for a reader. */
	#sequenceHeader(kind: 'video' | 'audio'): void {
		const track = kind === 'video' ? this.#video : this.#audio;
		const record = track === null ? null : sequenceRecordOf(track.config);
		if (track !== null && record !== null) {
			const tagType = kind === 'video' ? TagType.video : TagType.audio;
			this.#take(tagType, this.#latestMs, track.head.sequenceStart, record, 'sequenceHeader');
		}
	}
}

function metadataOf(video: VideoConfig | undefined, audio: AudioConfig | undefined): Map<string, AmfValue> {
	const metadata = new Map<string, AmfValue>();
	if (video !== undefined) {
		metadata.set('width', video.width).set('height', video.height);
	}
	if (audio !== undefined) {
		const { sampleRate, channels } = decodedSoundOf(audio);
		metadata.set('audiosamplerate', sampleRate).set('stereo', channels > 1);
	}
	return metadata;
}

/** The payload of a track's sequence header; null for a codec whose frames say all. */
function sequenceRecordOf(config: TrackConfig): Buffer | null {
	switch (config.codec) {
		case 'opus':
			return serializeOpusHead(parseDOps(config.record));
		case 'flac':
			return Buffer.concat([FLAC_MAGIC, config.record]);
		case 'mp3':
		case 'ac3':
		case 'eac3':
			return null;
		default:
			return config.record;
	}
}
