import { sameConfig } from '../codec/track-config.js';
import type { Frame, FrameSink, SourceTrack } from './frame.js';
import { Cut, type CutPolicy, SegmentCutter } from './segment-cutter.js';

/** Makes segments of frames. Every kind of segment is cut at the same places. */
export type SegmentSink = {
	/** The tracks of everything that follows, video first. Comes before the first frame, and again when they change. */
	tracks(sources: readonly SourceTrack[]): void;
	/** `timeMs`: decoding time since the take began. The frame is borrowed until return. */
	frame(frame: Frame, timeMs: number): void;
	/** Script data between frames; before the first one it has no time of its own and comes at 0. Borrowed until return. */
	script?(body: Buffer, timeMs: number): void;
	/** The frames since the last end are a part. The segment goes on with a frame at `nextMs`. */
	partEnd?(nextMs: number): void;
	/** Called once, before the first segment ends: no segment, rounded to seconds, and no later part will be longer. */
	targetDuration?(seconds: number, partTargetMs: number): void;
	/**
	 * The segment ends at `nextMs`: a frame follows there, or no segment may last longer, or the last frame is over.
	 * `discontinuity`: the next segment does not continue it.
	 */
	segmentEnd(nextMs: number, discontinuity: boolean): void;
	/** Nothing follows. */
	end(): void;
};

export type SegmentPolicy = CutPolicy & {
	/** The planner waits this long after the first frame for the other kind of track, in stream time. */
	trackWaitMs: number;
};

export const DEFAULT_SEGMENT_POLICY: SegmentPolicy = {
	targetMs: 4000,
	maxMs: 8000,
	partMs: 0,
	targetDuration: 0,
	trackWaitMs: 1000,
};

/** More is never held while a track is waited for. */
const MAX_HELD_BYTES = 16 * 1024 * 1024;
const MAX_HELD_FRAMES = 1024;
/** A gap that is longer is no frame's duration. */
const MAX_STRETCH_MS = 1000;

/** Sound and picture that end within this end together, with the picture. */
const IN_STEP_MS = 100;

/** The time of a track's newest frame, NaN before the first, and the time since the one before it. */
type Newest = { timeMs: number; gapMs: number };
const NO_FRAME: Newest = { timeMs: Number.NaN, gapMs: 0 };

/**
 * Decides where a stream's segments begin and end. Takes the default (lowest numbered) video and audio track; a segment starts
 * with a keyframe of the video unless the next one is too far off. Time counts from the first frame of the take.
 */
export class SegmentPlanner implements FrameSink {
	readonly #sink: SegmentSink;
	readonly #policy: SegmentPolicy;
	readonly #cutter: SegmentCutter;
	readonly #sources: { video: SourceTrack | null; audio: SourceTrack | null } = { video: null, audio: null };
	/** The tracks of the present segment. */
	#active: SourceTrack[] = [];
	/** The first frames, kept until the tracks are known. Null once they are. */
	#held: Frame[] | null = [];
	#heldBytes = 0;
	#originMs = Number.NaN;
	/** Tracks have appeared or changed: they begin at the next frame that needs nothing before it. */
	#tracksChanged = true;
	#spliced = false;
	#segmentOpen = false;
	#segmentStartMs = 0;
	#targetFixed = false;
	readonly #newest: { video: Newest; audio: Newest } = { video: { ...NO_FRAME }, audio: { ...NO_FRAME } };

	constructor(sink: SegmentSink, policy: Partial<SegmentPolicy> = {}) {
		this.#sink = sink;
		this.#policy = { ...DEFAULT_SEGMENT_POLICY, ...policy };
		this.#cutter = new SegmentCutter(this.#policy);
	}

	/** Stream time of the take's first frame, which is time 0 of the segments; NaN before it. */
	get originMs(): number {
		return this.#originMs;
	}

	track(track: SourceTrack): void {
		const current = this.#sources[track.kind];
		if (current !== null && track.sourceId > current.sourceId) {
			return; // another track than the default one
		}
		if (current === null || current.sourceId !== track.sourceId || !sameConfig(current.config, track.config)) {
			this.#sources[track.kind] = track;
			this.#tracksChanged = true;
		}
	}

	frame(frame: Frame): void {
		if (this.#sources[frame.kind]?.sourceId !== frame.sourceId) {
			return;
		}
		if (this.#held === null) {
			this.#place(frame);
			return;
		}
		this.#held.push({ ...frame, payload: Buffer.from(frame.payload) });
		this.#heldBytes += frame.payload.length;
		const waitedMs = frame.dtsMs - this.#held[0]!.dtsMs;
		const complete = this.#sources.audio !== null && this.#held.some(isPictureStart);
		if (
			complete ||
			waitedMs >= this.#policy.trackWaitMs ||
			this.#held.length === MAX_HELD_FRAMES ||
			this.#heldBytes > MAX_HELD_BYTES
		) {
			this.#release();
		}
	}

	script(dtsMs: number, body: Buffer): void {
		this.#sink.script?.(body, Number.isNaN(this.#originMs) ? 0 : Math.max(0, dtsMs - this.#originMs));
	}

	splice(): void {
		this.#spliced ||= this.#segmentOpen;
	}

	end(): void {
		this.#release();
		this.#endSegment(this.#lastEndMs(), false);
		this.#sink.end();
	}

	#release(): void {
		const held = this.#held ?? [];
		this.#held = null;
		const pictureStart = held.findIndex(isPictureStart);
		if (pictureStart > 0) {
			// Sound that came a little before the first picture is part of the take.
			this.#restart(held[0]!.dtsMs);
		}
		for (const [index, frame] of held.entries()) {
			if (frame.kind === 'audio' || index >= pictureStart) {
				this.#place(frame);
			}
		}
	}

	#place(frame: Frame): void {
		if (this.#tracksChanged || this.#spliced) {
			const leads = frame.kind === 'video' || this.#sources.video === null;
			if (leads && frame.keyframe) {
				this.#restart(frame.dtsMs);
			} else if (this.#spliced || !this.#goesOn(frame.kind)) {
				return; // nothing that it could refer to
			}
		}
		const timeMs = frame.dtsMs - this.#originMs;
		if (timeMs < 0) {
			return; // from before the take's first picture
		}
		if (frame.kind === this.#active[0]?.kind) {
			this.#cut(this.#cutter.before(timeMs, frame.keyframe), timeMs);
		} else {
			// The picture may stand still for minutes while sound goes on.
			this.#cut(this.#cutter.beforeOther(timeMs), timeMs);
		}
		if (!this.#segmentOpen) {
			this.#segmentOpen = true;
			this.#segmentStartMs = timeMs;
		}
		this.#note(frame.kind, timeMs);
		this.#sink.frame(frame, timeMs);
	}

	#note(kind: 'video' | 'audio', timeMs: number): void {
		const newest = this.#newest[kind];
		newest.gapMs = Number.isNaN(newest.timeMs) ? 0 : Math.max(0, timeMs - newest.timeMs);
		newest.timeMs = timeMs;
	}

	/**
	 * The time at which the frames so far are over. A frame lasts as long as the one before it, a picture beside sound a second at
	 * most: pictures that change now and then, or have stopped, last as long as the sound does.
	 */
	#lastEndMs(): number {
		const { video, audio } = this.#newest;
		const hasSound = !Number.isNaN(audio.timeMs);
		const soundMs = hasSound ? audio.timeMs + Math.min(audio.gapMs, MAX_STRETCH_MS) : 0;
		if (Number.isNaN(video.timeMs)) {
			return soundMs;
		}
		const pictureMs = video.timeMs + (hasSound ? Math.min(video.gapMs, MAX_STRETCH_MS) : video.gapMs);
		return soundMs - pictureMs > IN_STEP_MS ? soundMs : pictureMs;
	}

	/** While a change of the other track waits for a keyframe, this one goes on as it was. */
	#goesOn(kind: 'video' | 'audio'): boolean {
		return this.#active.some((track) => track === this.#sources[kind]);
	}

	/** Starts a new segment at a frame that nothing before leads to. */
	#restart(dtsMs: number): void {
		if (Number.isNaN(this.#originMs)) {
			this.#originMs = dtsMs;
		}
		const timeMs = dtsMs - this.#originMs;
		this.#endSegment(timeMs, true);
		this.#spliced = false;
		if (this.#tracksChanged) {
			this.#tracksChanged = false;
			this.#active = [this.#sources.video, this.#sources.audio].filter((track) => track !== null);
			this.#sink.tracks(this.#active);
		}
		this.#cutter.restart(timeMs);
	}

	#cut(cut: Cut, timeMs: number): void {
		if (cut === Cut.segment) {
			this.#endSegment(timeMs, false);
		} else if (cut === Cut.part) {
			this.#sink.partEnd?.(this.#cutter.partEndBefore(timeMs));
		}
	}

	#endSegment(startOfNextMs: number, discontinuity: boolean): void {
		if (this.#segmentOpen) {
			this.#segmentOpen = false;
			const isGone = discontinuity && startOfNextMs - this.#lastEndMs() > MAX_STRETCH_MS;
			const nextMs = isGone ? this.#lastEndMs() : this.#cutter.endBefore(startOfNextMs, this.#segmentStartMs);
			if (!this.#targetFixed) {
				this.#targetFixed = true;
				this.#sink.targetDuration?.(
					this.#cutter.fixTargetDuration(nextMs - this.#segmentStartMs),
					this.#cutter.fixPartTarget(),
				);
			}
			this.#sink.segmentEnd(nextMs, discontinuity);
		}
	}
}

function isPictureStart(frame: Frame): boolean {
	return frame.kind === 'video' && frame.keyframe;
}
