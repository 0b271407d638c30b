import { Worker } from 'node:worker_threads';
import type { DiskBatch, DiskOp, DiskReply } from './disk-role.js';

const ENTRY = new URL('../../workers/disk.js', import.meta.url);
/** Orders go over when they fill a page, and when somebody waits for them. */
const PAGE_BYTES = 1024 * 1024;
/** Free pages that are kept: as much as a hundred streams write in a second. */
const MAX_FREE_PAGES = 16;

type Waiting = { resolve: () => void; reject: (error: Error) => void };

/** The disk has refused; `code` is ENOSPC and the like. */
export class DiskError extends Error {
	readonly code: string;

	constructor(code: string, message: string) {
		super(message);
		this.name = 'DiskError';
		this.code = code;
	}
}

/**
 * A thread beside this one that does nothing but write the files of one kind of output, with system calls that block. A
 * call through the pool of libuv costs several times a write into the page cache (two thread switches, a request
 * object, a promise), and a hundred streams make a thousand calls a second. Here all their orders of one tick cross in
 * a few messages. A disk that hangs stops this thread and, in time, the recordings that wait for it. The other outputs
 * go on, and so does the packaging of live streams in the thread that orders. So does the pool of libuv, which has four
 * threads for all files and names of the process.
 */
export class DiskThread {
	static readonly #ofOutputs = new Map<string, DiskThread>();

	/** The one that this thread has for `output`; it starts with the first order. */
	static of(output: string): DiskThread {
		let disk = DiskThread.#ofOutputs.get(output);
		if (disk === undefined) {
			disk = new DiskThread(output);
			DiskThread.#ofOutputs.set(output, disk);
		}
		return disk;
	}

	readonly #output: string;
	#worker: Worker | null = null;
	#page: Buffer = Buffer.alloc(0);
	#used = 0;
	#ops: DiskOp[] = [];
	readonly #free: ArrayBuffer[] = [];
	readonly #waiting = new Map<number, Waiting>();
	#lastNumber = 0;
	#sending = false;

	private constructor(output: string) {
		this.#output = output;
	}

	/** For owners and files. */
	nextNumber(): number {
		this.#lastNumber++;
		return this.#lastNumber;
	}

	order(op: DiskOp): void {
		this.#ops.push(op);
	}

	/** Copies `chunks` behind each other; their place is good for the next order. */
	put(chunks: readonly Uint8Array[]): { at: number; length: number } {
		let length = 0;
		for (const chunk of chunks) {
			length += chunk.length;
		}
		if (this.#used + length > this.#page.length) {
			this.#send();
			this.#page = this.#takePage(length);
		}
		const at = this.#used;
		for (const chunk of chunks) {
			this.#page.set(chunk, this.#used);
			this.#used += chunk.length;
		}
		return { at, length };
	}

	/** Resolves when all that `owner` has ordered is done; rejects with the first DiskError among it. */
	report(owner: number): Promise<void> {
		const id = this.nextNumber();
		this.order({ type: 'report', owner, id });
		if (!this.#sending) {
			this.#sending = true;
			// Not at the next microtask: all that is ordered at one tick goes over together.
			setImmediate(() => {
				this.#sending = false;
				this.#send();
			});
		}
		return new Promise((resolve, reject) => {
			this.#waiting.set(id, { resolve, reject });
			this.#worker?.ref();
		});
	}

	#send(): void {
		if (this.#ops.length === 0) {
			return;
		}
		const page = this.#page.buffer as ArrayBuffer;
		const batch: DiskBatch = { page, ops: this.#ops };
		this.#worker ??= this.#start();
		this.#worker.postMessage(batch, [page]);
		this.#page = Buffer.alloc(0);
		this.#used = 0;
		this.#ops = [];
	}

	#takePage(length: number): Buffer {
		const free = length <= PAGE_BYTES ? this.#free.pop() : undefined;
		return free === undefined ? Buffer.allocUnsafeSlow(Math.max(length, PAGE_BYTES)) : Buffer.from(free);
	}

	#start(): Worker {
		const worker = new Worker(ENTRY, { name: `disk-${this.#output}`, workerData: { kind: 'disk' }, execArgv: [] });
		worker.on('message', (reply: DiskReply) => this.#hear(reply));
		worker.on('error', (error) => this.#lose(worker, error));
		worker.on('exit', () => this.#lose(worker, new Error('the disk thread has ended')));
		if (this.#waiting.size === 0) {
			worker.unref();
		}
		return worker;
	}

	#hear({ page, reports }: DiskReply): void {
		if (page.byteLength === PAGE_BYTES && this.#free.length < MAX_FREE_PAGES) {
			this.#free.push(page);
		}
		for (const { id, failure } of reports) {
			const waiting = this.#waiting.get(id);
			this.#waiting.delete(id);
			if (failure === null) {
				waiting?.resolve();
			} else {
				waiting?.reject(new DiskError(failure.code, failure.message));
			}
		}
		if (this.#waiting.size === 0) {
			this.#worker?.unref();
		}
	}

	/** Tells everybody who waits. The next order starts another thread. */
	#lose(worker: Worker, error: Error): void {
		if (this.#worker === worker) {
			this.#worker = null;
			const waiting = [...this.#waiting.values()];
			this.#waiting.clear();
			for (const { reject } of waiting) {
				reject(error);
			}
		}
	}
}
