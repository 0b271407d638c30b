import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { policyOf } from '../config/policy.js';
import type { Config } from '../config/schema.js';
import type { Logger } from '../log/logger.js';
import type { RecorderCounts } from '../metrics/snapshot.js';
import { DiskGauge } from '../record/disk/disk-gauge.js';
import { recordedStreams } from '../record/flv/recovery.js';
import { takeDirectory } from '../record/flv/take-directory.js';
import { OUTPUT_NAMES, OUTPUTS, type OutputName, outputsOf } from '../record/outputs.js';
import { type KeptTake, takesOverSize } from '../record/size-retention.js';
import type { StreamInfo } from '../stream/thread-messages.js';
import { type StreamName, streamLabels } from '../stream-name.js';
import { KeyedQueue } from './keyed-queue.js';
import { Recording } from './recording.js';
import type { RemuxPool } from './remux-pool.js';

export type RecordingsParts = { config: Config; pool: RemuxPool; log: Logger };

const BEAT_CHECK_MS = 1000;
const DISK_CHECK_MS = 5000;
const RETENTION_MS = 10 * 60_000;
/** An alarm comes before recording stops: at this multiple of record.minFree. */
const LOW_DISK_SHARE = 2;
/** Key under which ended takes are finished, one at a time; no directory is called so. */
const FINISHING = 'finishing';

/** All recordings of the process: which streams are recorded as what, what happens to old takes, and how much disk is left. */
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
	/** Takes that somebody works at though nothing more is written to them. */
	readonly #finishingTakes = new Set<string>();
	/** Takes that could not be finished, as a rule because the disk was full; tried again. */
	readonly #unfinished = new Map<string, Recorded>();
	/** Takes from before are an earlier life's. */
	readonly #startedAtMs = Date.now();
	readonly #past = byOutput(() => ({ active: 0, takes: 0, bytesWritten: 0, failures: 0, skips: 0 }));
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

	/** A reloaded configuration: `record`, `hls` and `dvr` hold for new takes, the rest at once. */
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
			setInterval(() => void this.#removeOld().then(() => this.#finishUnfinished()), RETENTION_MS),
			setInterval(() => this.#checkBeats(), BEAT_CHECK_MS),
		];
		void this.#recoverAll(OUTPUT_NAMES.filter((output) => !OUTPUTS[output].waitsForStream)).then(() =>
			this.#removeOld(),
		);
		const waiting = OUTPUT_NAMES.filter((output) => OUTPUTS[output].waitsForStream);
		this.#timers.push(setTimeout(() => void this.#recoverAll(waiting), longestGraceMs(this.#config)));
	}

	opened(stream: StreamInfo): void {
		const outputs = this.#stopped ? [] : outputsOf(policyOf(this.#config, stream.name));
		for (const output of outputs) {
			this.#record(stream, output);
		}
	}

	ringReplaced(stream: StreamInfo): void {
		for (const output of OUTPUT_NAMES) {
			this.#running.get(runningKey(stream, output))?.recording.replaceRing(stream.ring);
		}
	}

	ended(stream: StreamInfo): void {
		for (const output of OUTPUT_NAMES) {
			this.#running.get(runningKey(stream, output))?.recording.ended();
		}
	}

	/** Sums over all recordings that there have ever been, of each output. */
	counts(): Record<OutputName, RecorderCounts> {
		const counts = byOutput((output) => ({ ...this.#past[output] }));
		for (const { recording } of this.#running.values()) {
			counts[recording.output].active += recording.figures.get('active');
			addFigures(counts[recording.output], recording);
		}
		return counts;
	}

	/** From now on streams end because the server does. */
	serverStops(): void {
		this.#stopped = true;
		for (const { recording } of this.#running.values()) {
			recording.serverStops();
		}
	}

	/** Finishes all takes; what is not done by `deadline` (Date.now() milliseconds) is left to the next start. */
	async finish(deadline: number): Promise<void> {
		this.serverStops();
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
		const unfinished = this.#running.size + this.#finishing.size;
		if (unfinished > 0) {
			this.#log.error({ recordings: unfinished }, 'some takes were not finished in time');
		}
	}

	#record(stream: StreamInfo, output: OutputName): void {
		const { name } = stream;
		const directory = this.#directoryOf(output, name);
		const recording = new Recording({
			stream,
			output,
			directory,
			config: this.#config,
			disk: this.#disk.shared,
			pool: this.#pool,
			log: this.#log,
			takeEnded: (take) => void this.#finishTake({ output, name, directory }, take),
		});
		const over = this.#queue.run(directory, () => recording.run());
		this.#running.set(runningKey(stream, output), { recording, over: over.then(() => this.#forget(recording)) });
	}

	#directoryOf(output: OutputName, name: StreamName): string {
		return takeDirectory(this.#media, OUTPUTS[output].folder, name);
	}

	#forget(recording: Recording): void {
		addFigures(this.#past[recording.output], recording);
		this.#running.delete(runningKey(recording.stream, recording.output));
	}

	/** One take after the other: it is much reading and writing. Never rejects. */
	async #finishTake(recorded: Recorded, take: string): Promise<void> {
		const { output, name } = recorded;
		const subject = { ...streamLabels(name), output, take };
		const finishing = this.#queue
			.run(FINISHING, () => this.#pool.run({ type: 'finish-take', output, take }))
			.then(
				(summary) => {
					if (summary !== null) {
						this.#log.info({ ...subject, ...(summary as object) }, 'take is finished');
					}
				},
				(error: unknown) => {
					this.#unfinished.set(take, recorded);
					this.#log.error({ ...subject, err: error }, 'a take cannot be finished and will be tried again');
				},
			);
		this.#finishing.add(finishing);
		this.#finishingTakes.add(take);
		await finishing;
		this.#finishing.delete(finishing);
		this.#finishingTakes.delete(take);
	}

	async #finishUnfinished(): Promise<void> {
		for (const [take, recorded] of [...this.#unfinished]) {
			this.#unfinished.delete(take);
			if (!this.#stopped) {
				await this.#finishTake(recorded, take);
			}
		}
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
	async #recoverAll(outputs: readonly OutputName[]): Promise<void> {
		await this.#forEachDirectory(outputs, async (recorded) => {
			const { output, name, directory } = recorded;
			if (OUTPUTS[output].recover !== undefined && !this.#queue.busy(directory)) {
				const recover = () => this.#pool.run({ type: 'recover', output, directory });
				const summary = await this.#queue.run(directory, recover);
				if (summary !== null) {
					const fields = { ...streamLabels(name), output, ...(summary as object), recovered: true };
					this.#log.info(fields, 'recording is finished');
				}
			}
			for (const take of (await OUTPUTS[output].endedTakes?.(directory, this.#startedAtMs)) ?? []) {
				await this.#finishTake(recorded, take);
			}
		});
	}

	async #removeOld(): Promise<void> {
		const { maxAge: maxAgeMs, maxSize } = this.#config.record;
		const isOpen = (take: string) => [...this.#running.values()].some(({ recording }) => recording.openTake === take);
		await this.#removeOlder(maxAgeMs > 0 ? maxAgeMs : Number.POSITIVE_INFINITY, isOpen);
		if (maxSize > 0) {
			await this.#removeOverSize(maxSize, isOpen);
		}
	}

	async #removeOverSize(maxBytes: number, isOpen: (take: string) => boolean): Promise<void> {
		const kept: { recorded: Recorded; take: KeptTake }[] = [];
		await this.#forEachDirectory(OUTPUT_NAMES, async (recorded) => {
			const { output, directory } = recorded;
			const takes = (await OUTPUTS[output].listTakes?.(directory, this.#queue.busy(directory))) ?? [];
			kept.push(...takes.map((take) => ({ recorded, take })));
		});
		const finishing = (take: string): boolean => isOpen(take) || this.#finishingTakes.has(take);
		const over = new Set(
			takesOverSize(
				kept.map(({ take }) => take),
				maxBytes,
				finishing,
			),
		);
		for (const { recorded, take } of kept.filter(({ take }) => over.has(take))) {
			const { name, output } = recorded;
			const subject = { ...streamLabels(name), output, take: take.path };
			try {
				await OUTPUTS[output].removeTake?.(take.path);
				this.#log.info({ ...subject, sizeBytes: take.sizeBytes }, 'a take was removed: recordings take too much disk');
			} catch (error) {
				this.#log.error({ ...subject, err: error }, 'a take cannot be removed');
			}
		}
	}

	async #removeOlder(maxAgeMs: number, isOpen: (take: string) => boolean): Promise<void> {
		await this.#forEachDirectory(OUTPUT_NAMES, async ({ output, name, directory }) => {
			const remove = (recording: boolean) =>
				OUTPUTS[output].removeOld(directory, { maxAgeMs, nowMs: Date.now(), recording, isOpen });
			const isBusy = this.#queue.busy(directory);
			const removed = await (isBusy ? remove(true) : this.#queue.run(directory, () => remove(false)));
			if (removed.length > 0) {
				this.#log.info({ ...streamLabels(name), output, removed: removed.length }, 'old recordings were removed');
			}
		});
	}

	async #forEachDirectory(outputs: readonly OutputName[], act: (recorded: Recorded) => Promise<void>): Promise<void> {
		for (const output of outputs) {
			try {
				for await (const name of recordedStreams(path.join(this.#media, OUTPUTS[output].folder))) {
					if (this.#stopped) {
						return;
					}
					await act({ output, name, directory: this.#directoryOf(output, name) }).catch((error: unknown) => {
						const subject = { ...streamLabels(name), output };
						this.#log.error({ ...subject, err: error }, 'recordings of a stream cannot be looked after');
					});
				}
			} catch (error) {
				this.#log.error({ err: error, output }, 'recordings cannot be listed');
			}
		}
	}
}

/** The directory in which one output keeps one stream. */
type Recorded = { output: OutputName; name: StreamName; directory: string };

function longestGraceMs(config: Config): number {
	const apps = Object.keys(config.apps).map((app) => policyOf(config, { app }).publish.grace);
	return Math.max(config.publish.grace, ...apps);
}

function runningKey({ streamId }: StreamInfo, output: OutputName): string {
	return `${streamId}:${output}`;
}

function byOutput<T>(value: (output: OutputName) => T): Record<OutputName, T> {
	return Object.fromEntries(OUTPUT_NAMES.map((output) => [output, value(output)])) as Record<OutputName, T>;
}

function addFigures(into: RecorderCounts, { figures }: Recording): void {
	into.takes += figures.get('takes');
	into.bytesWritten += figures.get('bytesWritten');
	into.failures += figures.get('failures');
	into.skips += figures.get('skips');
}
