// Spec: ISO/IEC 23000-19 (CMAF: tracks, fragments, segments); rfc8216bis 3.1.2 and 3.3 (fMP4 segments, parts)
import { audioFrameSamples } from '../codec/audio-frame-samples.js';
import { sameConfig, type TrackConfig } from '../codec/track-config.js';
import { timescaleOf } from '../container/mp4/init-segment.js';
import {
	DELTA_SAMPLE_FLAGS,
	DROPPABLE_SAMPLE_FLAGS,
	SampleRun,
	SYNC_SAMPLE_FLAGS,
} from '../container/mp4/sample-run.js';
import { AudioClock } from './audio-clock.js';
import type { Frame, FrameSink, SourceTrack } from './frame.js';
import { Cut, type CutPolicy, SegmentCutter } from './segment-cutter.js';

/** A track as it is in the output. Ids never change within a take. */
export type PackagedTrack = { trackId: number; kind: 'video' | 'audio'; config: TrackConfig; timescale: number };

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
	/** The fragments since the last call make a segment. `discontinuity`: what follows does not continue it. */
	segmentEnd(discontinuity: boolean): void;
	/** Nothing follows. */
	end(): void;
};

export type CmafOptions = CutPolicy & {
	/** How long after the first frame the other kind of track is waited for, in stream time. */
	trackWaitMs: number;
	/** A fragment is ended early rather than grow beyond this. */
	maxFragmentBytes: number;
};

export const CMAF_DEFAULTS: CmafOptions = {
	targetMs: 4000,
	maxMs: 8000,
	partMs: 0,
	trackWaitMs: 1000,
	maxFragmentBytes: 64 * 1024 * 1024,
};

type OutputTrack = PackagedTrack & {
	run: SampleRun;
	/** Where the newest sample starts, in ticks; -1 before the first. */
	lastStart: number;
	lastDuration: number;
	clock: AudioClock | null;
};

/** More frames than that are never held while a track is waited for. */
const MAX_HELD_FRAMES = 1024;
/** At a change of tracks, a gap up to this is filled by the last sample before it. */
const MAX_STRETCH_MS = 1000;

const TRACK_IDS = { video: 1, audio: 2 } as const;

/**
 * Frames to fragments and segments, once, for every output that is made of them. Takes the default (lowest numbered) video and
 * audio track; a segment starts with a keyframe of the video. Time counts from the first frame of the take.
 */
export class CmafPackager implements FrameSink {
	readonly #sink: CmafSink;
	readonly #options: CmafOptions;
	readonly #cutter: SegmentCutter;
	readonly #sources: { video: SourceTrack | null; audio: SourceTrack | null } = { video: null, audio: null };
	#tracks: OutputTrack[] = [];
	/** The first frames, kept until the tracks are known. Null once they are. */
	#held: Frame[] | null = [];
	#originMs = Number.NaN;
	#sequenceNumber = 0;
	/** Tracks have appeared or changed: the next frame opens a new init segment. */
	#tracksChanged = true;
	#spliced = false;
	#segmentOpen = false;
	#fragmentStartsSegment = true;
	#fragmentIndependent = true;

	constructor(sink: CmafSink, options: Partial<CmafOptions> = {}) {
		this.#sink = sink;
		this.#options = { ...CMAF_DEFAULTS, ...options };
		this.#cutter = new SegmentCutter(this.#options);
	}

	/** Stream time of the take's first frame, which is time 0 of the output; NaN before it. */
	get originMs(): number {
		return this.#originMs;
	}

	/** From now on segments end after `maxMs` at the latest, keyframe or not. */
	limitSegments(maxMs: number): void {
		this.#cutter.limitTo(maxMs);
	}

	track(track: SourceTrack): void {
		const current = this.#sources[track.kind];
		if (current !== null && track.sourceId > current.sourceId) {
			return; // another track than the default one
		}
		this.#sources[track.kind] = track;
		this.#tracksChanged ||= current === null || !sameConfig(current.config, track.config);
	}

	frame(frame: Frame): void {
		if (this.#sources[frame.kind]?.sourceId !== frame.sourceId) {
			return;
		}
		if (this.#held === null) {
			this.#package(frame);
			return;
		}
		this.#held.push({ ...frame, payload: Buffer.from(frame.payload) });
		const waitedMs = frame.dtsMs - this.#held[0]!.dtsMs;
		const bothKnown = this.#sources.video !== null && this.#sources.audio !== null;
		if (bothKnown || waitedMs >= this.#options.trackWaitMs || this.#held.length === MAX_HELD_FRAMES) {
			this.#release();
		}
	}

	splice(): void {
		if (this.#segmentOpen) {
			this.#spliced = true;
		}
	}

	end(): void {
		this.#release();
		this.#endSegment(false);
		this.#sink.end();
	}

	#release(): void {
		const held = this.#held ?? [];
		this.#held = null;
		for (const frame of held) {
			this.#package(frame);
		}
	}

	#package(frame: Frame): void {
		if (this.#tracksChanged || this.#spliced) {
			const leads = frame.kind === 'video' || this.#sources.video === null;
			if (leads && frame.keyframe) {
				this.#restart(frame.dtsMs);
			} else if (this.#spliced || !this.#continues(frame.kind)) {
				return; // nothing that it could refer to
			}
		}
		const track = this.#tracks.find(({ kind }) => kind === frame.kind);
		if (track === undefined) {
			return;
		}
		this.#cutBefore(frame);
		if (frame.kind === 'video') {
			this.#addVideo(track, frame);
		} else {
			this.#addAudio(track, frame);
		}
		if (track.run.payloadBytes > this.#options.maxFragmentBytes) {
			this.#endFragment();
		}
	}

	/** While a change of the other track waits for a keyframe, this one goes on in the old tracks. */
	#continues(kind: 'video' | 'audio'): boolean {
		return this.#tracks.some((track) => track.kind === kind && track.config === this.#sources[kind]?.config);
	}

	/** Starts a new segment at a frame that nothing before leads to, with a new init segment when the tracks are others. */
	#restart(dtsMs: number): void {
		if (Number.isNaN(this.#originMs)) {
			this.#originMs = dtsMs;
		}
		const [leading] = this.#tracks;
		if (leading?.kind === 'video') {
			const end = this.#ticks(leading, dtsMs);
			if (end - leading.lastStart < (MAX_STRETCH_MS * leading.timescale) / 1000) {
				this.#stretch(leading, end);
			}
		}
		this.#endSegment(true);
		this.#spliced = false;
		for (const track of this.#tracks) {
			track.clock?.restart();
		}
		if (this.#tracksChanged) {
			this.#tracksChanged = false;
			this.#openTracks();
			this.#sink.init(this.#tracks);
		}
		this.#cutter.restart(dtsMs);
	}

	#openTracks(): void {
		const old = this.#tracks;
		this.#tracks = [];
		for (const source of [this.#sources.video, this.#sources.audio]) {
			if (source === null) {
				continue;
			}
			const { kind, config } = source;
			const before = old.find((track) => track.kind === kind);
			const timescale = timescaleOf(config);
			// In another timescale the old place means nothing; the stream's one timeline does not go back anyway.
			const goesOn = before?.timescale === timescale;
			this.#tracks.push({
				trackId: TRACK_IDS[kind],
				kind,
				config,
				timescale,
				run: new SampleRun(),
				lastStart: goesOn ? before.lastStart : -1,
				lastDuration: goesOn ? before.lastDuration : 0,
				clock: config.kind === 'audio' ? new AudioClock(config.sampleRate) : null,
			});
		}
	}

	#cutBefore(frame: Frame): void {
		const [leading] = this.#tracks;
		if (leading?.kind !== frame.kind) {
			// The picture may stand still for minutes while sound goes on.
			if (this.#cutter.isOverflowing(frame.dtsMs)) {
				this.#endSegment(false);
				this.#cutter.restart(frame.dtsMs);
			}
			return;
		}
		const cut = this.#cutter.before(frame.dtsMs, frame.keyframe);
		if (cut === Cut.none) {
			return;
		}
		// The last sample before the cut lasts until this frame.
		if (frame.kind === 'video') {
			this.#stretch(leading, this.#ticks(leading, frame.dtsMs));
		}
		if (cut === Cut.segment) {
			this.#endSegment(false);
		} else {
			this.#endFragment();
		}
	}

	#addVideo(track: OutputTrack, frame: Frame): void {
		const start = Math.max(this.#ticks(track, frame.dtsMs), track.lastStart + 1);
		this.#stretch(track, start);
		if (track.run.count === 0) {
			track.run.reset(start);
			this.#fragmentIndependent = frame.keyframe;
		}
		const flags = frame.keyframe ? SYNC_SAMPLE_FLAGS : frame.droppable ? DROPPABLE_SAMPLE_FLAGS : DELTA_SAMPLE_FLAGS;
		const offset = Math.round((frame.compositionTimeMs * track.timescale) / 1000);
		// Its duration is known with the next frame; should none come, it lasts as long as the one before.
		track.run.push(frame.payload, track.lastDuration, flags, offset);
		track.lastStart = start;
		this.#segmentOpen = true;
	}

	#addAudio(track: OutputTrack, frame: Frame): void {
		if (track.config.kind !== 'audio' || track.clock === null) {
			return;
		}
		const timeMs = frame.dtsMs - this.#originMs;
		if (timeMs < 0) {
			return; // from before the take's first picture
		}
		const samples = audioFrameSamples(track.config, frame.payload);
		const earliest = track.run.count > 0 ? track.lastStart + 1 : Math.max(0, track.lastStart + track.lastDuration);
		const start = track.clock.place(timeMs, samples, earliest);
		this.#stretch(track, start);
		if (track.run.count === 0) {
			track.run.reset(start);
		}
		track.lastDuration = samples > 0 ? samples : track.lastDuration;
		track.run.push(frame.payload, track.lastDuration, SYNC_SAMPLE_FLAGS, 0);
		track.lastStart = start;
		this.#segmentOpen = true;
	}

	/** Makes the newest sample of the present fragment last until `end`. */
	#stretch(track: OutputTrack, end: number): void {
		if (track.run.count > 0 && end > track.lastStart) {
			track.lastDuration = track.kind === 'video' ? end - track.lastStart : track.lastDuration;
			track.run.stretchLast(end - track.lastStart);
		}
	}

	#ticks(track: OutputTrack, dtsMs: number): number {
		return Math.round(((dtsMs - this.#originMs) * track.timescale) / 1000);
	}

	#endFragment(): void {
		const runs = this.#tracks.filter(({ run }) => run.count > 0).map((track) => ({ track, run: track.run }));
		const leading = runs[0];
		if (leading === undefined) {
			return;
		}
		const { timescale } = leading.track;
		this.#sequenceNumber++;
		this.#sink.fragment({
			sequenceNumber: this.#sequenceNumber,
			runs,
			independent: this.#tracks[0]!.kind === 'audio' || (leading.track.kind === 'video' && this.#fragmentIndependent),
			startMs: (leading.run.baseDecodeTime * 1000) / timescale,
			durationMs: (leading.run.durationTicks * 1000) / timescale,
			startsSegment: this.#fragmentStartsSegment,
		});
		this.#fragmentStartsSegment = false;
		for (const { run } of runs) {
			run.reset(0);
		}
	}

	#endSegment(discontinuity: boolean): void {
		if (!this.#segmentOpen) {
			return;
		}
		this.#endFragment();
		this.#sink.segmentEnd(discontinuity);
		this.#segmentOpen = false;
		this.#fragmentStartsSegment = true;
	}
}
