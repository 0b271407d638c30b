import { closeSync, ftruncateSync, mkdirSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { assert } from '../../errors.js';
import { UNFINISHED } from './atomic-file.js';
import { errorCodeOf } from './file-error.js';

/**
 * One order for the disk. `owner` is the queue that gave it. The orders of one owner are done in order. After a failure
 * nothing more of that owner is done, until it has asked for a report. Files are numbers that the owner has given. `at`
 * and `length` are a place in the page.
 */
export type DiskOp = { owner: number } & (
	| { type: 'create'; file: number; path: string }
	| { type: 'create-whole'; file: number; path: string; at: number; length: number }
	| { type: 'append'; file: number; at: number; length: number }
	| { type: 'close'; file: number }
	/** Writes to a descriptor of somebody else's, who keeps it open. */
	| { type: 'write'; descriptor: number; position: number; at: number; length: number }
	| { type: 'write-whole'; path: string; at: number; length: number }
	| { type: 'rename'; from: string; to: string }
	| { type: 'remove'; path: string }
	| { type: 'make-directory'; path: string }
	/** Closes all of the owner's files, also after a failure. */
	| { type: 'abandon' }
	| { type: 'report'; id: number }
);

/** `page` holds the bytes of `ops`; it goes back with the reports. */
export type DiskBatch = { page: ArrayBuffer; ops: readonly DiskOp[] };
export type DiskFailure = { code: string; message: string };
export type DiskReport = { id: number; failure: DiskFailure | null };
export type DiskReply = { page: ArrayBuffer; reports: DiskReport[] };

type OpenFile = { owner: number; descriptor: number; sizeBytes: number };

/** Does what other threads order, one thing after the other, in system calls that block: it is what this thread is for. */
export class DiskRole {
	readonly #files = new Map<number, OpenFile>();
	readonly #failed = new Map<number, DiskFailure>();

	perform(page: Buffer, ops: readonly DiskOp[]): DiskReport[] {
		const reports: DiskReport[] = [];
		for (const op of ops) {
			if (op.type === 'report') {
				reports.push({ id: op.id, failure: this.#failed.get(op.owner) ?? null });
				this.#failed.delete(op.owner);
			} else if (op.type === 'abandon') {
				this.#abandon(op.owner);
			} else if (!this.#failed.has(op.owner)) {
				this.#try(page, op);
			}
		}
		return reports;
	}

	#try(page: Buffer, op: DiskOp): void {
		try {
			this.#do(page, op);
		} catch (error) {
			const code = errorCodeOf(error);
			if (code === '') {
				throw error;
			}
			this.#failed.set(op.owner, { code, message: String(error) });
		}
	}

	#do(page: Buffer, op: DiskOp): void {
		switch (op.type) {
			case 'create':
				this.#files.set(op.file, { owner: op.owner, descriptor: openSync(op.path, 'w'), sizeBytes: 0 });
				return;
			case 'create-whole': {
				const descriptor = createWholeSync(op.path, page, op.at, op.length);
				this.#files.set(op.file, { owner: op.owner, descriptor, sizeBytes: op.length });
				return;
			}
			case 'append':
				append(this.#fileOf(op.file), page, op.at, op.length);
				return;
			case 'close':
				closeSync(this.#fileOf(op.file).descriptor);
				this.#files.delete(op.file);
				return;
			case 'write':
				writeAllSync(op.descriptor, page, op.at, op.length, op.position);
				return;
			case 'write-whole':
				closeSync(createWholeSync(op.path, page, op.at, op.length));
				return;
			case 'rename':
				renameSync(op.from, op.to);
				return;
			case 'remove':
				removeSync(op.path);
				return;
			case 'make-directory':
				mkdirSync(op.path, { recursive: true });
		}
	}

	/** An owner may outlive the thread that had its files. */
	#fileOf(file: number): OpenFile {
		const found = this.#files.get(file);
		if (found === undefined) {
			throw Object.assign(new Error(`file ${file} is not open`), { code: 'EBADF' });
		}
		return found;
	}

	#abandon(owner: number): void {
		for (const [file, found] of this.#files) {
			if (found.owner === owner) {
				this.#files.delete(file);
				closeSync(found.descriptor);
			}
		}
	}
}

/** Entry of the thread for the disk: performs what the thread that started it sends. */
export function serveDisk(): void {
	const port = parentPort;
	assert(port !== null, 'the disk is served in a worker thread');
	const disk = new DiskRole();
	port.on('message', ({ page, ops }: DiskBatch) => {
		const reply: DiskReply = { page, reports: disk.perform(Buffer.from(page), ops) };
		port.postMessage(reply, [page]);
	});
}

/** A disk that takes only a part leaves nothing of it: readers see whole lines and fragments. */
function append(file: OpenFile, page: Buffer, at: number, length: number): void {
	try {
		writeAllSync(file.descriptor, page, at, length, null);
		file.sizeBytes += length;
	} catch (error) {
		try {
			ftruncateSync(file.descriptor, file.sizeBytes);
		} catch {
			// The first of the two errors says why.
		}
		throw error;
	}
}

/** However many system calls it takes; `position` null = where the descriptor is. */
function writeAllSync(descriptor: number, page: Buffer, at: number, length: number, position: number | null): void {
	for (let done = 0; done < length; ) {
		done += writeSync(descriptor, page, at + done, length - done, position === null ? null : position + done);
	}
}

/** @returns the descriptor of a file that is there complete; when it throws, nothing of it is. */
function createWholeSync(path: string, page: Buffer, at: number, length: number): number {
	const unfinished = `${path}${UNFINISHED}`;
	const descriptor = openSync(unfinished, 'w');
	try {
		writeAllSync(descriptor, page, at, length, null);
		renameSync(unfinished, path);
		return descriptor;
	} catch (error) {
		closeSync(descriptor);
		removeSync(unfinished);
		throw error;
	}
}

function removeSync(path: string): void {
	try {
		unlinkSync(path);
	} catch (error) {
		if (errorCodeOf(error) !== 'ENOENT') {
			throw error;
		}
	}
}
