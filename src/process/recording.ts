import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Config } from '../config/schema.js';
import type { Logger } from '../log/logger.js';
import type { OutputName } from '../record/outputs.js';
import { RecorderFigures } from '../record/recorder-figures.js';
import type { RecorderMessage, RecordingCommand } from '../record/recording-task.js';
import type { StreamInfo } from '../stream/thread-messages.js';
import { streamLabels } from '../stream-name.js';
import { type RemuxPool, RemuxTaskError } from './remux-pool.js';
import { RestartBackoff } from './restart-backoff.js';

export type RecordingParts = {
	stream: StreamInfo;
	output: OutputName;
	directory: string;
	config: Config;
	/** DiskGauge. */
	disk: SharedArrayBuffer;
	pool: RemuxPool;
	log: Logger;
	/** Nothing more is written to `take`, which is to be finished. */
	takeEnded: (take: string) => void;
};

/** Checks without a beat after which the thread of a recording counts as hung. */
const MAX_MISSED_BEATS = 10;

/** One output of one stream: a task in the remux pool that is started again when it, or its thread, fails. */
export class Recording {
	readonly stream: StreamInfo;
	readonly output: OutputName;
	readonly figures = new RecorderFigures();
	readonly #parts: RecordingParts;
	/** On every line about this recording. A child logger would keep the level that it was made with. */
	readonly #subject: { app: string; stream: string; output: OutputName };
	readonly #backoff = new RestartBackoff();
	/** `stop` wins over `ended`: nothing more is recorded. */
	#last: 'ended' | 'stop' | null = null;
	#serverStops = false;
	#port: MessagePort | null = null;
	#openTake: string | null = null;
	#lastBeat = 0;
	#missedBeats = 0;
	#wake: () => void = () => undefined;

	constructor(parts: RecordingParts) {
		this.stream = parts.stream;
		this.output = parts.output;
		this.#parts = parts;
		this.#subject = { ...streamLabels(parts.stream.name), output: parts.output };
	}

	/** Records until the stream ends or `stop`; never rejects. */
	async run(): Promise<void> {
		for (;;) {
			const startedAtMs = Date.now();
			const failures = this.figures.get('failures');
			try {
				await this.#attempt();
				// A disk that failed may have kept the recorder from finishing its last take.
				if (this.figures.get('failures') > failures && !this.#serverStops) {
					await this.#recover();
				}
				return;
			} catch (error) {
				this.#endTake();
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

	/** The take that is being written, of outputs whose takes are to be finished. */
	get openTake(): string | null {
		return this.#openTake;
	}

	/** The stream's ring has been replaced by a bigger one. */
	replaceRing(ring: SharedArrayBuffer): void {
		this.#post({ type: 'ring', ring });
	}

	/** The stream has ended: what is left in its ring is recorded, and no more. */
	ended(): void {
		this.#finish('ended');
	}

	/** The stream may go on when the server is there again. */
	serverStops(): void {
		this.#serverStops = true;
		this.#post({ type: 'server-stops' });
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
		const { stream, output, directory, config, disk, pool } = this.#parts;
		const { port1, port2 } = new MessageChannel();
		port1.on('message', (message: RecorderMessage) => this.#hear(message));
		this.#port = port1;
		if (this.#serverStops) {
			this.#post({ type: 'server-stops' });
		}
		if (this.#last !== null) {
			this.#post({ type: this.#last });
		}
		const { name, ring } = stream;
		const task = { name, ring, directory, config, disk, figures: this.figures.shared, port: port2 };
		const heardAll = once(port1, 'close');
		try {
			await pool.run({ type: 'record', output, ...task }, [port2]);
			// Its result and its last words come by different ways.
			await heardAll;
		} finally {
			this.#port = null;
			port1.close();
		}
	}

	#hear(message: RecorderMessage): void {
		if (message.type === 'event') {
			this.#parts.log[message.level]({ ...this.#subject, ...message.fields }, message.message);
		} else if (message.type === 'take-began') {
			this.#openTake = message.take;
		} else {
			this.#endTake();
		}
	}

	#endTake(): void {
		const take = this.#openTake;
		this.#openTake = null;
		if (take !== null) {
			this.#parts.takeEnded(take);
		}
	}

	/** The take that a crash has left behind is finished; should this fail as well, the next start of the process does it. */
	async #recover(): Promise<void> {
		const { pool, output, directory, log } = this.#parts;
		try {
			const summary = await pool.run({ type: 'recover', output, directory });
			if (summary !== null) {
				log.info({ ...this.#subject, ...(summary as object), recovered: true }, 'recording is finished');
			}
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
