import { fork } from 'node:child_process';
import { type Spread, spreadOf } from './percentiles.js';
import { idleMeter } from './process-usage.js';
import type { SourceFigures } from './source-probe.js';
import { addCounts, reportOf, tell } from './view.js';
import type { ViewerReport } from './viewer-process.js';

/** A viewer with less than this share of the source's bitrate is starved. */
const STARVED_SHARE = 0.85;
const MOST_GAP_MS = 1000;
const PROCESSES = 2;

export type WaveOptions = {
	url: string;
	viewers: number;
	perBatch: number;
	pauseMs: number;
	stayMs: number;
	keyframeWithinMs: number;
	source: SourceFigures;
};

export type WaveResult = {
	url: string;
	asked: number;
	/** Right status, valid media, first picture in time, all of the bitrate, no gap, time in order. */
	succeeded: number;
	served: number;
	failures: Record<string, number>;
	firstByteMs: Spread | null;
	firstKeyframeMs: Spread | null;
	longestGapMs: Spread | null;
	checked: ViewerReport['checked'];
	/** Share of the machine's processor time that nobody used; near 0, the load was the limit. */
	machineIdlePercent: number;
};

/** Viewers that come in batches and each stay a little, as the stress test of rtmp_server had them; but each is judged by what it got. */
export async function runWaves(options: WaveOptions): Promise<WaveResult> {
	const { url, viewers, perBatch, pauseMs, stayMs, keyframeWithinMs, source } = options;
	const children = Array.from({ length: PROCESSES }, () => fork(new URL('./viewer-process.js', import.meta.url)));
	const waves = { batches: Math.ceil(viewers / perBatch), perBatch: Math.ceil(perBatch / PROCESSES), pauseMs, stayMs };
	const judge = { leastKbps: source.kbps * STARVED_SHARE, mostGapMs: MOST_GAP_MS, keyframeWithinMs };
	const idle = idleMeter();
	try {
		for (const [index, child] of children.entries()) {
			const address = new URL(url).hostname.startsWith('127.') ? { localAddress: `127.0.0.${index + 1}` } : {};
			tell([child], { type: 'waves', url, waves, judge, stepMs: source.stepMs, ...address });
		}
		const reports = await Promise.all(children.map(reportOf));
		const failures: Record<string, number> = {};
		const checked = { viewers: 0, tags: 0, backwardSteps: 0, missingFrames: 0, undecodable: 0 };
		for (const report of reports) {
			addCounts(failures, report.failures);
			addCounts(checked, report.checked);
		}
		return {
			url,
			asked: waves.batches * waves.perBatch * PROCESSES,
			succeeded: reports.reduce((sum, report) => sum + report.succeeded, 0),
			served: reports.reduce((sum, report) => sum + report.longestGapMs.length, 0),
			failures,
			firstByteMs: spreadOf(reports.flatMap((report) => report.firstByteMs)),
			firstKeyframeMs: spreadOf(reports.flatMap((report) => report.firstKeyframeMs)),
			longestGapMs: spreadOf(reports.flatMap((report) => report.longestGapMs)),
			checked,
			machineIdlePercent: idle(),
		};
	} finally {
		for (const child of children) {
			child.kill();
		}
	}
}
