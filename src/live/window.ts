import { distance, type Position } from '../ring/layout.js';
import { type PartChunk, PartFlag, PartKind, type PartPeriod, type PartRecord } from '../ring/part-layout.js';

/** The share of one track in a segment, in ticks of the track. */
export type TrackSpan = { startTicks: number; endTicks: number; bytes: number };

/** A segment of a live stream as a part ring tells it. */
export type LiveSegment = {
	msn: number;
	/** The place where its records begin. */
	position: Position;
	/** The msn that named its init segment. */
	initMsn: number;
	init: PartRecord;
	discontinuity: boolean;
	/** Since when segments continue each other. */
	period: PartPeriod;
	/** Its parts keep to the part target. */
	measured: boolean;
	programDateTimeMs: number;
	parts: PartRecord[];
	durationMs: number;
	/** Null while it has nothing of the track. */
	video: TrackSpan | null;
	audio: TrackSpan | null;
	complete: boolean;
};

/**
 * The state that the records of a part ring describe: the segments that can be fetched, and those that the playlist
 * lists.
 */
export class LiveWindow {
	#segments: LiveSegment[] = [];
	#firstMsn = 0;
	#discontinuitySequence = 0;
	#ended = false;

	/** All segments that can be had, the oldest first; the last one may not be complete yet. */
	get segments(): readonly LiveSegment[] {
		return this.#segments;
	}

	/** Complete segments in the playlist. */
	get listed(): readonly LiveSegment[] {
		return this.#segments.filter(({ complete, msn }) => complete && msn >= this.#firstMsn);
	}

	/** The segment that is being made, when there is one. */
	get open(): LiveSegment | null {
		const newest = this.#segments.at(-1);
		return newest === undefined || newest.complete ? null : newest;
	}

	/** Number of the newest complete segment, or of the one before the first. */
	get lastMsn(): number {
		const newest = this.#segments.at(-1);
		return newest === undefined ? this.#firstMsn - 1 : newest.complete ? newest.msn : newest.msn - 1;
	}

	get firstMsn(): number {
		return this.#firstMsn;
	}

	/** Discontinuities before the first segment of the playlist. */
	get discontinuitySequence(): number {
		return this.#discontinuitySequence;
	}

	get ended(): boolean {
		return this.#ended;
	}

	find(msn: number): LiveSegment | undefined {
		return this.#segments.find((segment) => segment.msn === msn);
	}

	apply(record: PartRecord): void {
		switch (record.kind) {
			case PartKind.segment:
				this.#begin(record);
				break;
			case PartKind.part: {
				const { open } = this;
				if (open !== null) {
					open.parts.push(record);
					open.durationMs += record.time;
					open.video = extend(open.video, record.video);
					open.audio = extend(open.audio, record.audio);
				}
				break;
			}
			case PartKind.close: {
				const { open } = this;
				if (open !== null) {
					open.complete = true;
				}
				this.#firstMsn = record.time;
				this.#discontinuitySequence = record.index;
				break;
			}
			case PartKind.end:
				this.#ended = true;
				break;
		}
	}

	/** Forgets everything. The next records are read from the ring's oldest on. */
	clear(): void {
		this.#segments = [];
		this.#ended = false;
	}

	/** Forgets segments that the ring has overwritten. */
	forgetBefore(oldest: Position): void {
		while (this.#segments.length > 0 && distance(this.#segments[0]!.position, oldest) > 0) {
			this.#segments.shift();
		}
	}

	#begin(init: PartRecord): void {
		const { msn, index, flags, time, period, position } = init;
		if (this.#segments.length === 0) {
			this.#firstMsn = msn;
		}
		this.#ended = false;
		this.#segments.push({
			...{ msn, position, init, initMsn: index, parts: [], durationMs: 0, video: null, audio: null, complete: false },
			discontinuity: (flags & PartFlag.discontinuity) !== 0,
			measured: (flags & PartFlag.unmeasured) === 0,
			programDateTimeMs: time,
			period,
		});
	}
}

function extend(span: TrackSpan | null, { length, startTicks, durationTicks }: PartChunk): TrackSpan | null {
	if (length === 0) {
		return span;
	}
	const endTicks = startTicks + durationTicks;
	return { startTicks: span?.startTicks ?? startTicks, endTicks, bytes: (span?.bytes ?? 0) + length };
}
