/** A step of the source's clock away from the counted samples that is taken over at once: sound is missing or was added. */
const JUMP_MS = 100;
/** A lasting difference beyond this is taken over: the source's clock and its sampling rate drift apart. */
const DRIFT_MS = 10;
/** Frames over which a difference must last; about 1.5 s of AAC. Jitter of single timestamps averages out. */
const SMOOTHING_FRAMES = 64;

/**
 * Places audio frames by counting their samples. FLV's whole milliseconds would make the 23.22 ms of an AAC frame 23 or 24,
 * which players render as clicks; they only anchor the count, and anchor it anew when the two have come apart.
 */
export class AudioClock {
	readonly #ticksPerMs: number;
	#next = Number.NaN;
	#smoothedError = 0;
	#reanchors = 0;

	/** Ticks are samples: `sampleRate` of them in a second. */
	constructor(sampleRate: number) {
		this.#ticksPerMs = sampleRate / 1000;
	}

	/** The number of times that the count was given up for the source's timestamps, without the first anchor. */
	get reanchors(): number {
		return this.#reanchors;
	}

	/**
	 * Time in ticks of a frame that the source stamps `timeMs`. It is never before `earliest`.
	 * A frame whose number of samples is unknown (`samples` 0) is placed by its timestamp alone.
	 */
	place(timeMs: number, samples: number, earliest: number): number {
		const stamped = timeMs * this.#ticksPerMs;
		let at = this.#next;
		const error = stamped - at;
		this.#smoothedError += (error - this.#smoothedError) / SMOOTHING_FRAMES;
		if (Number.isNaN(at) || samples === 0) {
			at = stamped;
			this.#smoothedError = 0;
		} else if (Math.abs(error) > JUMP_MS * this.#ticksPerMs) {
			at = stamped;
			this.#smoothedError = 0;
			this.#reanchors++;
		} else if (Math.abs(this.#smoothedError) > DRIFT_MS * this.#ticksPerMs) {
			at += this.#smoothedError;
			this.#smoothedError = 0;
			this.#reanchors++;
		}
		at = Math.max(earliest, Math.round(at));
		this.#next = at + samples;
		return at;
	}

	/** Forgets the count: the next frame is anchored by its timestamp. */
	restart(): void {
		this.#next = Number.NaN;
		this.#smoothedError = 0;
	}
}
