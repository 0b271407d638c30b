import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Config, policyOf } from '../config/schema.js';
import type { Logger } from '../log/logger.js';
import type { RecorderCounts } from '../metrics/snapshot.js';
import { DiskGauge } from '../record/disk-gauge.js';
import { hlsDirectory, listTakes, mp4Directory, takeStamp } from '../record/mp4-directory.js';
import { OUTPUTS, type Output } from '../record/recording-task.js';
import { recordedStreams } from '../record/recovery.js';
import { removeOldTakes } from '../record/retention.js';
import { removeOldHls, removeOldMp4Takes } from '../record/segment-retention.js';
import { takeDirectory } from '../record/take-directory.js';
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
/** Key under which MP4s are made one at a time; no directory is called so. */
const FINISHING = 'finishing';
/** Where the recordings of each output are, under `media`. */
const FOLDERS: { readonly [output in Output]: string } = { flv: 'flv', fmp4: 'mp4', hls: 'hls' };

/** All recordings of the process: which streams are recorded, what happens to old takes, and how much disk is left. */
export class Recordings {
	readonly #pool: RemuxPool;
	readonly #log: Logger;
	readonly #media: string;
	readonly #disk = new DiskGauge();
	/** Recordings, recoveries and clean-ups in one directory never run at the same time. */
	readonly #queue = new KeyedQueue();
	/** By stream id and output. */
	readonly #running = new Map<string, { recording: Recording; over: Promise<void> }>();
	readonly #finishing = new Set<Promise<void>>();
	/** Takes from before are an earlier life's. */
	readonly #startedAtMs = Date.now();
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

	/** A reloaded configuration: `record` and `hls` hold for new takes, the rest at once. */
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
		const { app, name } = stream;
		const { record } = policyOf(this.#config, app);
		for (const output of OUTPUTS) {
			if (record[output] && !this.#stopped) {
				this.#record(stream, output, this.#directoryOf(output, app, name));
			}
		}
	}

	#record(stream: StreamInfo, output: Output, directory: string): void {
		const { app, name, streamId } = stream;
		const { segment, maxSegment, window, keySegments } = this.#config.hls;
		const recording = new Recording({
			stream,
			output,
			segments: { targetMs: segment, maxMs: maxSegment, windowMs: window, segmentsPerKey: keySegments },
			directory,
			disk: this.#disk.shared,
			pool: this.#pool,
			log: this.#log,
			takeEnded: (take) => void this.#finishTake(app, name, take),
		});
		const over = this.#queue.run(directory, () => recording.run());
		this.#running.set(`${streamId}:${output}`, { recording, over: over.then(() => this.#forget(recording)) });
	}

	#directoryOf(output: Output, app: string, name: string): string {
		switch (output) {
			case 'flv':
				return takeDirectory(this.#media, app, name);
			case 'fmp4':
				return mp4Directory(this.#media, app, name);
			case 'hls':
				return hlsDirectory(this.#media, app, name);
		}
	}

	/** Makes the MP4 of an fMP4 take, one take after the other: it is much reading and writing. */
	async #finishTake(app: string, name: string, directory: string): Promise<void> {
		const finishing = this.#queue.run(FINISHING, () => this.#pool.run({ type: 'finish-fmp4', directory, name }));
		const settled = finishing.then(
			(summary) => {
				if (summary !== null) {
					this.#log.info({ app, stream: name, take: directory, ...(summary as object) }, 'MP4 is finished');
				}
			},
			(error: unknown) => {
				this.#log.error({ err: error, app, stream: name, take: directory }, 'an MP4 cannot be made');
			},
		);
		this.#finishing.add(settled);
		await settled;
		this.#finishing.delete(settled);
	}

	ringReplaced({ streamId, ring }: StreamInfo): void {
		for (const output of OUTPUTS) {
			this.#running.get(`${streamId}:${output}`)?.recording.replaceRing(ring);
		}
	}

	ended({ streamId }: StreamInfo): void {
		for (const output of OUTPUTS) {
			this.#running.get(`${streamId}:${output}`)?.recording.ended();
		}
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
		const finished = Promise.all(running.map(({ over }) => over)).then(() => Promise.all(this.#finishing));
		await Promise.race([finished, timeout]);
		clearTimeout(timer);
		if (this.#running.size > 0) {
			this.#log.error({ recordings: this.#running.size }, 'some takes were not finished in time');
		}
	}

	#forget(recording: Recording): void {
		addFigures(this.#past, recording);
		this.#running.delete(`${recording.stream.streamId}:${recording.output}`);
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
		await this.#forEachStream('flv', async (app, name, directory) => {
			if (this.#queue.busy(directory)) {
				return;
			}
			const summary = await this.#queue.run(directory, () => this.#pool.run({ type: 'recover-flv', directory }));
			if (summary !== null) {
				this.#log.info({ app, stream: name, ...(summary as object), recovered: true }, 'recording is finished');
			}
		});
		const now = takeStamp(this.#startedAtMs);
		await this.#forEachStream('fmp4', async (app, name, directory) => {
			for (const take of await listTakes(directory)) {
				if (path.basename(take) < now) {
					await this.#finishTake(app, name, take);
				}
			}
		});
	}

	async #removeOld(): Promise<void> {
		const maxAgeMs = this.#config.record.maxAge;
		if (maxAgeMs === 0) {
			return;
		}
		const say = (app: string, name: string, output: Output, removed: number): void => {
			if (removed > 0) {
				this.#log.info({ app, stream: name, output, removed }, 'old recordings were removed');
			}
		};
		await this.#forEachStream('flv', async (app, name, directory) => {
			const remove = (recording: boolean) => removeOldTakes(directory, { maxAgeMs, nowMs: Date.now(), recording });
			const isBusy = this.#queue.busy(directory);
			say(app, name, 'flv', (await (isBusy ? remove(true) : this.#queue.run(directory, () => remove(false)))).length);
		});
		await this.#forEachStream('fmp4', async (app, name, directory) => {
			const rule = { maxAgeMs, nowMs: Date.now(), isOpen: (take: string) => this.#isOpen(take) };
			say(app, name, 'fmp4', (await removeOldMp4Takes(directory, rule)).length);
		});
		await this.#forEachStream('hls', async (app, name, directory) => {
			if (!this.#queue.busy(directory)) {
				const remove = () => removeOldHls(directory, maxAgeMs, Date.now());
				say(app, name, 'hls', Number(await this.#queue.run(directory, remove)));
			}
		});
	}

	#isOpen(take: string): boolean {
		return [...this.#running.values()].some(({ recording }) => recording.openTake === take);
	}

	async #forEachStream(
		output: Output,
		act: (app: string, name: string, directory: string) => Promise<void>,
	): Promise<void> {
		try {
			for await (const { app, name } of recordedStreams(path.join(this.#media, FOLDERS[output]))) {
				if (this.#stopped) {
					return;
				}
				await act(app, name, this.#directoryOf(output, app, name)).catch((error: unknown) => {
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
