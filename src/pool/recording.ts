import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Logger } from '../log/logger.js';
import { RecorderFigures } from '../record/recorder-figures.js';
import type { Output, RecorderMessage, RecordingCommand, SegmentSettings } from '../record/recording-task.js';
import type { StreamInfo } from '../stream/thread-messages.js';
import { type RemuxPool, RemuxTaskError } from './remux-pool.js';
import { RestartBackoff } from './restart-backoff.js';

export type RecordingParts = {
	stream: StreamInfo;
	output: Output;
	segments: SegmentSettings;
	directory: string;
	/** DiskGauge. */
	disk: SharedArrayBuffer;
	pool: RemuxPool;
	log: Logger;
	/** Nothing more is written to the take in `directory`, which is to be finished. */
	takeEnded?: (directory: string) => void;
};

/** Checks without a beat after which the thread of a recording counts as hung. */
const MAX_MISSED_BEATS = 10;

/** One output of one stream: a task in the remux pool that is started again when it, or its thread, fails. */
export class Recording {
	readonly stream: StreamInfo;
	readonly output: Output;
	readonly figures = new RecorderFigures();
	readonly #parts: RecordingParts;
	/** On every line about this recording. A child logger would keep the level that it was made with. */
	readonly #subject: { app: string; stream: string; output: Output };
	readonly #backoff = new RestartBackoff();
	/** `stop` wins over `ended`: nothing more is recorded. */
	#last: 'ended' | 'stop' | null = null;
	#port: MessagePort | null = null;
	#openTake: string | null = null;
	#lastBeat = 0;
	#missedBeats = 0;
	#wake: () => void = () => undefined;

	constructor(parts: RecordingParts) {
		this.stream = parts.stream;
		this.output = parts.output;
		this.#parts = parts;
		this.#subject = { app: parts.stream.app, stream: parts.stream.name, output: parts.output };
	}

	/** Records until the stream ends or `stop`; never rejects. */
	async run(): Promise<void> {
		for (;;) {
			const startedAtMs = Date.now();
			try {
				await this.#attempt();
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

	/** Directory of the take of segments that is being written. */
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
		const { stream, output, segments, directory, disk, pool } = this.#parts;
		const { port1, port2 } = new MessageChannel();
		port1.on('message', (message: RecorderMessage) => this.#hear(message));
		this.#port = port1;
		if (this.#last !== null) {
			this.#post({ type: this.#last });
		}
		const figures = this.figures.shared;
		const heardAll = once(port1, 'close');
		try {
			const { ring } = stream;
			await pool.run({ type: 'record', output, segments, ring, directory, figures, disk, port: port2 }, [port2]);
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
			this.#openTake = message.directory;
		} else {
			this.#endTake();
		}
	}

	#endTake(): void {
		const take = this.#openTake;
		this.#openTake = null;
		if (take !== null) {
			this.#parts.takeEnded?.(take);
		}
	}

	/** The take that a crash has left behind is finished; should this fail as well, the next start of the process does it. */
	async #recover(): Promise<void> {
		const { pool, output, directory, log } = this.#parts;
		if (output !== 'flv') {
			return; // segments are whole files; takes of them are looked after by their owner
		}
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
