/** Seek points that a take's index has room for. A long take always has at least half as many. */
export const MAX_SEEK_POINTS = 2048;
/** Between the seek points of a take without video. */
const AUDIO_STEP_MS = 1000;

/**
 * The places that a player may seek to in a take: times and file positions of tags. It never grows beyond
 * MAX_SEEK_POINTS. When it is full, every second entry goes, and from then on only every second, fourth, ... keyframe
 * comes in.
 */
export class KeyframeIndex {
	/** Milliseconds from the start of the take. */
	#timesMs: number[] = [];
	/** Offsets of tags in the file. */
	#positions: number[] = [];
	#offered = 0;
	#stride = 1;
	#hasKeyframes = false;
	#lastAudioMs = Number.NEGATIVE_INFINITY;

	get timesMs(): readonly number[] {
		return this.#timesMs;
	}

	get positions(): readonly number[] {
		return this.#positions;
	}

	/** The first tag of the take when it is no frame: players that read this index expect a sequence header in its first entry. */
	sequenceHeader(position: number): void {
		this.#offer(0, position);
	}

	/** A keyframe of the first video track, in file order. */
	keyframe(timeMs: number, position: number): void {
		this.#hasKeyframes = true;
		this.#offer(timeMs, position);
	}

	/** An audio frame, in file order: a seek point as long as there is no video. */
	audioFrame(timeMs: number, position: number): void {
		if (!this.#hasKeyframes && timeMs - this.#lastAudioMs >= AUDIO_STEP_MS) {
			this.#lastAudioMs = timeMs;
			this.#offer(timeMs, position);
		}
	}

	#offer(timeMs: number, position: number): void {
		if (this.#timesMs.length === MAX_SEEK_POINTS) {
			const isKept = (_: number, index: number): boolean => index % 2 === 0;
			this.#timesMs = this.#timesMs.filter(isKept);
			this.#positions = this.#positions.filter(isKept);
			this.#stride *= 2;
		}
		if (this.#offered++ % this.#stride === 0) {
			this.#timesMs.push(timeMs);
			this.#positions.push(position);
		}
	}
}
