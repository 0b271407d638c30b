import { Viewer } from './viewer.js';

/** The messages to a viewer process. Times are in ms. */
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
			slow: { count: number; kbps: number };
	  }
	| { type: 'begin'; judge: Judge }
	| { type: 'waves'; url: string; waves: Waves; judge: Judge; stepMs: Record<number, number>; localAddress?: string }
	| { type: 'end' };

/** A viewer has to reach these figures to count as a success. */
export type Judge = { leastKbps: number; mostGapMs: number; keyframeWithinMs: number };

/** Viewers that come in batches, each for a short while. */
export type Waves = { batches: number; perBatch: number; pauseMs: number; stayMs: number };

/** Its answers: `settled` when every viewer has its first picture or has failed, `report` at the end. */
export type FromViewers = { type: 'settled' } | { type: 'report'; report: ViewerReport };

export type ViewerReport = {
	firstByteMs: number[];
	firstKeyframeMs: number[];
	/** The longest gaps of viewers that were served when the window ended. */
	longestGapMs: number[];
	windowBytes: number[];
	/** Reasons of viewers that were never served, and of those lost later. */
	failures: Record<string, number>;
	lost: number;
	succeeded: number;
	slow: { viewers: number; connected: number };
	checked: { viewers: number; tags: number; backwardSteps: number; missingFrames: number; undecodable: number };
};

const TICK_MS = 10;
const CHECK_EVERY_IN_WAVES = 50;

/** The viewers of one process. */
class ViewerGroup {
	readonly #viewers: Viewer[] = [];
	readonly #slow: Viewer[] = [];
	#judge: Judge | null = null;
	#beganAtMs = 0;

	async open(order: Extract<ToViewers, { type: 'open' }>): Promise<void> {
		const url = new URL(order.url);
		const { stepMs, localAddress, slow } = order;
		for (let n = 0; n < slow.count; n++) {
			this.#slow.push(new Viewer({ url, checked: false, stepMs, localAddress, readKbps: slow.kbps }));
		}
		const startedAtMs = performance.now();
		while (this.#viewers.length < order.count) {
			const due = Math.ceil(((performance.now() - startedAtMs) / 1000) * order.ratePerSecond);
			while (this.#viewers.length < Math.min(due, order.count)) {
				const checked = this.#viewers.length % order.checkEvery === 0;
				this.#viewers.push(new Viewer({ url, checked, stepMs, localAddress }));
			}
			await sleep(TICK_MS);
		}
		const deadlineMs = performance.now() + order.settleMs;
		while (performance.now() < deadlineMs && !this.#viewers.every((viewer) => viewer.settled)) {
			await sleep(TICK_MS);
		}
	}

	begin(judge: Judge): void {
		this.#judge = judge;
		this.#beganAtMs = performance.now();
		for (const viewer of this.#viewers) {
			viewer.beginWindow();
		}
	}

	end(): ViewerReport {
		const report = emptyReport();
		const windowMs = performance.now() - this.#beganAtMs;
		for (const viewer of this.#viewers) {
			viewer.endWindow();
			addViewer(report, viewer, this.#judge, windowMs);
			viewer.close();
		}
		for (const viewer of this.#slow) {
			report.slow.viewers++;
			report.slow.connected += viewer.failure === null ? 1 : 0;
			viewer.close();
		}
		return report;
	}
}

/** Viewers that come and go; each is judged when it leaves, over all of its stay. */
async function runWaves(order: Extract<ToViewers, { type: 'waves' }>): Promise<ViewerReport> {
	const { waves, judge, stepMs, localAddress } = order;
	const url = new URL(order.url);
	const report = emptyReport();
	const stays: Promise<void>[] = [];
	for (let batch = 0; batch < waves.batches; batch++) {
		const viewers = Array.from({ length: waves.perBatch }, (_, index) => {
			return new Viewer({ url, checked: index % CHECK_EVERY_IN_WAVES === 0, stepMs, localAddress });
		});
		const openedAtMs = performance.now();
		stays.push(
			sleep(waves.stayMs).then(() => {
				for (const viewer of viewers) {
					viewer.endWindow();
					addViewer(report, viewer, judge, performance.now() - openedAtMs);
					viewer.close();
				}
			}),
		);
		await sleep(waves.pauseMs);
	}
	await Promise.all(stays);
	return report;
}

function emptyReport(): ViewerReport {
	return {
		firstByteMs: [],
		firstKeyframeMs: [],
		longestGapMs: [],
		windowBytes: [],
		failures: {},
		lost: 0,
		succeeded: 0,
		slow: { viewers: 0, connected: 0 },
		checked: { viewers: 0, tags: 0, backwardSteps: 0, missingFrames: 0, undecodable: 0 },
	};
}

/** True when everything about a viewer that was served was right. */
function isSuccess(viewer: Viewer, judge: Judge, windowMs: number): boolean {
	const { backwardSteps, missingFrames, undecodable } = viewer.check.faults;
	return (
		(viewer.firstKeyframeMs ?? Number.POSITIVE_INFINITY) <= judge.keyframeWithinMs &&
		viewer.longestGapMs <= judge.mostGapMs &&
		(viewer.windowBytes * 8) / windowMs >= judge.leastKbps &&
		backwardSteps + missingFrames + undecodable === 0
	);
}

function addViewer(report: ViewerReport, viewer: Viewer, judge: Judge | null, windowMs: number): void {
	if (viewer.firstByteMs !== null) {
		report.firstByteMs.push(viewer.firstByteMs);
	}
	if (viewer.firstKeyframeMs !== null) {
		report.firstKeyframeMs.push(viewer.firstKeyframeMs);
	}
	if (viewer.firstKeyframeMs !== null && viewer.failure === null) {
		report.longestGapMs.push(viewer.longestGapMs);
		report.windowBytes.push(viewer.windowBytes);
		report.succeeded += judge !== null && isSuccess(viewer, judge, windowMs) ? 1 : 0;
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
		group.begin(message.judge);
	} else {
		const report = message.type === 'waves' ? await runWaves(message) : group.end();
		// Disconnecting at once would cut a long report off.
		process.send?.({ type: 'report', report } satisfies FromViewers, () => process.disconnect());
	}
});
