import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { LivePolicy } from '../live/packaging.js';
import {
	PACKAGING_WORDS,
	type PackagingCommand,
	type PackagingMessage,
	PackagingWord,
} from '../live/packaging-task.js';
import type { Logger } from '../log/logger.js';
import type { StreamInfo } from '../stream/thread-messages.js';
import { streamLabels } from '../stream-name.js';
import { type RemuxPool, RemuxTaskError } from './remux-pool.js';
import { RestartBackoff } from './restart-backoff.js';

export type PackagingParts = {
	/** Its `parts` is where each attempt goes on. */
	stream: StreamInfo;
	policy: LivePolicy;
	pool: RemuxPool;
	log: Logger;
	/** The stream's part ring has been replaced. */
	moved: (parts: SharedArrayBuffer) => void;
};

/** Checks without a beat after which the thread of a task counts as hung. */
const MAX_MISSED_BEATS = 10;

/** Packaging of one stream for LL-HLS: a task in the remux pool that is started again when it, or its thread, fails. */
export class Packaging {
	readonly #parts: PackagingParts;
	readonly #signs = new SharedArrayBuffer(PACKAGING_WORDS * 4);
	readonly #words = new Int32Array(this.#signs);
	readonly #backoff = new RestartBackoff();
	#port: MessagePort | null = null;
	#ended = false;
	#lastBeat = 0;
	#missedBeats = 0;

	constructor(parts: PackagingParts) {
		this.#parts = parts;
	}

	/** Packages until the stream is over; never rejects. */
	async run(): Promise<void> {
		const { stream, log } = this.#parts;
		while (!this.#ended) {
			const startedAtMs = Date.now();
			try {
				await this.#attempt();
				return;
			} catch (error) {
				const restartInMs = this.#backoff.delayAfter(Date.now() - startedAtMs);
				const code = error instanceof RemuxTaskError ? error.code : '';
				log.error({ ...streamLabels(stream.name), err: error, code, restartInMs }, 'LL-HLS packaging failed');
				await new Promise((resolve) => setTimeout(resolve, restartInMs).unref());
			}
		}
	}

	/** The stream's frame ring has been replaced by a bigger one. */
	replaceRing(ring: SharedArrayBuffer): void {
		this.#post({ type: 'ring', ring });
	}

	/** The stream has ended: what is left in its ring is packaged, and no more. */
	ended(): void {
		this.#ended = true;
		this.#post({ type: 'ended' });
	}

	/** To be called every second: kills a thread that hangs, so that its tasks are started again in another. */
	checkBeat(): void {
		const beat = Atomics.load(this.#words, PackagingWord.beats);
		this.#missedBeats = beat === this.#lastBeat ? this.#missedBeats + 1 : 0;
		this.#lastBeat = beat;
		if (this.#missedBeats === MAX_MISSED_BEATS && beat !== 0 && this.#port !== null) {
			this.#parts.pool.killThread(Atomics.load(this.#words, PackagingWord.threadId));
		}
	}

	async #attempt(): Promise<void> {
		const { stream, policy, pool, moved } = this.#parts;
		const { ring, parts } = stream;
		if (parts === undefined) {
			return;
		}
		const { port1, port2 } = new MessageChannel();
		port1.on('message', (message: PackagingMessage) => moved(message.parts));
		this.#port = port1;
		const heardAll = once(port1, 'close');
		try {
			await pool.run({ type: 'package', ring, parts, policy, signs: this.#signs, port: port2 }, [port2]);
			await heardAll;
		} finally {
			this.#port = null;
			port1.close();
		}
	}

	#post(command: PackagingCommand): void {
		this.#port?.postMessage(command);
	}
}
