import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, stat, unlink, utimes } from 'node:fs/promises';
import path from 'node:path';
import { LRUCache } from 'lru-cache';
import { systemErrorOf } from '../../errors.js';
import type { StoredObject } from './stored-object.js';

/** First line of a file. */
type Head = Omit<StoredObject, 'body'> & { bodyBytes: number };

/** Only what is fresh for longer than this is worth a file. */
const MIN_FRESH_MS = 30_000;
/** The first line of a file: an object without its body, as JSON. */
const MAX_HEAD_BYTES = 16 * 1024;
const NAME = /^[0-9a-f]{64}$/;
const UNFINISHED = '.tmp';
const LINE_FEED = 0x0a;
/** Objects being written at once. More of them stay in memory only. */
const MAX_WRITES = 16;

export type DiskStoreOptions = {
	directory: string;
	maxBytes: number;
	/** Tells by its name whether a key's file is this thread's: see CachePeers. */
	owns: (name: string) => boolean;
	onBytes: (bytes: number) => void;
	onFault: (fault: string, detail: string) => void;
};

/** Objects of one thread on the disk, the longest unused of them removed for new ones; they are there again after a restart. */
export class DiskStore {
	readonly #options: DiskStoreOptions;
	/** Sizes of the files, by name. */
	readonly #files: LRUCache<string, number>;
	readonly #writes = new Set<Promise<void>>();

	constructor(options: DiskStoreOptions) {
		this.#options = options;
		this.#files = new LRUCache({
			maxSize: Math.max(1, options.maxBytes),
			sizeCalculation: (bytes) => Math.max(1, bytes),
			dispose: (_bytes, name, reason) => {
				if (reason === 'evict') {
					void this.#remove(name);
				}
			},
		});
	}

	/** Finds out what an earlier life has left. */
	async start(): Promise<void> {
		const { directory, owns } = this.#options;
		await mkdir(directory, { recursive: true });
		const found: { name: string; bytes: number; usedAtMs: number }[] = [];
		for (const entry of await readdir(directory)) {
			const name = path.basename(entry, UNFINISHED);
			if (!NAME.test(name) || !owns(name)) {
				continue;
			}
			if (entry.endsWith(UNFINISHED)) {
				await this.#remove(entry);
				continue;
			}
			const { size, mtimeMs } = await stat(path.join(directory, entry));
			found.push({ name, bytes: size, usedAtMs: mtimeMs });
		}
		for (const { name, bytes } of found.sort((a, b) => a.usedAtMs - b.usedAtMs)) {
			this.#files.set(name, bytes);
		}
		this.#count();
	}

	/** The object, perhaps no longer fresh; null when it is not there, or not whole. */
	async get(key: string): Promise<StoredObject | null> {
		const name = fileName(key);
		if (this.#files.get(name) === undefined) {
			return null;
		}
		try {
			const object = await readObject(path.join(this.#options.directory, name));
			if (object?.key === key) {
				return object;
			}
		} catch (error) {
			const fault = error instanceof SyntaxError ? error : systemErrorOf(error);
			this.#options.onFault('the cache on disk cannot be read', fault.message);
		}
		this.#files.delete(name);
		this.#count();
		return null;
	}

	/** Keeps an object that will be fresh for long. Its file is there a moment later. */
	put(object: StoredObject): void {
		const freshMs = object.freshUntilMs - Date.now();
		if (object.status !== 200 || freshMs < MIN_FRESH_MS || this.#writes.size >= MAX_WRITES) {
			return;
		}
		const write = this.#write(object)
			.catch((error: unknown) =>
				this.#options.onFault('the cache on disk cannot be written', systemErrorOf(error).message),
			)
			.finally(() => this.#writes.delete(write));
		this.#writes.add(write);
	}

	/** Resolves when what is being written has been. */
	async flush(): Promise<void> {
		await Promise.all(this.#writes);
	}

	async #write(object: StoredObject): Promise<void> {
		const name = fileName(object.key);
		const file = path.join(this.#options.directory, name);
		const { body, ...rest } = object;
		const head: Head = { ...rest, bodyBytes: body.byteLength };
		const bytes = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), new Uint8Array(body)]);
		const handle = await open(file + UNFINISHED, 'w');
		try {
			await handle.writeFile(bytes);
		} finally {
			await handle.close();
		}
		await rename(file + UNFINISHED, file);
		this.#files.set(name, bytes.length);
		this.#count();
	}

	async #remove(name: string): Promise<void> {
		this.#count();
		try {
			await unlink(path.join(this.#options.directory, name));
		} catch (error) {
			const fault = systemErrorOf(error);
			if (fault.code !== 'ENOENT') {
				this.#options.onFault('the cache on disk cannot be cleared', fault.message);
			}
		}
	}

	#count(): void {
		this.#options.onBytes(this.#files.calculatedSize);
	}
}

export function fileName(key: string): string {
	return createHash('sha256').update(key).digest('hex');
}

async function readObject(file: string): Promise<StoredObject | null> {
	const handle = await open(file, 'r');
	try {
		const bytes = await handle.readFile();
		const end = bytes.subarray(0, MAX_HEAD_BYTES).indexOf(LINE_FEED);
		if (end < 0) {
			return null;
		}
		const head = JSON.parse(bytes.toString('utf8', 0, end)) as Head | null;
		if (head?.bodyBytes !== bytes.length - end - 1) {
			return null;
		}
		const { bodyBytes, ...object } = head;
		const body = new SharedArrayBuffer(bodyBytes);
		new Uint8Array(body).set(bytes.subarray(end + 1));
		const now = new Date();
		// Marks its use, for the order after a restart.
		await utimes(file, now, now);
		return { ...object, body };
	} finally {
		await handle.close();
	}
}
