/**
 * The figures of one recorder so far. `active` is 1 while there is a take. `beats` moves every tick while its thread,
 * `threadId`, is well.
 */
export const RECORDER_FIGURES = ['active', 'takes', 'bytesWritten', 'failures', 'skips', 'beats', 'threadId'] as const;
export type RecorderFigure = (typeof RECORDER_FIGURES)[number];

const INDEX = Object.fromEntries(RECORDER_FIGURES.map((name, index) => [name, index])) as Record<
	RecorderFigure,
	number
>;

/** Figures of one recorder in shared memory. **One writer**: its task, or the coordinator while there is none. */
export class RecorderFigures {
	readonly shared: SharedArrayBuffer;
	readonly #values: Float64Array;

	constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(RECORDER_FIGURES.length * 8)) {
		this.shared = shared;
		this.#values = new Float64Array(shared);
	}

	get(figure: RecorderFigure): number {
		return this.#values[INDEX[figure]]!;
	}

	set(figure: RecorderFigure, value: number): void {
		this.#values[INDEX[figure]] = value;
	}

	add(figure: RecorderFigure, amount: number): void {
		this.#values[INDEX[figure]]! += amount;
	}
}
