// Spec: ISO/IEC 23000-19 (CMAF: tracks, fragments, segments); rfc8216bis 3.1.2 and 3.3 (fMP4 segments, parts)
import type { BufferPool } from '../bytes/buffer-pool.js';
import { audioFrameSamples } from '../codec/audio-frame-samples.js';
import type { TrackConfig } from '../codec/track-config.js';
import { timescaleOf } from '../container/mp4/init-segment.js';
import {
	DELTA_SAMPLE_FLAGS,
	DROPPABLE_SAMPLE_FLAGS,
	SampleRun,
	SYNC_SAMPLE_FLAGS,
} from '../container/mp4/sample-run.js';
import { AudioClock } from './audio-clock.js';
import type { Frame, SourceTrack } from './frame.js';
import type { SegmentSink } from './segment-planner.js';

/** A track as it is in the output. Ids never change within a take. */
export type PackagedTrack = {
	trackId: number;
	kind: 'video' | 'audio';
	config: TrackConfig;
	timescale: number;
	/**
	 * The number of ticks by which media times are later than presentation. It is the wait of the first picture between
	 * decoding and presentation, or the warm-up of an Opus decoder. With it a segment's decoding times are its
	 * presentation times, in which playlists and manifests count, and no composition offset need be negative.
	 */
	mediaTimeOffset: number;
};

/** One movie fragment: an LL-HLS part, or a whole segment. */
export type Fragment = {
	/** Counts all fragments of the take, from 1. */
	sequenceNumber: number;
	/** Samples of each track that has any, video first. Borrowed until return; the payload of each run may be kept. */
	runs: readonly { track: PackagedTrack; run: SampleRun }[];
	/** Decoding can start with the first video sample; always true without video. */
	independent: boolean;
	/** Decoding time of the leading track's first sample since the take began. */
	startMs: number;
	durationMs: number;
	/** First of its segment. */
	startsSegment: boolean;
};

export type CmafSink = {
	/** The tracks of everything that follows: an init segment. Comes before the first fragment, and again when they change. */
	init(tracks: readonly PackagedTrack[]): void;
	fragment(fragment: Fragment): void;
	/** Called once, before the first segment ends: no segment, rounded to seconds, and no later part will be longer. */
	targetDuration?(seconds: number, partTargetMs: number): void;
	/** The fragments since the last call make a segment. `discontinuity`: the next segment does not continue it. */
	segmentEnd(discontinuity: boolean): void;
	/** Nothing follows. */
	end(): void;
};

const MAX_FRAGMENT_BYTES = 64 * 1024 * 1024;
/** At a discontinuity, a gap up to this is filled by the last sample before it; a longer one is the publisher's absence. */
const MAX_STRETCH_MS = 1000;

export type PackagerOptions = {
	/** A fragment is ended early rather than grow beyond this. */
	maxFragmentBytes: number;
	/** The source of payload buffers. The sink gives a buffer back when it has written it. */
	pool: BufferPool | null;
	/** False: runs come with sizes but without payloads, for an index. */
	payloads: boolean;
};

type OutputTrack = PackagedTrack & {
	run: SampleRun;
	/** The start of the newest sample, in ticks; -1 before the first. */
	lastStart: number;
	lastDuration: number;
	clock: AudioClock | null;
};

const TRACK_IDS = { video: 1, audio: 2 } as const;

/** Frames to fragments and segments, once, for every output that is made of them. */
export class CmafPackager implements SegmentSink {
	readonly #sink: CmafSink;
	readonly #options: PackagerOptions;
	#tracks: OutputTrack[] = [];
	#sequenceNumber = 0;
	#fragmentStartsSegment = true;
	#fragmentIndependent = true;
	/** The first picture's wait between decoding and presentation, which holds for the whole take; NaN before it. */
	#reorderMs = Number.NaN;
	/** The time of the present fragment's first frame; NaN before it. */
	#openMs = Number.NaN;
	/** The sink has not heard of the present tracks yet: the first picture has yet to tell its wait. */
	#initPending = false;

	constructor(sink: CmafSink, options: Partial<PackagerOptions> = {}) {
		this.#sink = sink;
		this.#options = { maxFragmentBytes: MAX_FRAGMENT_BYTES, pool: null, payloads: true, ...options };
	}

	tracks(sources: readonly SourceTrack[]): void {
		const old = this.#tracks;
		this.#tracks = sources.map(({ kind, config }) => {
			const before = old.find((track) => track.kind === kind);
			const timescale = timescaleOf(config);
			// In another timescale the old place means nothing; the stream's one timeline does not go back anyway.
			const place = before !== undefined && before.timescale === timescale ? before : null;
			return {
				trackId: TRACK_IDS[kind],
				kind,
				config,
				timescale,
				run: new SampleRun(this.#options.pool),
				lastStart: place?.lastStart ?? -1,
				lastDuration: place?.lastDuration ?? 0,
				mediaTimeOffset: config.kind === 'audio' ? config.preSkipSamples : 0,
				clock: config.kind === 'audio' ? new AudioClock(config.sampleRate) : null,
			};
		});
		this.#initPending = true;
	}

	frame(frame: Frame, timeMs: number): void {
		const track = this.#tracks.find(({ kind }) => kind === frame.kind);
		if (track === undefined) {
			return;
		}
		if (track.run.payloadBytes > this.#options.maxFragmentBytes) {
			this.#endFragment(timeMs);
		}
		if (Number.isNaN(this.#openMs)) {
			this.#openMs = timeMs;
		}
		if (frame.kind === 'video') {
			this.#addVideo(track, frame, timeMs);
		} else {
			this.#addAudio(track, frame, timeMs);
		}
	}

	partEnd(nextMs: number): void {
		this.#stretchVideo(nextMs, Number.POSITIVE_INFINITY);
		this.#endFragment(nextMs);
	}

	targetDuration(seconds: number, partTargetMs: number): void {
		this.#sink.targetDuration?.(seconds, partTargetMs);
	}

	segmentEnd(nextMs: number, discontinuity: boolean): void {
		this.#stretchVideo(nextMs, discontinuity ? MAX_STRETCH_MS : Number.POSITIVE_INFINITY);
		this.#endFragment(nextMs);
		this.#sink.segmentEnd(discontinuity);
		this.#fragmentStartsSegment = true;
		if (discontinuity) {
			for (const track of this.#tracks) {
				track.clock?.restart();
			}
		}
	}

	end(): void {
		this.#sink.end();
	}

	#addVideo(track: OutputTrack, frame: Frame, timeMs: number): void {
		if (Number.isNaN(this.#reorderMs)) {
			this.#reorderMs = Math.max(0, frame.compositionTimeMs);
		}
		track.mediaTimeOffset = Math.round((this.#reorderMs * track.timescale) / 1000);
		const start = Math.max(ticksOf(track, timeMs) + track.mediaTimeOffset, track.lastStart + 1);
		this.#stretch(track, start);
		if (track.run.count === 0) {
			track.run.reset(start);
			this.#fragmentIndependent = frame.keyframe;
		}
		const flags = frame.keyframe ? SYNC_SAMPLE_FLAGS : frame.droppable ? DROPPABLE_SAMPLE_FLAGS : DELTA_SAMPLE_FLAGS;
		const offset = Math.round((frame.compositionTimeMs * track.timescale) / 1000);
		// Its duration is known with the next frame; should none come, it lasts as long as the one before.
		this.#push(track, frame.payload, flags, offset);
		track.lastStart = start;
	}

	#addAudio(track: OutputTrack, frame: Frame, timeMs: number): void {
		if (track.config.kind !== 'audio' || track.clock === null) {
			return;
		}
		const samples = audioFrameSamples(track.config, frame.payload);
		const earliest = track.run.count > 0 ? track.lastStart + 1 : Math.max(0, track.lastStart + track.lastDuration);
		const start = track.clock.place(timeMs + (track.mediaTimeOffset * 1000) / track.timescale, samples, earliest);
		this.#stretch(track, start);
		if (track.run.count === 0) {
			track.run.reset(start);
		}
		track.lastDuration = samples > 0 ? samples : track.lastDuration;
		this.#push(track, frame.payload, SYNC_SAMPLE_FLAGS, 0);
		track.lastStart = start;
	}

	#push({ run, lastDuration }: OutputTrack, payload: Buffer, flags: number, offset: number): void {
		if (this.#options.payloads) {
			run.push(payload, lastDuration, flags, offset);
		} else {
			run.measure(payload.length, lastDuration, flags, offset);
		}
	}

	/** Makes the newest sample of the present fragment last until `end`. */
	#stretch(track: OutputTrack, end: number): void {
		if (track.run.count > 0 && end > track.lastStart) {
			track.lastDuration = track.kind === 'video' ? end - track.lastStart : track.lastDuration;
			track.run.stretchLast(end - track.lastStart);
		}
	}

	/** The last picture before a cut lasts until what follows, unless that is further away than `mostMs`. */
	#stretchVideo(nextMs: number, mostMs: number): void {
		const [leading] = this.#tracks;
		if (leading?.kind === 'video') {
			const end = ticksOf(leading, nextMs) + leading.mediaTimeOffset;
			if (end - leading.lastStart < (mostMs * leading.timescale) / 1000) {
				this.#stretch(leading, end);
			}
		}
	}

	/** @param endMs the time at which what follows starts: the fragment lasts until then, whatever its samples say. */
	#endFragment(endMs: number): void {
		const runs = this.#tracks.filter(({ run }) => run.count > 0).map((track) => ({ track, run: track.run }));
		const leading = runs[0];
		if (leading === undefined) {
			return;
		}
		if (this.#initPending) {
			this.#initPending = false;
			this.#sink.init(this.#tracks);
		}
		const { timescale } = leading.track;
		const soundOnly = this.#tracks[0]!.kind === 'audio';
		this.#sequenceNumber++;
		this.#sink.fragment({
			sequenceNumber: this.#sequenceNumber,
			runs,
			independent: soundOnly || (leading.track.kind === 'video' && this.#fragmentIndependent),
			startMs: (leading.run.baseDecodeTime * 1000) / timescale,
			durationMs: Math.max(0, endMs - this.#openMs),
			startsSegment: this.#fragmentStartsSegment,
		});
		this.#fragmentStartsSegment = false;
		this.#openMs = Number.NaN;
		for (const { run } of runs) {
			run.reset(0);
		}
	}
}

function ticksOf(track: OutputTrack, timeMs: number): number {
	return Math.round((timeMs * track.timescale) / 1000);
}
