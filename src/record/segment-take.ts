import { FramesFromFlv } from '../remux/frames-from-flv.js';
import { RingFrames } from '../remux/ring-frames.js';
import { SegmentPlanner, type SegmentPolicy, type SegmentSink } from '../remux/segment-planner.js';
import type { RecordBatch } from '../ring/ring-reader.js';
import type { HeaderSlot } from '../ring/ring-writer.js';
import type { RecorderEvent } from './output.js';
import type { Take, TakeStart } from './stream-recorder.js';

/** Segments of some kind on their way to the disk. */
export type SegmentOutput = Pick<Take, 'bytesWritten' | 'flush' | 'finish' | 'abandon'> & {
	sink: SegmentSink;
	/** In whole seconds, of a playlist that goes on with this take; absent = to be chosen. */
	targetDuration?: number;
};

export type SegmentTakeParts = {
	what: string;
	policy: Partial<SegmentPolicy>;
	report: (event: RecorderEvent) => void;
	/** `lagMs` tells how long ago a frame that was just handed to the sink had come in. */
	open(startedAtMs: number, lagMs: () => number): Promise<SegmentOutput>;
};

/** A take that is made of segments: frames go through the planner into an output. */
export class SegmentTake implements Take {
	readonly #output: SegmentOutput;
	readonly #frames: FramesFromFlv;
	readonly #ring: RingFrames;
	readonly #parts: SegmentTakeParts;
	#saidSkipped = false;

	private constructor(parts: SegmentTakeParts, output: SegmentOutput, frames: FramesFromFlv, ring: RingFrames) {
		this.#parts = parts;
		this.#output = output;
		this.#frames = frames;
		this.#ring = ring;
	}

	static async open(parts: SegmentTakeParts, { startedAtMs, newestDtsMs }: TakeStart): Promise<SegmentTake> {
		let ring: RingFrames | null = null;
		const output = await parts.open(startedAtMs, () => Math.max(0, newestDtsMs() - (ring?.dtsMs ?? 0)));
		const { sink, targetDuration = 0 } = output;
		const frames = new FramesFromFlv(new SegmentPlanner(sink, { ...parts.policy, targetDuration }));
		ring = new RingFrames(frames);
		return new SegmentTake(parts, output, frames, ring);
	}

	get bytesWritten(): number {
		return this.#output.bytesWritten;
	}

	enter(headers: readonly HeaderSlot[], dtsMs: number): void {
		this.#ring.enter(headers, dtsMs);
	}

	take(batch: RecordBatch): void {
		this.#ring.take(batch);
	}

	async flush(): Promise<void> {
		await this.#output.flush();
		if (this.#frames.skippedTags > 0 && !this.#saidSkipped) {
			this.#saidSkipped = true;
			const message = `${this.#parts.what} leaves out what it cannot package`;
			this.#parts.report({ level: 'warn', message, fields: { reason: this.#frames.lastFault } });
		}
	}

	async finish(streamEnded: boolean): Promise<RecorderEvent['fields']> {
		this.#frames.end();
		await this.flush();
		return this.#output.finish(streamEnded);
	}

	async abandon(): Promise<void> {
		await this.#output.abandon();
	}
}
