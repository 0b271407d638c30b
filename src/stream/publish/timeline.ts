/**
 * The stream's one timeline: a source's timestamps (milliseconds modulo 2^32, as encoders send them) become `dtsMs`, which never
 * wraps and, in mode `full`, never runs backwards within a track.
 *
 * A well-formed source passes with one constant offset, so audio and video keep their distance. When a source breaks its
 * clock, the offset changes: the first track over the break sets it, and each other track takes it over at its own first tag
 * beyond the break, so they land in sync.
 */

export type JitterMode = 'full' | 'zero' | 'off';

/** A step ahead of the newest frame by more than this is a broken clock, not a pause. */
export const FORWARD_LIMIT_MS = 10_000;
/** A track's step back by no more than this is jitter: its frames wait at its last time. A larger one is a broken clock. */
export const BACKWARD_LIMIT_MS = 1000;
/** Headers and script data are trusted with times this near to the frames around them. */
const ASIDE_LIMIT_MS = 1000;
/** Steps larger than this say nothing of the distance between frames. */
const MAX_INTERVAL_MS = 1000;
const INTERVAL_SMOOTHING = 1 / 8;
/** Distance of the first frame of a splice from what was there before, until frames have been measured. */
const FIRST_INTERVAL_MS = { audio: 23, video: 33 } as const;
/** Encoders that leave out TimestampExtended wrap here. */
const WRAP_24_MS = 0x100_0000;

export type TrackKind = 'audio' | 'video';

type Track = {
	lastMs: number;
	intervalMs: number;
	/** What makes source time stream time. */
	offsetMs: number;
	/** Which of the timeline's offsets that is. */
	generation: number;
};

/** The timeline as one source sees it. One instance for each publication; a splice continues at `resumeAfterMs`. */
export class Timeline {
	readonly #mode: JitterMode;
	readonly #resumeAfterMs: number | null;
	readonly #keepsSourceTime: boolean;
	readonly #tracks = new Map<number, Track>();
	#startMs = 0;
	#started = false;
	#offsetMs = 0;
	#generation = 0;
	#lastRaw = 0;
	#lastSourceMs = 0;
	#latestMs = 0;
	#repairs = 0;

	/**
	 * `resumeAfterMs`: the newest time of the stream that this source is spliced to, or null when it opens the stream. `relayed`: the
	 * source is a stream with a timeline of its own, and one that opens the stream keeps it.
	 */
	constructor(mode: JitterMode, resumeAfterMs: number | null, relayed = false) {
		this.#mode = mode;
		this.#keepsSourceTime = (mode === 'off' || relayed) && resumeAfterMs === null;
		this.#resumeAfterMs = resumeAfterMs;
		this.#startMs = resumeAfterMs ?? 0;
		this.#latestMs = this.#startMs;
	}

	/** Timestamps that did not come out as they went in: clamped frames and broken clocks. */
	get repairs(): number {
		return this.#repairs;
	}

	/** The newest time given out. */
	get latestMs(): number {
		return this.#latestMs;
	}

	/** Stream time of a media frame. `timestampMs` is the source's, modulo 2^32. */
	frame(kind: TrackKind, trackId: number, timestampMs: number): number {
		if (!this.#started) {
			this.#start(kind, timestampMs);
		}
		const sourceMs = this.#unwrap(timestampMs);
		this.#lastRaw = timestampMs;
		this.#lastSourceMs = sourceMs;
		const dtsMs = this.#mode === 'full' ? this.#repaired(kind, trackId, sourceMs) : this.#shifted(sourceMs);
		this.#latestMs = Math.max(this.#latestMs, dtsMs);
		return dtsMs;
	}

	/**
	 * Stream time of what is no frame (sequence header, script data): near its own, but never in front of a frame that its track
	 * has had. Such tags neither start nor repair the timeline.
	 */
	aside(timestampMs: number, kind?: TrackKind, trackId = 0): number {
		if (!this.#started) {
			return this.#keepsSourceTime ? timestampMs : this.#startMs;
		}
		const track = kind === undefined ? undefined : this.#tracks.get(trackKey(kind, trackId));
		if (track !== undefined) {
			return track.lastMs;
		}
		const dtsMs = this.#unwrap(timestampMs) + this.#offsetMs;
		const isNear = Math.abs(dtsMs - this.#latestMs) <= ASIDE_LIMIT_MS;
		return isNear ? Math.max(dtsMs, this.#startMs) : this.#latestMs;
	}

	#start(kind: TrackKind, timestampMs: number): void {
		this.#started = true;
		this.#lastRaw = timestampMs;
		this.#lastSourceMs = timestampMs;
		if (this.#resumeAfterMs !== null) {
			this.#startMs = this.#resumeAfterMs + FIRST_INTERVAL_MS[kind];
		}
		this.#offsetMs = this.#keepsSourceTime ? 0 : this.#startMs - timestampMs;
		this.#latestMs = this.#offsetMs + timestampMs;
	}

	/** Serial arithmetic modulo 2^32, and modulo 2^24 for a source that has never been beyond it. */
	#unwrap(timestampMs: number): number {
		const step = (timestampMs - this.#lastRaw) | 0;
		if (Math.abs(step) > FORWARD_LIMIT_MS && timestampMs < WRAP_24_MS && this.#lastRaw < WRAP_24_MS) {
			const wrapped = step < 0 ? step + WRAP_24_MS : step - WRAP_24_MS;
			if (Math.abs(wrapped) <= FORWARD_LIMIT_MS) {
				return this.#lastSourceMs + wrapped;
			}
		}
		return this.#lastSourceMs + step;
	}

	#shifted(sourceMs: number): number {
		return Math.max(sourceMs + this.#offsetMs, this.#startMs);
	}

	#repaired(kind: TrackKind, trackId: number, sourceMs: number): number {
		const key = trackKey(kind, trackId);
		const track = this.#tracks.get(key);
		if (track === undefined) {
			return this.#firstOfTrack(key, kind, sourceMs);
		}
		if (track.generation !== this.#generation && this.#isBeyondBreak(track, sourceMs)) {
			track.offsetMs = this.#offsetMs;
			track.generation = this.#generation;
		}
		const candidateMs = sourceMs + track.offsetMs;
		const stepMs = candidateMs - track.lastMs;
		if (stepMs < -BACKWARD_LIMIT_MS || Math.abs(candidateMs - this.#latestMs) > FORWARD_LIMIT_MS) {
			track.lastMs = this.#rebase(track, sourceMs);
			return track.lastMs;
		}
		const leastMs = kind === 'video' ? track.lastMs + 1 : track.lastMs;
		if (candidateMs < leastMs) {
			this.#repairs += 1;
			track.lastMs = leastMs;
			return leastMs;
		}
		if (stepMs > 0 && stepMs <= MAX_INTERVAL_MS) {
			track.intervalMs += (stepMs - track.intervalMs) * INTERVAL_SMOOTHING;
		}
		track.lastMs = candidateMs;
		return candidateMs;
	}

	#firstOfTrack(key: number, kind: TrackKind, sourceMs: number): number {
		const candidateMs = sourceMs + this.#offsetMs;
		const track: Track = {
			lastMs: Math.max(candidateMs, this.#startMs),
			intervalMs: FIRST_INTERVAL_MS[kind],
			offsetMs: this.#offsetMs,
			generation: this.#generation,
		};
		this.#tracks.set(key, track);
		if (Math.abs(candidateMs - this.#latestMs) > FORWARD_LIMIT_MS) {
			// The tracks of this source do not share a clock. Each goes by its own from here on.
			track.lastMs = this.#rebase(track, sourceMs);
		} else if (candidateMs < this.#startMs) {
			this.#repairs += 1;
		}
		return track.lastMs;
	}

	/** Another track has met a break in the clock: has this one, too, or is this still a tag from before it? */
	#isBeyondBreak(track: Track, sourceMs: number): boolean {
		const beforeMs = sourceMs + track.offsetMs;
		const beyondMs = sourceMs + this.#offsetMs;
		return Math.abs(beyondMs - this.#latestMs) < Math.abs(beforeMs - this.#latestMs);
	}

	/** Goes on one frame after the newest, whatever the source's clock says, and makes that the offset for all. */
	#rebase(track: Track, sourceMs: number): number {
		const dtsMs = this.#latestMs + Math.max(Math.round(track.intervalMs), 1);
		this.#repairs += 1;
		this.#offsetMs = dtsMs - sourceMs;
		this.#generation += 1;
		track.offsetMs = this.#offsetMs;
		track.generation = this.#generation;
		return dtsMs;
	}
}

function trackKey(kind: TrackKind, trackId: number): number {
	return (trackId << 1) | (kind === 'video' ? 1 : 0);
}
