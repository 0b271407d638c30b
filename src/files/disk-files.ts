import type { FileHandle } from 'node:fs/promises';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { LRUCache } from 'lru-cache';
import { PeerError } from '../errors.js';
import type { Counters } from '../metrics/counters.js';
import { isNotThere, type Opened, openInside } from './open-inside.js';
import { fileRepresentation, type Representation } from './representation.js';

/** A hot file is compared with the disk when the last comparison is older than this: no answer is staler than that. */
export const MAX_STALENESS_MS = 200;
/** Larger files are read from the disk for each request: the page cache holds them better than we do. */
const MAX_HOT_BYTES = 8 * 1024 * 1024;
/** The memory that a hot file takes beside its bytes. */
const ENTRY_BYTES = 1024;
/** Grows and is watched while it grows: a copy in memory would be made anew every second. */
const NEVER_HOT = '.flv';

/** A place where a path is looked for. The search never leaves its root. */
export type Place = {
	root: string;
	/** See localPathOf. */
	local: string;
};

/** The end of a path. A file comes with its contents. */
export type Found = { kind: 'file'; representation: Representation } | { kind: 'directory'; place: Place };

type Hot = {
	file: string;
	representation: Representation;
	sizeBytes: number;
	mtimeMs: number;
	inode: number;
	checkedAtMs: number;
	/** The comparison with the disk that is under way; all who come meanwhile wait for it. True = unchanged. */
	check: Promise<boolean> | null;
};

/** Files below one or several roots, small ones of them in memory. */
export class DiskFiles {
	readonly #hot: LRUCache<string, Hot>;
	readonly #counters: Counters;
	/** Files that are being read; all who ask meanwhile wait for the same bytes. */
	readonly #loading = new Map<string, Promise<Found | null>>();

	/** @param memoryBytes what hot files may take. */
	constructor(memoryBytes: number, counters: Counters) {
		this.#counters = counters;
		this.#hot = new LRUCache({
			maxSize: Math.max(1, memoryBytes),
			sizeCalculation: ({ sizeBytes }) => sizeBytes + ENTRY_BYTES,
		});
	}

	/** The file if it is in memory and has just been compared with the disk: the answer without a wait. */
	hot(name: string): Representation | null {
		const entry = this.#hot.get(name);
		if (entry === undefined || performance.now() - entry.checkedAtMs > MAX_STALENESS_MS) {
			return null;
		}
		this.#counters.add('fileCacheHits', 1);
		return entry.representation;
	}

	/**
	 * Finds the first of `places` that has something. `name` stands for those places among the hot files. When the body
	 * is an open file, the caller closes it.
	 */
	async find(name: string, places: readonly Place[]): Promise<Found | null> {
		const entry = this.#hot.get(name);
		if (entry !== undefined) {
			entry.check ??= this.#check(name, entry).finally(() => {
				entry.check = null;
			});
			if (await entry.check) {
				this.#counters.add('fileCacheHits', 1);
				return { kind: 'file', representation: entry.representation };
			}
		}
		return this.#load(name, places);
	}

	/** Names in a directory, subdirectories with a slash, hidden files left out; sorted. */
	async list({ root, local }: Place): Promise<string[] | null> {
		const opened = await openInside(root, local);
		if (opened === null) {
			return null;
		}
		try {
			if (!opened.isDirectory) {
				return null;
			}
			const entries = await readdir(`/proc/self/fd/${opened.handle.fd}`, { withFileTypes: true });
			return entries
				.filter(({ name }) => !name.startsWith('.'))
				.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
				.sort();
		} finally {
			await opened.handle.close();
		}
	}

	/** True when the copy in memory equals the file on the disk. If not, the copy is forgotten. */
	async #check(name: string, entry: Hot): Promise<boolean> {
		const checkedAtMs = performance.now();
		try {
			const { size, mtimeMs, ino } = await stat(entry.file);
			if (ino === entry.inode && mtimeMs === entry.mtimeMs && size === entry.sizeBytes) {
				entry.checkedAtMs = checkedAtMs;
				return true;
			}
		} catch (error) {
			if (!isNotThere(error)) {
				throw error;
			}
		}
		if (this.#hot.peek(name) === entry) {
			this.#hot.delete(name);
			this.#count();
		}
		return false;
	}

	async #load(name: string, places: readonly Place[]): Promise<Found | null> {
		const loading = this.#loading.get(name);
		if (loading !== undefined) {
			const found = await loading;
			// An open file has one reader: only what is in memory can be shared.
			if (found?.kind === 'file' && Buffer.isBuffer(found.representation.body)) {
				return found;
			}
		}
		const reading = this.#read(name, places);
		this.#loading.set(name, reading);
		try {
			return await reading;
		} finally {
			if (this.#loading.get(name) === reading) {
				this.#loading.delete(name);
			}
		}
	}

	async #read(name: string, places: readonly Place[]): Promise<Found | null> {
		for (const place of places) {
			const checkedAtMs = performance.now();
			const opened = await openInside(place.root, place.local);
			if (opened?.isDirectory === true) {
				await opened.handle.close();
				return { kind: 'directory', place };
			}
			if (opened !== null) {
				this.#counters.add('fileCacheMisses', 1);
				return { kind: 'file', representation: await this.#take(name, place, opened, checkedAtMs) };
			}
		}
		return null;
	}

	async #take(name: string, place: Place, opened: Opened, checkedAtMs: number): Promise<Representation> {
		const { handle, sizeBytes, mtimeMs, inode, ownName } = opened;
		const file = { name: place.local, sizeBytes, mtimeMs, ownName };
		if (sizeBytes > MAX_HOT_BYTES || name.endsWith(NEVER_HOT)) {
			return fileRepresentation(file, handle);
		}
		try {
			const representation = fileRepresentation(file, await readWhole(handle, sizeBytes));
			const entry = { file: path.join(place.root, place.local), representation, sizeBytes, mtimeMs, inode };
			this.#hot.set(name, { ...entry, checkedAtMs, check: null });
			this.#count();
			return representation;
		} finally {
			await handle.close();
		}
	}

	#count(): void {
		this.#counters.set('currentFileCacheBytes', this.#hot.calculatedSize);
	}
}

/** The first `sizeBytes` of a file. Throws when it has become shorter. */
async function readWhole(handle: FileHandle, sizeBytes: number): Promise<Buffer> {
	const bytes = Buffer.allocUnsafeSlow(sizeBytes);
	let length = 0;
	while (length < sizeBytes) {
		const { bytesRead } = await handle.read(bytes, length, sizeBytes - length, length);
		if (bytesRead === 0) {
			throw new PeerError('FILE_UNREADABLE', `the file ends at ${length} of ${sizeBytes} bytes`);
		}
		length += bytesRead;
	}
	return bytes;
}
