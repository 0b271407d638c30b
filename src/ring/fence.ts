const scratch = new Int32Array(new SharedArrayBuffer(4));

/**
 * Keeps every memory access before it in front of every one behind it, as other threads see them.
 *
 * Atomics order less than one would think: on ARM plain stores may overtake an `Atomics.store` in front of them, and plain
 * loads may be overtaken by an `Atomics.load` behind them. That is just what the two ends of a ring must not do: bytes before
 * intent, or check before copy. A sequentially consistent store followed by such a load holds both back.
 */
export function fence(): void {
	Atomics.store(scratch, 0, 0);
	Atomics.load(scratch, 0);
}
