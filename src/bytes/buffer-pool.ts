const LEAST_BYTES = 64 * 1024;
/** Free memory that is kept. Buffers beyond it are left to the garbage collector. */
const DEFAULT_KEPT_BYTES = 32 * 1024 * 1024;

/**
 * Large buffers that are used again. A fresh one costs a page fault for every 4 KiB and, by the gigabyte, more time in garbage
 * collection than all else: 1.2 s of 3 s for an FLV file of 1 GB.
 */
export class BufferPool {
	readonly #free: ArrayBuffer[] = [];
	readonly #keptBytes: number;
	#freeBytes = 0;

	constructor(keptBytes = DEFAULT_KEPT_BYTES) {
		this.#keptBytes = keptBytes;
	}

	/** Returns a buffer of at least `bytes`, with old bytes in it. */
	take(bytes: number): Buffer {
		const index = this.#free.findIndex((free) => free.byteLength >= bytes);
		if (index < 0) {
			return Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(Math.max(bytes, LEAST_BYTES))));
		}
		const [found] = this.#free.splice(index, 1);
		this.#freeBytes -= found!.byteLength;
		return Buffer.from(found!);
	}

	/** `view` is all or part of a buffer from `take` that nobody looks at any more. */
	give(view: Buffer): void {
		const { buffer } = view;
		if (buffer.byteLength >= LEAST_BYTES && this.#freeBytes + buffer.byteLength <= this.#keptBytes) {
			this.#free.push(buffer as ArrayBuffer);
			this.#freeBytes += buffer.byteLength;
		}
	}
}
