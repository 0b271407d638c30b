import { Viewer } from './viewer.js';

/** What a viewer process is told. Times in ms. */
export type ToViewers =
	| {
			type: 'open';
			url: string;
			count: number;
			ratePerSecond: number;
			/** Every n-th viewer parses all it receives. */
			checkEvery: number;
			stepMs: Record<number, number>;
			localAddress?: string;
			settleMs: number;
	  }
	| { type: 'begin' }
	| { type: 'end' };

/** What it answers: `settled` when every viewer has its first picture or has failed, `report` at the end. */
export type FromViewers = { type: 'settled' } | { type: 'report'; report: ViewerReport };

export type ViewerReport = {
	firstByteMs: number[];
	firstKeyframeMs: number[];
	/** Of viewers that were served when the window ended. */
	longestGapMs: number[];
	windowBytes: number[];
	/** Reasons of viewers that were never served, and of those lost later. */
	failures: Record<string, number>;
	lost: number;
	checked: { viewers: number; tags: number; backwardSteps: number; missingFrames: number; undecodable: number };
};

const TICK_MS = 10;

/** The viewers of one process. */
class ViewerGroup {
	readonly #viewers: Viewer[] = [];

	async open(order: Extract<ToViewers, { type: 'open' }>): Promise<void> {
		const url = new URL(order.url);
		const startedAtMs = performance.now();
		while (this.#viewers.length < order.count) {
			const due = Math.ceil(((performance.now() - startedAtMs) / 1000) * order.ratePerSecond);
			while (this.#viewers.length < Math.min(due, order.count)) {
				const checked = this.#viewers.length % order.checkEvery === 0;
				this.#viewers.push(new Viewer({ url, checked, stepMs: order.stepMs, localAddress: order.localAddress }));
			}
			await sleep(TICK_MS);
		}
		const deadlineMs = performance.now() + order.settleMs;
		while (performance.now() < deadlineMs && !this.#viewers.every((viewer) => viewer.settled)) {
			await sleep(TICK_MS);
		}
	}

	begin(): void {
		for (const viewer of this.#viewers) {
			viewer.beginWindow();
		}
	}

	end(): ViewerReport {
		const report: ViewerReport = {
			firstByteMs: [],
			firstKeyframeMs: [],
			longestGapMs: [],
			windowBytes: [],
			failures: {},
			lost: 0,
			checked: { viewers: 0, tags: 0, backwardSteps: 0, missingFrames: 0, undecodable: 0 },
		};
		for (const viewer of this.#viewers) {
			viewer.endWindow();
			addViewer(report, viewer);
			viewer.close();
		}
		return report;
	}
}

function addViewer(report: ViewerReport, viewer: Viewer): void {
	if (viewer.firstByteMs !== null) {
		report.firstByteMs.push(viewer.firstByteMs);
	}
	if (viewer.firstKeyframeMs !== null) {
		report.firstKeyframeMs.push(viewer.firstKeyframeMs);
	}
	if (viewer.firstKeyframeMs !== null && viewer.failure === null) {
		report.longestGapMs.push(viewer.longestGapMs);
		report.windowBytes.push(viewer.windowBytes);
	} else {
		const reason = viewer.failure ?? (viewer.firstByteMs === null ? 'no answer' : 'no keyframe');
		report.failures[reason] = (report.failures[reason] ?? 0) + 1;
		report.lost += viewer.firstKeyframeMs === null ? 0 : 1;
	}
	report.checked.viewers += viewer.options.checked ? 1 : 0;
	report.checked.tags += viewer.check.tags;
	report.checked.backwardSteps += viewer.check.faults.backwardSteps;
	report.checked.missingFrames += viewer.check.faults.missingFrames;
	report.checked.undecodable += viewer.check.faults.undecodable;
}

function sleep(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}

function answer(message: FromViewers): void {
	process.send?.(message);
}

const group = new ViewerGroup();
process.on('message', async (message: ToViewers) => {
	if (message.type === 'open') {
		await group.open(message);
		answer({ type: 'settled' });
	} else if (message.type === 'begin') {
		group.begin();
	} else {
		// Disconnecting at once would cut a long report off.
		process.send?.({ type: 'report', report: group.end() } satisfies FromViewers, () => process.disconnect());
	}
});
