import { DiskThread } from './disk-thread.js';

/** A file that is open in the disk thread. */
export type DiskFile = number;

/**
 * Work on files that a packager's synchronous callbacks order, done in order by the thread for the disk. Bytes are copied at once: the
 * caller may use their memory again. After a failure nothing of what was ordered is done, until `flush` has said so.
 */
export class DiskQueue {
	readonly #disk: DiskThread;
	readonly #owner: number;

	/** `output` names the kind of output whose thread does the work. */
	constructor(output: string) {
		this.#disk = DiskThread.of(output);
		this.#owner = this.#disk.nextNumber();
	}

	/** Opens an empty file. */
	create(path: string): DiskFile {
		const file = this.#disk.nextNumber();
		this.#disk.order({ type: 'create', owner: this.#owner, file, path });
		return file;
	}

	/** One write: a reader sees all of it or nothing as long as it stays within a page of the file. */
	append(file: DiskFile, chunks: readonly Uint8Array[]): void {
		const place = this.#disk.put(chunks);
		this.#disk.order({ type: 'append', owner: this.#owner, file, ...place });
	}

	close(file: DiskFile): void {
		this.#disk.order({ type: 'close', owner: this.#owner, file });
	}

	/** Writes into a file that the caller has open for as long as the work is not flushed. */
	write(descriptor: number, position: number, chunks: readonly Uint8Array[]): void {
		const place = this.#disk.put(chunks);
		this.#disk.order({ type: 'write', owner: this.#owner, descriptor, position, ...place });
	}

	/** A file that is there complete or not at all. */
	writeWhole(path: string, chunks: readonly Uint8Array[]): void {
		const place = this.#disk.put(chunks);
		this.#disk.order({ type: 'write-whole', owner: this.#owner, path, ...place });
	}

	/** As `writeWhole`, and stays open for what follows. */
	createWhole(path: string, chunks: readonly Uint8Array[]): DiskFile {
		const file = this.#disk.nextNumber();
		const place = this.#disk.put(chunks);
		this.#disk.order({ type: 'create-whole', owner: this.#owner, file, path, ...place });
		return file;
	}

	rename(from: string, to: string): void {
		this.#disk.order({ type: 'rename', owner: this.#owner, from, to });
	}

	/** It may be gone already. */
	remove(path: string): void {
		this.#disk.order({ type: 'remove', owner: this.#owner, path });
	}

	makeDirectory(path: string): void {
		this.#disk.order({ type: 'make-directory', owner: this.#owner, path });
	}

	/** Resolves when everything so far is done. Rejects with the first failure, a DiskError. */
	async flush(): Promise<void> {
		await this.#disk.report(this.#owner);
	}

	/** Lets go of open files, also after a failure. The failure itself is no longer of interest. */
	async abandon(): Promise<void> {
		this.#disk.order({ type: 'abandon', owner: this.#owner });
		await this.#disk.report(this.#owner).catch(() => undefined);
	}
}
