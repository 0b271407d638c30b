/** The data that the thread in ring-thread.ts gets. */
export type RingThreadData = {
	ring: SharedArrayBuffer;
	epoch: number;
	/** Int32Array: ThreadWord. */
	control: SharedArrayBuffer;
	task: 'flood' | 'grow' | 'headers';
};

export type RingThreadNews = { grown: SharedArrayBuffer } | { done: 'stopped' | 'fenced'; frames: number };

/** `cursor`: in task `grow`, how far the reader is; the writer stays within half a ring of it. */
export const ThreadWord = { stop: 0, cursor: 1 } as const;
