import { SourceClock } from './source-clock.js';

/** A piece of sound that is later than the samples before it say by more than this has a gap in front of it. */
const GAP_MS = 30;
/** A longer gap is no gap: the device was away. The time jumps then. */
const MAX_SILENCE_MS = 10_000;
/** The clocks of sound card and page differ: the difference is made up for at this rate. */
const SLEW = 0.005;

/**
 * The times of a track's sound, by counting samples, so that each encoded frame begins where the one before it ends. A busy page loses
 * sound, and the encoder does not know: what was lost is replaced by silence, or everything behind it would be early.
 */
export class AudioTimeline {
	readonly #clock = new SourceClock();
	/** Time of the first sample, in ms of the page's clock, with everything that was made up for since. */
	#originMs: number | null = null;
	#samplesIn = 0;
	#samplesOut = 0;
	#sampleRate = 0;

	/**
	 * Takes note of a piece of sound. @returns how many samples of silence belong before it; null when it is not wanted: the clock is not
	 * settled yet, or the piece is older than what has been taken already.
	 */
	place(
		{ timestamp, numberOfFrames, sampleRate }: { timestamp: number; numberOfFrames: number; sampleRate: number },
		arrivedAtMs: number,
	): number | null {
		const timeMs = this.#clock.timeOf(timestamp, arrivedAtMs);
		if (timeMs === null) {
			return null;
		}
		this.#sampleRate = sampleRate;
		this.#originMs ??= timeMs;
		const lateMs = timeMs - (this.#originMs + this.#msOf(this.#samplesIn));
		const silence = lateMs > GAP_MS && lateMs <= MAX_SILENCE_MS ? Math.round((lateMs * sampleRate) / 1000) : 0;
		if (silence === 0) {
			const step = SLEW * this.#msOf(numberOfFrames);
			this.#originMs += lateMs > MAX_SILENCE_MS ? lateMs : Math.max(-step, Math.min(step, lateMs));
			if (lateMs < -GAP_MS) {
				return null;
			}
		}
		this.#samplesIn += silence + numberOfFrames;
		return silence;
	}

	/** Time of the next encoded frame in ms of the page's clock. `durationUs`: of its sound. */
	next(durationUs: number): number {
		const timeMs = (this.#originMs ?? 0) + this.#msOf(this.#samplesOut);
		this.#samplesOut += Math.round((durationUs * this.#sampleRate) / 1e6);
		return timeMs;
	}

	#msOf(samples: number): number {
		return this.#sampleRate === 0 ? 0 : (samples / this.#sampleRate) * 1000;
	}
}
