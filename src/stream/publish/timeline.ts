/**
 * The stream's one timeline. It turns a source's timestamps (milliseconds modulo 2^32, as encoders send them) into
 * `dtsMs`, which never wraps. In mode `full` it never runs backwards within a track.
 *
 * A well-formed source passes with one constant offset, so audio and video keep their distance. A frame that is off the
 * clock is placed behind the last of its track. It is a wrong timestamp if its track then goes on as before, and
 * nothing else is moved. It is a break in the clock if the next frames go by the same other clock. Then the offset
 * changes, and each track takes it over at its own first tag beyond the break, so they land in sync.
 */

export type JitterMode = 'full' | 'zero' | 'off';

/** A step ahead of the newest frame by more than this is a broken clock, not a pause. */
export const FORWARD_LIMIT_MS = 10_000;
/** A track's step back by no more than this is jitter: its frames wait at its last time. A larger one is a broken clock. */
export const BACKWARD_LIMIT_MS = 1000;
/** Frames that must go by another clock before it is believed: a wrong timestamp in each track is no new clock yet. */
export const BREAK_FRAMES = 3;
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
	/** Added to source time, it gives stream time. */
	offsetMs: number;
	/** The number of that offset among the timeline's offsets. */
	generation: number;
};

/** Another clock that the newest frames may go by. */
type Suspicion = {
	/** The track whose frame was the first off the clock. It is over when a frame of this track is on the clock again. */
	track: Track;
	/** Added to the other clock's time, it gives stream time. */
	offsetMs: number;
	/** Frames that go by it. */
	frames: number;
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
	#suspicion: Suspicion | null = null;

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
		if (track.generation !== this.#generation && this.#isNearer(sourceMs, this.#offsetMs, track)) {
			track.offsetMs = this.#offsetMs;
			track.generation = this.#generation;
		}
		const candidateMs = sourceMs + track.offsetMs;
		const stepMs = candidateMs - track.lastMs;
		const isOff = stepMs < -BACKWARD_LIMIT_MS || !this.#isNear(candidateMs);
		if ((isOff || stepMs < 0) && this.#isSuspected(sourceMs, track)) {
			return this.#confirm(this.#suspicion!, track, kind, sourceMs);
		}
		if (isOff) {
			return this.#suspect(track, sourceMs);
		}
		if (this.#suspicion?.track === track) {
			this.#suspicion = null;
		}
		const leastMs = leastOf(track, kind);
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
		if (!this.#isNear(candidateMs)) {
			// A wrong timestamp, or the tracks of this source do not share a clock. The next frames tell.
			track.lastMs = this.#latestMs;
			this.#suspicion = { track, offsetMs: track.lastMs - sourceMs, frames: 1 };
			this.#repairs += 1;
		} else if (candidateMs < this.#startMs) {
			this.#repairs += 1;
		}
		return track.lastMs;
	}

	#isNear(dtsMs: number): boolean {
		return Math.abs(dtsMs - this.#latestMs) <= FORWARD_LIMIT_MS;
	}

	/** True when a frame goes by the clock with `offsetMs` rather than by the clock of its track so far. */
	#isNearer(sourceMs: number, offsetMs: number, track: Track): boolean {
		return Math.abs(sourceMs + offsetMs - this.#latestMs) < Math.abs(sourceMs + track.offsetMs - this.#latestMs);
	}

	#isSuspected(sourceMs: number, track: Track): boolean {
		const suspicion = this.#suspicion;
		return (
			suspicion !== null &&
			this.#isNear(sourceMs + suspicion.offsetMs) &&
			this.#isNearer(sourceMs, suspicion.offsetMs, track)
		);
	}

	/** A frame is off the clock: it is placed one frame behind the last of its track, or now if that has paused. */
	#suspect(track: Track, sourceMs: number): number {
		const hasPaused = this.#latestMs - track.lastMs > MAX_INTERVAL_MS;
		const dtsMs = hasPaused ? this.#latestMs : track.lastMs + frameMs(track);
		this.#suspicion = { track, offsetMs: dtsMs - sourceMs, frames: 1 };
		this.#repairs += 1;
		track.lastMs = dtsMs;
		return dtsMs;
	}

	/** One more frame goes by the suspected clock. That becomes the clock of all tracks when it has enough of them. */
	#confirm(suspicion: Suspicion, track: Track, kind: TrackKind, sourceMs: number): number {
		suspicion.frames += 1;
		if (suspicion.frames === BREAK_FRAMES) {
			// Time goes on behind the newest frame of all tracks, also when the first track over the break was behind the others.
			const isBehind = sourceMs + suspicion.offsetMs < this.#latestMs;
			this.#offsetMs = isBehind ? this.#latestMs + frameMs(track) - sourceMs : suspicion.offsetMs;
			this.#generation += 1;
			this.#suspicion = null;
			track.offsetMs = this.#offsetMs;
			track.generation = this.#generation;
		}
		const dtsMs = sourceMs + (this.#suspicion?.offsetMs ?? this.#offsetMs);
		const leastMs = leastOf(track, kind);
		this.#repairs += dtsMs < leastMs ? 1 : 0;
		track.lastMs = Math.max(dtsMs, leastMs);
		return track.lastMs;
	}
}

/** The next frame of a track is not before this: pictures are at least a millisecond apart. */
function leastOf(track: Track, kind: TrackKind): number {
	return kind === 'video' ? track.lastMs + 1 : track.lastMs;
}

function frameMs(track: Track): number {
	return Math.max(Math.round(track.intervalMs), 1);
}

function trackKey(kind: TrackKind, trackId: number): number {
	return (trackId << 1) | (kind === 'video' ? 1 : 0);
}
