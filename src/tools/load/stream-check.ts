import { isKeyframe, isSequenceHeader, type Tag, TagType } from './flv-scanner.js';

/** A step of more than this many usual steps of its track means that frames are missing. */
const MISSING_STEPS = 1.9;

/** The faults of one viewer's stream; all zero is a perfect one. */
export type Faults = {
	/** Frames whose time is before their predecessor's on the same track. */
	backwardSteps: number;
	/** Frames that a jump in their track's time says are lost. */
	missingFrames: number;
	/** Video frames that came before the first keyframe, and frames before their sequence header. */
	undecodable: number;
};

type Track = { lastDtsMs: number; stepMs: number; hasHeader: boolean };

/** Follows one viewer's tags: order, gaps in time, and whether a decoder could have started. */
export class StreamCheck {
	readonly faults: Faults = { backwardSteps: 0, missingFrames: 0, undecodable: 0 };
	tags = 0;
	hasKeyframe = false;
	readonly #tracks = new Map<number, Track>();
	readonly #stepMs: Readonly<Record<number, number>>;

	/** `stepMs`: usual distance of two frames by tag type, for the count of missing frames; none = not counted. */
	constructor(stepMs: Readonly<Record<number, number>> = {}) {
		this.#stepMs = stepMs;
	}

	/** `tag` is borrowed until return. */
	push(tag: Tag): void {
		this.tags++;
		if (tag.type === TagType.script) {
			return;
		}
		let track = this.#tracks.get(tag.type);
		if (track === undefined) {
			track = { lastDtsMs: Number.NaN, stepMs: this.#stepMs[tag.type] ?? Number.POSITIVE_INFINITY, hasHeader: false };
			this.#tracks.set(tag.type, track);
		}
		if (isSequenceHeader(tag)) {
			track.hasHeader = true;
			return;
		}
		this.hasKeyframe ||= isKeyframe(tag);
		if (!track.hasHeader || (tag.type === TagType.video && !this.hasKeyframe)) {
			this.faults.undecodable++;
		}
		const step = tag.dtsMs - track.lastDtsMs;
		if (step < 0) {
			this.faults.backwardSteps++;
		} else if (step > track.stepMs * MISSING_STEPS) {
			this.faults.missingFrames += Math.round(step / track.stepMs) - 1;
		}
		track.lastDtsMs = tag.dtsMs;
	}
}
