// Spec: RFC 8216 3.2 (MPEG-2 TS segments)
import type { BufferPool } from '../bytes/buffer-pool.js';
import { audioFrameSamples } from '../codec/audio-frame-samples.js';
import type { AudioConfig, VideoConfig } from '../codec/track-config.js';
import { fitsTransportStream, TsMuxer } from '../container/mpegts/muxer.js';
import { TICKS_PER_SECOND } from '../container/mpegts/timestamp.js';
import { AudioClock } from './audio-clock.js';
import type { Frame, SourceTrack } from './frame.js';
import { ScriptToId3 } from './script-id3.js';
import type { SegmentSink } from './segment-planner.js';

/** A transport stream segment: it starts with the tables, and with a keyframe when `independent`. */
export type TsSegment = {
	/** A buffer from the segmenter's pool. The receiver gives it back there when it has written it. */
	bytes: Buffer;
	startMs: number;
	durationMs: number;
	independent: boolean;
	/** The next segment does not continue this one. */
	discontinuity: boolean;
};

export type TsSink = {
	/** Codec strings of the tracks that follow, and the picture. */
	tracks(codecs: readonly string[], video: VideoConfig | null): void;
	/** Called once, before the first segment: no segment, rounded to seconds, will be longer. */
	targetDuration?(seconds: number): void;
	/** When it is there it gets the bytes of the present segment as they come, borrowed until return, and `segment` only the last ones. */
	piece?(bytes: Buffer): void;
	segment(segment: TsSegment): void;
	/** A track cannot be carried in a transport stream and is left out; without its leading track nothing is carried. */
	leftOut(track: SourceTrack, leading: boolean): void;
	end(): void;
};

const TICKS_PER_MS = TICKS_PER_SECOND / 1000;
/** ID3 tags that wait for a segment that announces them. */
const MAX_HELD_TAGS = 64;

/** A segment may be longer than its playlist's target duration by this much and still round to it. */
const ROUNDED_DOWN_MS = 499;

/** Frames to transport stream segments. */
export class TsSegmenter implements SegmentSink {
	readonly #sink: TsSink;
	readonly #pool: BufferPool | null;
	readonly #spill: ((bytes: Buffer) => void) | null;
	#muxer: TsMuxer | null = null;
	#version = -1;
	#video: VideoConfig | null = null;
	#audio: AudioConfig | null = null;
	#clock: AudioClock | null = null;
	#audioEnd = 0;
	#segmentEmpty = true;
	#startMs = 0;
	#longestMs = Number.POSITIVE_INFINITY;
	#independent = false;
	/** The segment has a frame of the leading track. */
	#leadSeen = false;
	readonly #scripts = new ScriptToId3();
	/** ID3 tags that the next segment begins with. */
	#heldTags: { tag: Buffer; timeMs: number }[] = [];
	/** The tables of the present segments announce ID3. */
	#hasId3 = false;

	constructor(sink: TsSink, pool: BufferPool | null = null) {
		this.#sink = sink;
		this.#pool = pool;
		this.#spill = sink.piece === undefined ? null : (bytes) => sink.piece?.(bytes);
	}

	tracks(sources: readonly SourceTrack[]): void {
		this.#video = null;
		this.#audio = null;
		this.#muxer = null;
		for (const source of sources) {
			const { config } = source;
			if (!fitsTransportStream(config)) {
				const leading = source === sources[0];
				this.#sink.leftOut(source, leading);
				if (leading) {
					return;
				}
			} else if (config.kind === 'video') {
				this.#video = config;
			} else {
				this.#audio = config;
			}
		}
		this.#makeMuxer();
		this.#clock = this.#audio === null ? null : new AudioClock(this.#audio.sampleRate);
		this.#audioEnd = 0;
		const carried = [this.#video, this.#audio].filter((config) => config !== null);
		const codecs = carried.map((config) => (config.codec === 'mp3' ? 'mp4a.40.34' : config.codecString));
		this.#sink.tracks(codecs, this.#video);
	}

	frame(frame: Frame, timeMs: number): void {
		const config = frame.kind === 'video' ? this.#video : this.#audio;
		if (config === null || this.#muxer === null) {
			return;
		}
		const leads = frame.kind === 'video' || this.#video === null;
		if (this.#segmentEmpty) {
			this.#segmentEmpty = false;
			this.#startMs = timeMs;
			this.#independent = false;
			this.#leadSeen = false;
			this.#muxer.writeTables();
			this.#writeHeldTags(this.#muxer);
		}
		if (leads) {
			this.#independent ||= !this.#leadSeen && frame.keyframe;
			this.#leadSeen = true;
		}
		if (config.kind === 'video') {
			const dts = Math.round(timeMs * TICKS_PER_MS);
			const pts = dts + Math.round(frame.compositionTimeMs * TICKS_PER_MS);
			this.#muxer.writeVideo(frame.payload, pts, dts, frame.keyframe);
		} else {
			this.#writeAudio(this.#muxer, config, frame, timeMs);
		}
	}

	/** The first one makes the next segment announce ID3; until then they are held. */
	script(body: Buffer, timeMs: number): void {
		const tag = this.#scripts.tagOf(body);
		if (tag === null) {
			return;
		}
		if (this.#hasId3 && !this.#segmentEmpty) {
			this.#muxer?.writeId3(tag, Math.round(timeMs * TICKS_PER_MS));
		} else if (this.#heldTags.length < MAX_HELD_TAGS) {
			this.#heldTags.push({ tag, timeMs });
		}
	}

	targetDuration(seconds: number): void {
		this.#longestMs = seconds * 1000 + ROUNDED_DOWN_MS;
		this.#sink.targetDuration?.(seconds);
	}

	segmentEnd(nextMs: number, discontinuity: boolean): void {
		if (this.#muxer === null || this.#segmentEmpty) {
			return;
		}
		this.#muxer.flushAudio();
		const announcesId3 = this.#heldTags.length > 0 && !this.#hasId3;
		// A picture that stands still for long does not count.
		const durationMs = Math.min(nextMs - this.#startMs, this.#longestMs);
		this.#sink.segment({
			bytes: this.#muxer.take(),
			startMs: this.#startMs,
			durationMs,
			independent: this.#independent,
			// Another number of tracks is one.
			discontinuity: discontinuity || announcesId3,
		});
		this.#segmentEmpty = true;
		if (announcesId3) {
			this.#makeMuxer();
		}
		if (discontinuity) {
			this.#clock?.restart();
		}
	}

	end(): void {
		this.#sink.end();
	}

	#makeMuxer(): void {
		this.#version++;
		this.#hasId3 ||= this.#heldTags.length > 0;
		const options = { version: this.#version, id3: this.#hasId3, pool: this.#pool, spill: this.#spill };
		this.#muxer = new TsMuxer(this.#video, this.#audio, options);
	}

	#writeHeldTags(muxer: TsMuxer): void {
		if (this.#hasId3) {
			for (const { tag, timeMs } of this.#heldTags) {
				muxer.writeId3(tag, Math.round(Math.max(timeMs, this.#startMs) * TICKS_PER_MS));
			}
			this.#heldTags = [];
		}
	}

	#writeAudio(muxer: TsMuxer, config: AudioConfig, frame: Frame, timeMs: number): void {
		const samples = audioFrameSamples(config, frame.payload);
		const start = this.#clock!.place(timeMs, samples, this.#audioEnd);
		this.#audioEnd = start + 1;
		muxer.writeAudio(frame.payload, Math.round((start * TICKS_PER_SECOND) / config.sampleRate));
	}
}
