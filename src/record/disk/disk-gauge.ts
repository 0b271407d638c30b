import { statfs } from 'node:fs/promises';

const FREE = 0;
const MIN_FREE = 1;
/** Recording begins again only with a little more than the floor, or it would stop and begin at every turn. */
const RESUME_SHARE = 1.05;

/** The free space of the disk, in shared memory. **One writer**: the coordinator, every few seconds. Recorders read. */
export class DiskGauge {
	readonly shared: SharedArrayBuffer;
	readonly #values: Float64Array;

	/** A new gauge thinks that there is room until it has measured. */
	constructor(shared?: SharedArrayBuffer) {
		this.shared = shared ?? new SharedArrayBuffer(16);
		this.#values = new Float64Array(this.shared);
		if (shared === undefined) {
			this.#values[FREE] = Number.POSITIVE_INFINITY;
		}
	}

	get freeBytes(): number {
		return this.#values[FREE]!;
	}

	get minFreeBytes(): number {
		return this.#values[MIN_FREE]!;
	}

	set minFreeBytes(value: number) {
		this.#values[MIN_FREE] = value;
	}

	/** True when running recordings have to stop. */
	get full(): boolean {
		return this.freeBytes < this.minFreeBytes;
	}

	/** A new take may begin. */
	get hasRoom(): boolean {
		return this.freeBytes >= this.minFreeBytes * RESUME_SHARE;
	}

	/** Asks the file system of `directory`, which must exist. */
	async measure(directory: string): Promise<void> {
		const { bavail, bsize } = await statfs(directory);
		this.#values[FREE] = bavail * bsize;
	}
}
