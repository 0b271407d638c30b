import { FramesFromFlv } from '../remux/frames-from-flv.js';
import { SegmentPlanner, type SegmentPolicy, type SegmentSink } from '../remux/segment-planner.js';
import { errorCodeOf } from './file-error.js';
import type { Recorder, RecorderEvent, RecorderParts } from './output.js';
import { type RingEntry, RingFrames } from './ring-frames.js';

/** One take of segments on its way to the disk. */
export type SegmentOutput = {
	sink: SegmentSink;
	/** In whole seconds, of a playlist that goes on with this take; absent = to be chosen. */
	targetDuration?: number;
	/** Bytes that have been ordered to be written so far. */
	readonly bytesWritten: number;
	/** Does what the sink's calls have ordered; rejects with the disk's error. */
	flush(): Promise<void>;
	/** After the sink's end and the last flush. `streamEnded`: else it may go on soon. @returns fields for the log. */
	finish(streamEnded: boolean): Promise<RecorderEvent['fields']>;
	/** Lets go of open files after a failure; must not throw. */
	abandon(): Promise<void>;
};

export type SegmentRecorderParts = Pick<RecorderParts, 'ring' | 'figures' | 'disk' | 'report'> & {
	/** What the log calls this output. */
	what: string;
	policy: Partial<SegmentPolicy>;
	/**
	 * Begins a take whose first frame was at wall clock `startedAtMs`. `lagMs` tells how long ago a frame that was just handed to
	 * the sink had come in.
	 */
	open(startedAtMs: number, lagMs: () => number): Promise<SegmentOutput>;
};

/** A disk that failed is left alone for this many steps. */
const STEPS_BEFORE_RETRY = 20;

type Take = { output: SegmentOutput; frames: FramesFromFlv; skips: number; skippedTags: number; bytes: number };

/**
 * Packages one stream from its ring, step by step: frames go through the planner into an output, whose files are written before
 * more is read. A take goes on over splices until the stream ends. A slow disk loses frames up to the next keyframe; a full or
 * failing one ends the take, and another begins when there is room again. The stream itself never notices.
 */
export class SegmentRecorder implements Recorder {
	readonly #parts: SegmentRecorderParts;
	readonly #ring: RingFrames;
	#take: Take | null = null;
	/** The first take has everything that is still in the ring; later ones begin where the stream is. */
	#isFirstTake = true;
	#stopping = false;
	#serverStops = false;
	#stepsToWait = 0;
	#saidFull = false;

	constructor(parts: SegmentRecorderParts) {
		this.#parts = parts;
		this.#ring = new RingFrames(parts.ring);
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

	async #takeNew(last: boolean): Promise<boolean> {
		let step = this.#take === null ? await this.#begin(last) : this.#ring.step();
		for (;;) {
			const take = this.#take;
			if (take === null) {
				return false;
			}
			await take.output.flush();
			this.#note(take);
			if (step !== 'more') {
				return step === 'ended';
			}
			step = this.#ring.step();
		}
	}

	async #begin(last: boolean): Promise<'more' | 'idle' | 'ended'> {
		// A stream may be over before its first step; but a take that failed is not begun again for what is left of a stream.
		const entry = last && !this.#isFirstTake ? null : this.#ring.findEntry(this.#isFirstTake);
		if (entry === null || !this.#hasRoom()) {
			return 'idle';
		}
		const { open, policy, figures, what } = this.#parts;
		const output = await open(this.#startOf(entry), () => this.#ring.lagMs);
		const { sink, targetDuration = 0 } = output;
		const frames = new FramesFromFlv(new SegmentPlanner(sink, { ...policy, targetDuration }));
		this.#take = { output, frames, skips: this.#ring.skips, skippedTags: 0, bytes: 0 };
		this.#isFirstTake = false;
		this.#saidFull = false;
		figures.set('active', 1);
		figures.add('takes', 1);
		this.#report('info', `${what} begins`, {});
		return this.#ring.begin(entry, frames);
	}

	/** Wall clock of the entry's first frame: the newest one has just come in. */
	#startOf(entry: RingEntry): number {
		return Math.round(Date.now() - Math.max(0, this.#ring.newestDtsMs - entry.dtsMs));
	}

	#hasRoom(): boolean {
		const { disk, what } = this.#parts;
		if (!disk.hasRoom && !this.#saidFull) {
			this.#saidFull = true;
			this.#report('error', `${what} waits: less disk is free than record.minFree`, { freeBytes: disk.freeBytes });
		}
		return disk.hasRoom;
	}

	#note(take: Take): void {
		const { figures, what } = this.#parts;
		figures.add('bytesWritten', take.output.bytesWritten - take.bytes);
		take.bytes = take.output.bytesWritten;
		if (this.#ring.skips > take.skips) {
			figures.add('skips', this.#ring.skips - take.skips);
			take.skips = this.#ring.skips;
			this.#report('warn', `${what} is too slow and skips to a keyframe`, {});
		}
		if (take.frames.skippedTags > 0 && take.skippedTags === 0) {
			take.skippedTags = take.frames.skippedTags;
			this.#report('warn', `${what} leaves out what it cannot package`, { reason: take.frames.lastFault });
		}
	}

	async #finish(message: string, level: RecorderEvent['level']): Promise<void> {
		const take = this.#take;
		if (take === null) {
			return;
		}
		this.#letGo();
		take.frames.end();
		await take.output.flush();
		this.#note(take);
		this.#report(level, `${this.#parts.what} ${message}`, await take.output.finish(!this.#serverStops));
		if (level === 'error') {
			this.#parts.figures.add('failures', 1);
		}
	}

	/** The disk does not take what it is given: the take ends with what it has, and another is begun later. */
	async #giveUp(error: unknown): Promise<void> {
		const code = errorCodeOf(error);
		const take = this.#take;
		this.#letGo();
		await take?.output.abandon();
		if (code === '') {
			throw error;
		}
		const { figures, what } = this.#parts;
		figures.add('failures', 1);
		this.#stepsToWait = STEPS_BEFORE_RETRY;
		this.#report('error', `${what} failed and will be tried again`, { code, error: String(error) });
	}

	#letGo(): void {
		this.#take = null;
		this.#parts.figures.set('active', 0);
	}

	#report(level: RecorderEvent['level'], message: string, fields: RecorderEvent['fields']): void {
		this.#parts.report({ level, message, fields });
	}
}
