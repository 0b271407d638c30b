import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Logger } from '../log/logger.js';
import type { RecorderEvent } from '../record/flv-recorder.js';
import type { RecordingCommand } from '../record/flv-recording-task.js';
import { RecorderFigures } from '../record/recorder-figures.js';
import type { StreamInfo } from '../stream/thread-messages.js';
import { type RemuxPool, RemuxTaskError } from './remux-pool.js';
import { RestartBackoff } from './restart-backoff.js';

export type RecordingParts = {
	stream: StreamInfo;
	directory: string;
	/** DiskGauge. */
	disk: SharedArrayBuffer;
	pool: RemuxPool;
	log: Logger;
};

/** Checks without a beat after which the thread of a recording counts as hung. */
const MAX_MISSED_BEATS = 10;

/** One output of one stream: a task in the remux pool that is started again when it, or its thread, fails. */
export class Recording {
	readonly stream: StreamInfo;
	readonly figures = new RecorderFigures();
	readonly #parts: RecordingParts;
	/** On every line about this recording. A child logger would keep the level that it was made with. */
	readonly #subject: { app: string; stream: string };
	readonly #backoff = new RestartBackoff();
	/** `stop` wins over `ended`: nothing more is recorded. */
	#last: 'ended' | 'stop' | null = null;
	#port: MessagePort | null = null;
	#lastBeat = 0;
	#missedBeats = 0;
	#wake: () => void = () => undefined;

	constructor(parts: RecordingParts) {
		this.stream = parts.stream;
		this.#parts = parts;
		this.#subject = { app: parts.stream.app, stream: parts.stream.name };
	}

	/** Records until the stream ends or `stop`; never rejects. */
	async run(): Promise<void> {
		for (;;) {
			const startedAtMs = Date.now();
			try {
				await this.#attempt();
				return;
			} catch (error) {
				this.figures.set('active', 0);
				this.figures.add('failures', 1);
				const delayMs = this.#backoff.delayAfter(Date.now() - startedAtMs);
				const failure = { ...this.#subject, err: error, code: codeOf(error), restartInMs: delayMs };
				this.#parts.log.error(failure, 'recording failed');
				await this.#pause(delayMs);
			}
			if (this.#last !== null) {
				await this.#recover();
				return;
			}
		}
	}

	/** The stream's ring has been replaced by a bigger one. */
	replaceRing(ring: SharedArrayBuffer): void {
		this.#post({ type: 'ring', ring });
	}

	/** The stream has ended: what is left in its ring is recorded, and no more. */
	ended(): void {
		this.#finish('ended');
	}

	/** Finishes the take though the stream goes on. */
	stop(): void {
		this.#finish('stop');
	}

	/** To be called every second: kills a thread that hangs, so that its tasks are started again in another. */
	checkBeat(): void {
		const beat = this.figures.get('beats');
		this.#missedBeats = beat === this.#lastBeat ? this.#missedBeats + 1 : 0;
		this.#lastBeat = beat;
		if (this.#missedBeats === MAX_MISSED_BEATS && beat > 0 && this.#port !== null) {
			this.#parts.log.error({ ...this.#subject, missedBeats: this.#missedBeats }, 'remux thread hangs and is replaced');
			this.#parts.pool.killThread(this.figures.get('threadId'));
		}
	}

	async #attempt(): Promise<void> {
		const { stream, directory, disk, pool, log } = this.#parts;
		const { port1, port2 } = new MessageChannel();
		port1.on('message', ({ level, message, fields }: RecorderEvent) =>
			log[level]({ ...this.#subject, ...fields }, message),
		);
		this.#port = port1;
		if (this.#last !== null) {
			this.#post({ type: this.#last });
		}
		const figures = this.figures.shared;
		const heardAll = once(port1, 'close');
		try {
			await pool.run({ type: 'record-flv', ring: stream.ring, directory, figures, disk, port: port2 }, [port2]);
			// Its result and its last words come by different ways.
			await heardAll;
		} finally {
			this.#port = null;
			port1.close();
		}
	}

	/** The take that a crash has left behind is finished; should this fail as well, the next start of the process does it. */
	async #recover(): Promise<void> {
		const { pool, directory, log } = this.#parts;
		try {
			const summary = await pool.run({ type: 'recover-flv', directory });
			log.info({ ...this.#subject, ...(summary ?? {}), recovered: true }, 'recording is finished');
		} catch (error) {
			log.error({ ...this.#subject, err: error, code: codeOf(error) }, 'a take stays unfinished until the next start');
		}
	}

	#finish(how: 'ended' | 'stop'): void {
		this.#last = how;
		this.#post({ type: how });
		this.#wake();
	}

	#pause(delayMs: number): Promise<void> {
		return new Promise((resolve) => {
			const timer = setTimeout(resolve, this.#last === null ? delayMs : 0);
			this.#wake = () => {
				clearTimeout(timer);
				resolve();
			};
		});
	}

	#post(command: RecordingCommand): void {
		this.#port?.postMessage(command);
	}
}

function codeOf(error: unknown): string {
	return error instanceof RemuxTaskError ? error.code : '';
}
