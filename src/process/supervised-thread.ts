import { type MessagePort, Worker } from 'node:worker_threads';
import type { ThreadKind } from '../config/listeners.js';
import type { Logger } from '../log/logger.js';
import type { PublicationOwner } from '../stream/registry.js';
import type { CoordinatorToThread, ThreadData, ThreadToCoordinator } from '../stream/thread-messages.js';
import { RestartBackoff } from './restart-backoff.js';

/** The news that the coordinator gets about a thread. */
export type ThreadListener = {
	/** The thread is about to be created. @returns its data, or null to give up on it for good. */
	prepare(thread: SupervisedThread): Omit<ThreadData, 'kind' | 'index' | 'heartbeat'> | null;
	/** The thread has been created; messages may be sent to it. */
	created(thread: SupervisedThread): void;
	message(thread: SupervisedThread, message: ThreadToCoordinator): void;
	/** The thread is gone; `owner` is what it was known as. */
	lost(thread: SupervisedThread, owner: PublicationOwner): void;
	/** The thread hangs in native code, where it cannot be ended. */
	stuck(thread: SupervisedThread): void;
};

/** One thread over all its lives: started again when it dies or hangs, until `stop`. */
export type SupervisedThreadParts = {
	kind: ThreadKind;
	index: number;
	entry: URL;
	listener: ThreadListener;
	log: Logger;
};

type Life = {
	worker: Worker;
	heartbeat: Int32Array;
	owner: PublicationOwner;
	startedAtMs: number;
	/** Null until it is ready. */
	readyAtMs: number | null;
};

export const HEARTBEAT_CHECK_MS = 1000;
/** Checks without a heartbeat in between after which a thread counts as hung. Checks, not time: a whole process may be suspended. */
const MAX_MISSED_BEATS = 5;
/** Until it is ready: loading its code may take long on a busy machine. */
const MAX_MISSED_BEATS_AT_START = 30;
const MAX_CHECKS_TO_TERMINATE = 5;
/** A leak kills one thread, not the process. Frames live outside of the heap. */
const MAX_HEAP_MIB = 1024;

export class SupervisedThread {
	readonly kind: ThreadKind;
	readonly index: number;
	readonly #parts: SupervisedThreadParts;
	readonly #log: Logger;
	readonly #backoff = new RestartBackoff();
	#life: Life | null = null;
	#lastBeat = 0;
	#missedBeats = 0;
	#stopped = false;
	#restartTimer: NodeJS.Timeout | undefined;

	constructor(parts: SupervisedThreadParts) {
		this.kind = parts.kind;
		this.index = parts.index;
		this.#parts = parts;
		this.#log = parts.log;
	}

	/** `ingest-0`. */
	get name(): string {
		return `${this.kind}-${this.index}`;
	}

	get running(): boolean {
		return this.#life !== null;
	}

	/** It was told to end, and is not replaced when it does. */
	get stopped(): boolean {
		return this.#stopped;
	}

	/** The owner of this thread's publications; another one after each restart. Null while it is not running. */
	get owner(): PublicationOwner | null {
		return this.#life?.owner ?? null;
	}

	start(): void {
		const data = this.#parts.listener.prepare(this);
		if (data === null) {
			return;
		}
		const heartbeat = new SharedArrayBuffer(4);
		const worker = new Worker(this.#parts.entry, {
			name: this.name,
			workerData: { kind: this.kind, index: this.index, heartbeat, ...data } satisfies ThreadData,
			resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
		});
		const owner: PublicationOwner = {
			revoke: (publicationId, code, message) =>
				worker.postMessage({ type: 'revoke', publicationId, code, message } satisfies CoordinatorToThread),
		};
		const startedAtMs = performance.now();
		const life: Life = { worker, heartbeat: new Int32Array(heartbeat), owner, startedAtMs, readyAtMs: null };
		this.#life = life;
		this.#lastBeat = 0;
		this.#missedBeats = 0;
		worker.on('message', (message: ThreadToCoordinator) => {
			if (this.#life === life) {
				if (message.type === 'ready') {
					life.readyAtMs = performance.now();
					// The checks that it missed while it was loading are no sign of a hang.
					this.#missedBeats = 0;
				}
				this.#parts.listener.message(this, message);
			}
		});
		worker.on('error', (error) => this.#log.error({ thread: this.name, err: error }, 'thread failed'));
		worker.on('exit', (exitCode) => this.#onExit(life, exitCode));
		this.#parts.listener.created(this);
	}

	/** A message is lost when the thread is not running. Its successor learns the state from its ThreadData. */
	post(message: CoordinatorToThread, transfer: readonly MessagePort[] = []): void {
		this.#life?.worker.postMessage(message, transfer);
	}

	/** To be called every HEARTBEAT_CHECK_MS: ends a thread that has hung, so that it is replaced. */
	checkHeartbeat(): void {
		const life = this.#life;
		if (life === null) {
			return;
		}
		const beat = Atomics.load(life.heartbeat, 0);
		this.#missedBeats = beat === this.#lastBeat ? this.#missedBeats + 1 : 0;
		this.#lastBeat = beat;
		const allowed = life.readyAtMs !== null ? MAX_MISSED_BEATS : MAX_MISSED_BEATS_AT_START;
		if (this.#missedBeats === allowed) {
			this.#log.error({ thread: this.name, missedBeats: allowed }, 'thread hangs and is replaced');
			void life.worker.terminate();
		} else if (this.#missedBeats === allowed + MAX_CHECKS_TO_TERMINATE) {
			this.#parts.listener.stuck(this);
		}
	}

	/** Asks the thread to end its sessions. It is not replaced any more. */
	drain(deadlineMs: number): void {
		this.#stopped = true;
		clearTimeout(this.#restartTimer);
		this.post({ type: 'drain', deadlineMs });
	}

	/** Ends the thread for good; resolves when it is gone. */
	async stop(): Promise<void> {
		this.#stopped = true;
		clearTimeout(this.#restartTimer);
		await this.#life?.worker.terminate();
	}

	#onExit(life: Life, exitCode: number): void {
		this.#life = null;
		this.#parts.listener.lost(this, life.owner);
		if (this.#stopped) {
			return;
		}
		const nowMs = performance.now();
		const servedMs = life.readyAtMs === null ? null : nowMs - life.readyAtMs;
		const delayMs = this.#backoff.delayAfter(nowMs - life.startedAtMs, servedMs);
		this.#log.warn({ thread: this.name, exitCode, restartInMs: delayMs }, 'thread is gone and will be replaced');
		if (delayMs === 0) {
			this.start();
		} else {
			this.#restartTimer = setTimeout(() => this.start(), delayMs);
		}
	}
}
