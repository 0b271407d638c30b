import { closeSync, openSync, writeSync } from 'node:fs';
import type { BufferPool } from '../../bytes/buffer-pool.js';

/**
 * A file that a tool writes from start to end. Writes are waited for: bytes made a moment ago are still in the
 * processor's own cache, and nothing is handed to another thread.
 */
export class OutputFile {
	readonly #fd: number;
	#position = 0;

	/** Makes an empty file. */
	constructor(path: string) {
		this.#fd = openSync(path, 'w');
	}

	/** Opens `path`, lets `act` write, and closes it, come what may. */
	static async write(path: string, act: (file: OutputFile) => Promise<void>): Promise<void> {
		const file = new OutputFile(path);
		try {
			await act(file);
		} finally {
			file.close();
		}
	}

	/** The number of bytes that have been written or skipped. */
	get sizeBytes(): number {
		return this.#position;
	}

	/** Leaves `bytes` for later. */
	skip(bytes: number): void {
		this.#position += bytes;
	}

	/** Appends `bytes`, which go back to `pool` if they came from one. */
	append(bytes: Buffer, pool?: BufferPool): void {
		this.writeAt(this.#position, bytes);
		this.#position += bytes.length;
		pool?.give(bytes);
	}

	writeAt(position: number, bytes: Uint8Array): void {
		for (let done = 0; done < bytes.length; ) {
			done += writeSync(this.#fd, bytes, done, bytes.length - done, position + done);
		}
	}

	close(): void {
		closeSync(this.#fd);
	}
}
