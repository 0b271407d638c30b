import { stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { errorCodeOf } from './file-error.js';

/** Files that no playlist lists any more, and until when players that have just read one may ask for them. */
export class ExpiringFiles {
	readonly #directory: string;
	#files: { name: string; untilMs: number }[] = [];

	constructor(directory: string) {
		this.#directory = directory;
	}

	add(name: string, untilMs: number): void {
		this.#files.push({ name, untilMs });
	}

	/** A file of an earlier take, which has been there for as long as it has not changed. */
	async addOld(name: string, keepMs: number): Promise<void> {
		const { mtimeMs } = await stat(path.join(this.#directory, name));
		this.add(name, mtimeMs + keepMs);
	}

	/** Takes those that have expired off the list. @returns their names. */
	expired(nowMs: number): string[] {
		const names = this.#files.filter(({ untilMs }) => untilMs <= nowMs).map(({ name }) => name);
		if (names.length > 0) {
			this.#files = this.#files.filter(({ untilMs }) => untilMs > nowMs);
		}
		return names;
	}
}

export async function removeIfThere(file: string): Promise<void> {
	try {
		await unlink(file);
	} catch (error) {
		if (errorCodeOf(error) !== 'ENOENT') {
			throw error;
		}
	}
}
