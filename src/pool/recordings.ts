import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Config, policyOf } from '../config/schema.js';
import type { Logger } from '../log/logger.js';
import type { RecorderCounts } from '../metrics/snapshot.js';
import { DiskGauge } from '../record/disk-gauge.js';
import { recordedStreams } from '../record/recovery.js';
import { removeOldTakes } from '../record/retention.js';
import { takeDirectory } from '../record/take-directory.js';
import { streamKey } from '../stream/directory.js';
import type { StreamInfo } from '../stream/thread-messages.js';
import { KeyedQueue } from './keyed-queue.js';
import { Recording } from './recording.js';
import type { RemuxPool } from './remux-pool.js';

export type RecordingsParts = { config: Config; pool: RemuxPool; log: Logger };

const BEAT_CHECK_MS = 1000;
const DISK_CHECK_MS = 5000;
const RETENTION_MS = 10 * 60_000;
/** An alarm comes before recording stops: at this multiple of record.minFree. */
const LOW_DISK_SHARE = 2;

/** All recordings of the process: which streams are recorded, what happens to old takes, and how much disk is left. */
export class Recordings {
	readonly #pool: RemuxPool;
	readonly #log: Logger;
	readonly #media: string;
	readonly #disk = new DiskGauge();
	/** Recordings, recoveries and clean-ups of one stream name never run at the same time. */
	readonly #queue = new KeyedQueue();
	readonly #running = new Map<number, { recording: Recording; over: Promise<void> }>();
	readonly #past = { takes: 0, bytesWritten: 0, failures: 0, skips: 0 };
	#config: Config;
	#timers: NodeJS.Timeout[] = [];
	#saidLow = false;
	#saidUnknown = false;
	#stopped = false;

	constructor({ config, pool, log }: RecordingsParts) {
		this.#config = config;
		this.#pool = pool;
		this.#log = log;
		this.#media = path.resolve(config.media);
	}

	/** A reloaded configuration: `record.flv` holds for new takes, the rest at once. */
	set config(config: Config) {
		this.#config = config;
		this.#disk.minFreeBytes = config.record.minFree;
	}

	/** Looks at the disk; then, behind the back of new recordings, finishes what a crash has left and removes what is too old. */
	async start(): Promise<void> {
		this.#disk.minFreeBytes = this.#config.record.minFree;
		await this.#checkDisk();
		this.#timers = [
			setInterval(() => void this.#checkDisk(), DISK_CHECK_MS),
			setInterval(() => void this.#removeOld(), RETENTION_MS),
			setInterval(() => this.#checkBeats(), BEAT_CHECK_MS),
		];
		void this.#recoverAll().then(() => this.#removeOld());
	}

	opened(stream: StreamInfo): void {
		const { app, name, streamId } = stream;
		if (!policyOf(this.#config, app).record.flv || this.#stopped) {
			return;
		}
		const recording = new Recording({
			stream,
			directory: takeDirectory(this.#media, app, name),
			disk: this.#disk.shared,
			pool: this.#pool,
			log: this.#log,
		});
		const over = this.#queue.run(streamKey(app, name), () => recording.run());
		this.#running.set(streamId, { recording, over: over.then(() => this.#forget(recording)) });
	}

	ringReplaced({ streamId, ring }: StreamInfo): void {
		this.#running.get(streamId)?.recording.replaceRing(ring);
	}

	ended({ streamId }: StreamInfo): void {
		this.#running.get(streamId)?.recording.ended();
	}

	/** Sums over all recordings that there have ever been. */
	counts(): RecorderCounts {
		const counts = { active: 0, ...this.#past };
		for (const { recording } of this.#running.values()) {
			counts.active += recording.figures.get('active');
			addFigures(counts, recording);
		}
		return counts;
	}

	/** Finishes all takes; what is not done by `deadline` (Date.now() milliseconds) is left to the next start. */
	async finish(deadline: number): Promise<void> {
		this.#stopped = true;
		for (const timer of this.#timers) {
			clearInterval(timer);
		}
		const running = [...this.#running.values()];
		for (const { recording } of running) {
			recording.stop();
		}
		let timer: NodeJS.Timeout | undefined;
		const timeout = new Promise<void>((resolve) => {
			timer = setTimeout(resolve, Math.max(0, deadline - Date.now()));
		});
		await Promise.race([Promise.all(running.map(({ over }) => over)), timeout]);
		clearTimeout(timer);
		if (this.#running.size > 0) {
			this.#log.error({ recordings: this.#running.size }, 'some takes were not finished in time');
		}
	}

	#forget(recording: Recording): void {
		addFigures(this.#past, recording);
		this.#running.delete(recording.stream.streamId);
	}

	#checkBeats(): void {
		for (const { recording } of this.#running.values()) {
			recording.checkBeat();
		}
	}

	async #checkDisk(): Promise<void> {
		try {
			await mkdir(this.#media, { recursive: true });
			await this.#disk.measure(this.#media);
		} catch (error) {
			if (!this.#saidUnknown) {
				this.#saidUnknown = true;
				this.#log.error({ err: error }, 'cannot tell how much disk is free for recordings');
			}
			return;
		}
		this.#saidUnknown = false;
		const { freeBytes, minFreeBytes } = this.#disk;
		const isLow = freeBytes < minFreeBytes * LOW_DISK_SHARE;
		if (isLow && !this.#saidLow) {
			this.#log.warn({ freeBytes, minFreeBytes }, 'the disk for recordings is running full');
		}
		this.#saidLow = isLow;
	}

	/** Finishes the takes that an earlier life of this process has left unfinished. Streams that are recorded already have done so. */
	async #recoverAll(): Promise<void> {
		await this.#forEachStream(async (app, name, directory) => {
			if (this.#queue.busy(streamKey(app, name))) {
				return;
			}
			const summary = await this.#queue.run(streamKey(app, name), () =>
				this.#pool.run({ type: 'recover-flv', directory }),
			);
			if (summary !== null) {
				this.#log.info({ app, stream: name, ...(summary as object), recovered: true }, 'recording is finished');
			}
		});
	}

	async #removeOld(): Promise<void> {
		const maxAgeMs = this.#config.record.maxAge;
		if (maxAgeMs === 0) {
			return;
		}
		await this.#forEachStream(async (app, name, directory) => {
			const key = streamKey(app, name);
			const remove = (recording: boolean) => removeOldTakes(directory, { maxAgeMs, nowMs: Date.now(), recording });
			const removed = await (this.#queue.busy(key) ? remove(true) : this.#queue.run(key, () => remove(false)));
			if (removed.length > 0) {
				this.#log.info({ app, stream: name, removed: removed.length }, 'old recordings were removed');
			}
		});
	}

	async #forEachStream(act: (app: string, name: string, directory: string) => Promise<void>): Promise<void> {
		try {
			for await (const { app, name } of recordedStreams(this.#media)) {
				if (this.#stopped) {
					return;
				}
				await act(app, name, takeDirectory(this.#media, app, name)).catch((error: unknown) => {
					this.#log.error({ err: error, app, stream: name }, 'recordings of a stream cannot be looked after');
				});
			}
		} catch (error) {
			this.#log.error({ err: error }, 'recordings cannot be listed');
		}
	}
}

function addFigures(into: Omit<RecorderCounts, 'active'>, { figures }: Recording): void {
	into.takes += figures.get('takes');
	into.bytesWritten += figures.get('bytesWritten');
	into.failures += figures.get('failures');
	into.skips += figures.get('skips');
}
