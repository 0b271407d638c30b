import { type RingEntry, RingFollower, type RingStep, type RingTaker } from '../ring/ring-follower.js';
import type { HeaderSlot } from '../ring/ring-writer.js';
import { errorCodeOf } from './disk/file-error.js';
import type { Recorder, RecorderEvent, RecorderParts } from './output.js';

/** One continuous recording on its way to the disk. */
export type Take = RingTaker & {
	/** Bytes that have been ordered to be written so far. */
	readonly bytesWritten: number;
	/** Does what was ordered; rejects with the disk's error. */
	flush(): Promise<void>;
	/** Ends the take. `streamEnded`: else it may go on soon. @returns fields for the log. */
	finish(streamEnded: boolean): Promise<RecorderEvent['fields']>;
	/** Lets go of it after a failure; must not throw. */
	abandon(): Promise<void>;
};

/** The start of a take. */
export type TakeStart = {
	/** Stream time of the first record. */
	dtsMs: number;
	/** Wall clock of that record, milliseconds since 1970. */
	startedAtMs: number;
	hasAudio: boolean;
	hasVideo: boolean;
	/** Metadata and sequence headers as of the first record. */
	headers: readonly HeaderSlot[];
	/** Stream time of the newest record in the ring. */
	newestDtsMs: () => number;
};

export type StreamRecorderParts = Pick<RecorderParts, 'ring' | 'figures' | 'disk' | 'report'> & {
	/** The name of this output in the log. */
	what: string;
	open(start: TakeStart): Promise<Take>;
};

/** A disk that failed is left alone for this many steps. */
const STEPS_BEFORE_RETRY = 10;

/**
 * Records one stream from its ring, step by step: new records go into a take, whose files are written before more is
 * read. A take begins at a keyframe and goes on over splices until the stream ends. A slow disk loses frames up to the
 * next keyframe. A full or failing one ends the take, and another begins when there is room again. The stream itself
 * never notices.
 */
export class StreamRecorder implements Recorder {
	readonly #parts: StreamRecorderParts;
	readonly #ring: RingFollower;
	#take: Take | null = null;
	#noted = { bytes: 0, skips: 0, lostRecords: 0 };
	/** The first take has everything that is still in the ring; later ones begin where the stream is. */
	#isFirstTake = true;
	#stopping = false;
	#serverStops = false;
	#stepsToWait = 0;
	#saidFull = false;

	constructor(parts: StreamRecorderParts) {
		this.#parts = parts;
		this.#ring = new RingFollower(parts.ring);
	}

	replaceRing(ring: SharedArrayBuffer): void {
		this.#ring.replaceRing(ring);
	}

	serverStops(): void {
		this.#serverStops = true;
	}

	stop(): void {
		this.#stopping = true;
	}

	async advance(): Promise<boolean> {
		const last = this.#stopping || this.#ring.ended;
		if (this.#stepsToWait > 0 && !last) {
			this.#stepsToWait--;
			return false;
		}
		try {
			if (this.#take !== null && this.#parts.disk.full) {
				this.#saidFull = true;
				await this.#finish('stops: less disk is free than record.minFree', 'error');
			}
			const ended = await this.#takeNew(last);
			if (ended || last) {
				await this.#finish('is finished', 'info');
			}
			return ended || last;
		} catch (error) {
			await this.#giveUp(error);
			return last;
		}
	}

	/** `last` says that nothing will follow. @returns true after the stream's last record. */
	async #takeNew(last: boolean): Promise<boolean> {
		let step = this.#take === null ? await this.#begin(last) : this.#ring.step();
		while (this.#take !== null && step !== 'idle') {
			await this.#take.flush();
			this.#note(this.#take);
			if (step === 'ended') {
				return true;
			}
			step = this.#ring.step();
		}
		return false;
	}

	async #begin(last: boolean): Promise<RingStep> {
		// A stream may be over before its first step; but a take that failed is not begun again for what is left of a stream.
		const entry = last && !this.#isFirstTake ? null : this.#ring.findEntry(this.#isFirstTake);
		if (entry === null || !this.#hasRoom()) {
			return 'idle';
		}
		const { figures, what, open } = this.#parts;
		this.#take = await open(this.#startOf(entry));
		this.#noted = { bytes: 0, skips: this.#ring.skips, lostRecords: this.#ring.lostRecords };
		this.#isFirstTake = false;
		this.#saidFull = false;
		figures.set('active', 1);
		figures.add('takes', 1);
		this.#report('info', `${what} begins`, {});
		return this.#ring.begin(entry, this.#take);
	}

	#startOf({ dtsMs, headers }: RingEntry): TakeStart {
		const { hasAudio, hasVideo, newestDtsMs } = this.#ring;
		// The newest record has just come in.
		const startedAtMs = Math.round(Date.now() - Math.max(0, newestDtsMs - dtsMs));
		return { dtsMs, startedAtMs, hasAudio, hasVideo, headers, newestDtsMs: () => this.#ring.newestDtsMs };
	}

	#hasRoom(): boolean {
		const { disk, what } = this.#parts;
		if (!disk.hasRoom && !this.#saidFull) {
			this.#saidFull = true;
			this.#report('error', `${what} waits: less disk is free than record.minFree`, { freeBytes: disk.freeBytes });
		}
		return disk.hasRoom;
	}

	#note({ bytesWritten }: Take): void {
		const { figures, what } = this.#parts;
		const { skips, lostRecords } = this.#ring;
		figures.add('bytesWritten', bytesWritten - this.#noted.bytes);
		if (skips > this.#noted.skips) {
			figures.add('skips', skips - this.#noted.skips);
			const lost = lostRecords - this.#noted.lostRecords;
			this.#report('warn', `${what} is too slow and skips to a keyframe`, { lostRecords: lost });
		}
		this.#noted = { bytes: bytesWritten, skips, lostRecords };
	}

	async #finish(message: string, level: RecorderEvent['level']): Promise<void> {
		const take = this.#take;
		if (take === null) {
			return;
		}
		this.#letGo();
		const fields = await take.finish(!this.#serverStops);
		this.#note(take);
		this.#report(level, `${this.#parts.what} ${message}`, fields);
		if (level === 'error') {
			this.#parts.figures.add('failures', 1);
		}
	}

	/** The disk does not take what it is given: the take ends with what it has, and another is begun later. */
	async #giveUp(error: unknown): Promise<void> {
		const code = errorCodeOf(error);
		const take = this.#take;
		this.#letGo();
		if (code === '') {
			await take?.abandon();
			throw error;
		}
		const { figures, what } = this.#parts;
		figures.add('failures', 1);
		this.#stepsToWait = STEPS_BEFORE_RETRY;
		this.#report('error', `${what} failed and will be tried again`, { code, error: String(error) });
		await take?.abandon();
	}

	#letGo(): void {
		this.#take = null;
		this.#parts.figures.set('active', 0);
	}

	#report(level: RecorderEvent['level'], message: string, fields: RecorderEvent['fields']): void {
		this.#parts.report({ level, message, fields });
	}
}
