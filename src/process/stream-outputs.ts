import type { Config } from '../config/schema.js';
import type { Logger } from '../log/logger.js';
import type { RecorderCounts } from '../metrics/snapshot.js';
import type { OutputName } from '../record/outputs.js';
import type { StreamInfo } from '../stream/thread-messages.js';
import { Packagings } from './packagings.js';
import { Recordings } from './recordings.js';
import { RemuxPool } from './remux-pool.js';

export type StreamOutputsParts = {
	config: Config;
	threads: number;
	log: Logger;
	/** The stream's part ring is another one now. */
	partsReplaced: (stream: StreamInfo) => void;
};

/** The products that remux threads make of the streams of a process: recordings, and packages for players. */
export class StreamOutputs {
	readonly #pool: RemuxPool;
	readonly #recordings: Recordings;
	readonly #packagings: Packagings;

	constructor({ config, threads, log, partsReplaced }: StreamOutputsParts) {
		this.#pool = new RemuxPool({ threads, log });
		this.#recordings = new Recordings({ config, pool: this.#pool, log });
		this.#packagings = new Packagings({ config, pool: this.#pool, log, partsReplaced });
	}

	set config(config: Config) {
		this.#recordings.config = config;
		this.#packagings.config = config;
	}

	start(): Promise<void> {
		return this.#recordings.start();
	}

	/** Gives the stream what it has for players: to be called before anybody else hears of it. */
	opened(stream: StreamInfo): void {
		this.#packagings.opened(stream);
		this.#recordings.opened(stream);
	}

	ringReplaced(stream: StreamInfo): void {
		this.#packagings.ringReplaced(stream);
		this.#recordings.ringReplaced(stream);
	}

	ended(stream: StreamInfo): void {
		this.#packagings.ended(stream);
		this.#recordings.ended(stream);
	}

	counts(): Record<OutputName, RecorderCounts> {
		return this.#recordings.counts();
	}

	serverStops(): void {
		this.#recordings.serverStops();
	}

	/** Finishes the recordings by `deadline` (Date.now() milliseconds), then ends the threads. */
	async finish(deadline: number): Promise<void> {
		this.#packagings.close();
		await this.#recordings.finish(deadline);
		await this.#pool.close();
	}
}
