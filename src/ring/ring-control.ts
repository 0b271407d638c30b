import { Figure, type Lifecycle, viewRing, Word } from './layout.js';

/** A value of the `lifecycle` word. */
export type LifecycleState = (typeof Lifecycle)[keyof typeof Lifecycle];

/**
 * The coordinator's words of one ring: the right to write, and the state of the stream. **One user: the coordinator.**
 * It writes no records. To end a stream it grants itself the ring and attaches a RingWriter like any other writer.
 */
export class RingControl {
	readonly ring: SharedArrayBuffer;
	readonly #words: Int32Array;
	readonly #figures: Float64Array;

	constructor(ring: SharedArrayBuffer) {
		const { words, figures } = viewRing(ring);
		this.ring = ring;
		this.#words = words;
		this.#figures = figures;
	}

	/** Time of the newest frame's arrival, in milliseconds since 1970; 0 before the first. */
	get lastMediaAtMs(): number {
		return this.#figures[Figure.lastMediaAtMs]!;
	}

	/** Time of the newest record on the stream's timeline. */
	get lastDtsMs(): number {
		return this.#figures[Figure.lastDtsMs]!;
	}

	/** Some publisher has written to this ring. */
	get hasRecords(): boolean {
		return Atomics.load(this.#words, Word.frameNumber) !== 0;
	}

	set startedAtMs(value: number) {
		this.#figures[Figure.startedAtMs] = value;
	}

	/**
	 * Fences every earlier writer and gives the ring to a new one.
	 * A writer that died between making a bigger ring and telling us of it has left this one marked `replaced`; the mark goes,
	 * since nobody will ever hear of the other ring.
	 * @returns the epoch for RingWriter.attach.
	 */
	grantWriter(): number {
		const epoch = (Atomics.add(this.#words, Word.writerEpoch, 1) + 1) | 0;
		Atomics.store(this.#words, Word.replaced, 0);
		return epoch;
	}

	/** Sets the stream's state and wakes the readers. */
	setLifecycle(state: LifecycleState): void {
		Atomics.store(this.#words, Word.lifecycle, state);
		Atomics.notify(this.#words, Word.tail);
	}

	/**
	 * Control of `bigger`, which the writer of this ring has grown it into. The words that we have written here since
	 * hold there too.
	 */
	follow(bigger: SharedArrayBuffer): RingControl {
		const next = new RingControl(bigger);
		Atomics.store(next.#words, Word.writerEpoch, Atomics.load(this.#words, Word.writerEpoch));
		next.setLifecycle(Atomics.load(this.#words, Word.lifecycle) as LifecycleState);
		return next;
	}
}
