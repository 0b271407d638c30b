import type { MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { Logger } from '../log/logger.js';
import type { RemuxFailure, RemuxResult, RemuxTask } from './remux-worker.js';
import { RestartBackoff } from './restart-backoff.js';

export type RemuxPoolParts = { threads: number; log: Logger; entry?: URL };

const ENTRY = new URL('../workers/remux.js', import.meta.url);
/** A stream's outputs are one task each, and tasks wait for ticks: a thread has room for all of them. */
const MAX_TASKS_PER_THREAD = 16_384;
const MAX_HEAP_MIB = 1024;
/**
 * Piscina tries `require` before `import`. A thread that is ended while it requires an ES module takes the whole process with it
 * (Node 20.20: "v8::Module::IsGraphAsync must be used on an instantiated module"); one that imports does not.
 */
const NO_REQUIRE_OF_ESM = '--no-experimental-require-module';
const HEALTH_CHECK_MS = 1000;

/** A task failed in its thread, or with its thread. */
export class RemuxTaskError extends Error {
	readonly code: string;

	constructor({ code, message, stack }: RemuxFailure) {
		super(message);
		this.name = 'RemuxTaskError';
		this.code = code;
		this.stack = stack;
	}
}

/**
 * The threads that repackage and record: a Piscina with many concurrent, long-lived tasks in each thread. A crash of a thread
 * rejects its tasks, and Piscina replaces it; when Piscina has given up, as it does for good once a thread fails while it loads, a
 * new one takes its place.
 */
export class RemuxPool {
	readonly #parts: RemuxPoolParts;
	readonly #backoff = new RestartBackoff();
	readonly #healthTimer: NodeJS.Timeout;
	#piscina: Piscina;
	#builtAtMs = Date.now();
	#rebuildAtMs: number | null = null;

	constructor(parts: RemuxPoolParts) {
		this.#parts = parts;
		this.#piscina = this.#build();
		this.#healthTimer = setInterval(() => this.#checkHealth(), HEALTH_CHECK_MS);
	}

	/**
	 * Runs `task` in the thread that has the fewest. There is no AbortSignal: Piscina gives a thread to itself to a task that has one.
	 * @throws RemuxTaskError.
	 */
	async run(task: RemuxTask, transfer: readonly MessagePort[] = []): Promise<unknown> {
		let result: RemuxResult;
		try {
			result = await this.#piscina.run(task, { transferList: transfer });
		} catch (error) {
			const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
			throw new RemuxTaskError({ code: 'THREAD_LOST', message, stack });
		}
		if ('failure' in result) {
			throw new RemuxTaskError(result.failure);
		}
		return result.value;
	}

	/** Kills a thread with all its tasks, which are rejected; Piscina replaces it. */
	killThread(threadId: number): void {
		void this.#piscina.threads.find((thread) => thread.threadId === threadId)?.terminate();
	}

	/** Ends the threads. Tasks that still run are rejected. */
	async close(): Promise<void> {
		clearInterval(this.#healthTimer);
		await this.#piscina.destroy();
	}

	#build(): Piscina {
		const { threads, entry = ENTRY, log } = this.#parts;
		const piscina = new Piscina({
			filename: entry.href,
			minThreads: threads,
			maxThreads: threads,
			concurrentTasksPerWorker: MAX_TASKS_PER_THREAD,
			idleTimeout: Number.POSITIVE_INFINITY,
			// The default blocks an idle thread's event loop, and ticks with it.
			atomics: 'disabled',
			recordTiming: false,
			execArgv: [NO_REQUIRE_OF_ESM],
			resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
		});
		piscina.on('error', (error: Error) => log.error({ err: error }, 'remux thread failed'));
		return piscina;
	}

	#checkHealth(): void {
		const now = Date.now();
		if (this.#piscina.threads.length > 0) {
			return;
		}
		if (this.#rebuildAtMs === null) {
			this.#rebuildAtMs = now + this.#backoff.delayAfter(now - this.#builtAtMs);
			this.#parts.log.error(
				{ restartInMs: this.#rebuildAtMs - now },
				'all remux threads are gone and will be replaced',
			);
		}
		if (now >= this.#rebuildAtMs) {
			void this.#piscina.destroy();
			this.#piscina = this.#build();
			this.#builtAtMs = now;
			this.#rebuildAtMs = null;
		}
	}
}
