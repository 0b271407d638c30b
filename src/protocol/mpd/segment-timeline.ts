// Spec: ISO/IEC 23009-1 5.3.9.6 (SegmentTimeline)

/** Segments of equal length in a row, without a gap between them. */
export type TimelineRun = { startTicks: number; durationTicks: number; count: number };

/** The start times (`tfdt`) and lengths of the segments of one track. */
export class SegmentTimeline {
	#runs: TimelineRun[] = [];

	add(startTicks: number, durationTicks: number): void {
		const last = this.#runs.at(-1);
		if (last?.durationTicks === durationTicks && endOf(last) === startTicks) {
			last.count++;
		} else {
			this.#runs.push({ startTicks, durationTicks, count: 1 });
		}
	}

	/** The segments that end before `fromTicks` are not there any more. @returns how many. */
	forget(fromTicks: number): number {
		const { skipped, runs } = this.after(fromTicks);
		this.#runs = runs;
		return skipped;
	}

	/** From the first segment on that ends after `fromTicks`; `skipped` segments are before it. */
	after(fromTicks: number): { skipped: number; runs: TimelineRun[] } {
		const runs: TimelineRun[] = [];
		let skipped = 0;
		for (const run of this.#runs) {
			const { startTicks, durationTicks, count } = run;
			const past = Math.min(count, Math.max(0, Math.floor((fromTicks - startTicks) / durationTicks)));
			if (runs.length > 0 || past === 0) {
				runs.push(run);
				continue;
			}
			skipped += past;
			if (past < count) {
				runs.push({ startTicks: startTicks + past * durationTicks, durationTicks, count: count - past });
			}
		}
		return { skipped, runs };
	}
}

/** Returns the end of the run's last segment. */
export function endOf({ startTicks, durationTicks, count }: TimelineRun): number {
	return startTicks + durationTicks * count;
}
