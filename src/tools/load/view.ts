import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { BAR_KBPS, BAR_STEP_MS } from './clip.js';
import { round, type Spread, spreadOf } from './percentiles.js';
import { idleMeter, type Usage, UsageMeter } from './process-usage.js';
import type { FromViewers, ToViewers, ViewerReport } from './viewer-process.js';

/** Sockets of one viewer process: its descriptors, and the one core that it should stay well below. */
const VIEWERS_PER_PROCESS = 9000;
const STALL_MS = 1000;
/** A viewer with less than this share of the source's bitrate is starved. */
const STARVED_SHARE = 0.85;

export type ViewOptions = {
	url: string;
	viewers: number;
	ratePerSecond: number;
	seconds: number;
	/** Time between the last viewer's first picture and the measurement. */
	settleSeconds: number;
	checkEvery: number;
	/**
	 * Bitrate of the source, and time between two frames by FLV tag type. Viewers are "starved" or "missing" frames
	 * against them.
	 */
	kbps: number;
	stepMs: Record<number, number>;
	pid?: number | undefined;
	viewersPerProcess: number;
	/** A first picture that takes longer is no success. */
	keyframeWithinMs: number;
	/** Viewers besides those, that read at half the bitrate of the source. */
	slowViewers: number;
};

export type ViewResult = {
	url: string;
	asked: number;
	/** Were served their first picture in time and from then on without fault: all of the bitrate, no gap, time in order. */
	succeeded: number;
	/** Had a first picture, and were still connected at the end. */
	served: number;
	/** Had a first picture, then lost it. */
	lost: number;
	failures: Record<string, number>;
	firstByteMs: Spread | null;
	firstKeyframeMs: Spread | null;
	windowSeconds: number;
	longestGapMs: Spread | null;
	/** Viewers with a gap of more than a second, and viewers with too little of the source's bitrate. */
	stalled: number;
	starved: number;
	kbps: Spread | null;
	checked: ViewerReport['checked'];
	/** Slow viewers: how many were asked for, and how many were still connected at the end. */
	slow: ViewerReport['slow'];
	server: Usage | null;
	/** The load's own processes; a machine with no idle time left measures the machine, not the server. */
	generatorCpuPercent: number;
	machineIdlePercent: number;
};

export const VIEW_DEFAULTS = {
	viewers: 100,
	ratePerSecond: 1000,
	seconds: 10,
	settleSeconds: 3,
	checkEvery: 50,
	kbps: BAR_KBPS,
	stepMs: BAR_STEP_MS,
	viewersPerProcess: VIEWERS_PER_PROCESS,
	keyframeWithinMs: 5000,
	slowViewers: 0,
};

const FIRST_PICTURE_TIMEOUT_MS = 20_000;

/** Opens viewers in as many processes as they need, lets them settle, measures, closes them. */
export async function runViewers(options: ViewOptions): Promise<ViewResult> {
	const count = Math.ceil((options.viewers + options.slowViewers) / options.viewersPerProcess);
	const children = Array.from({ length: count }, () => fork(new URL('./viewer-process.js', import.meta.url)));
	try {
		await Promise.all(children.map((child, index) => openViewers(child, index, count, options)));
		await sleep(options.settleSeconds * 1000);
		const server = options.pid === undefined ? null : new UsageMeter(options.pid);
		const generator = new UsageMeter(process.pid);
		const idle = idleMeter();
		const beganAtMs = performance.now();
		const { kbps, keyframeWithinMs } = options;
		tell(children, {
			type: 'begin',
			judge: { leastKbps: kbps * STARVED_SHARE, mostGapMs: STALL_MS, keyframeWithinMs },
		});
		await sleep(options.seconds * 1000);
		const usage = server?.end() ?? null;
		const measured = { server: usage, generator: generator.end().cpuPercent, idle: idle() };
		const windowSeconds = (performance.now() - beganAtMs) / 1000;
		tell(children, { type: 'end' });
		const reports = await Promise.all(children.map(reportOf));
		return summarise(options, reports, windowSeconds, measured);
	} finally {
		for (const child of children) {
			child.kill();
		}
	}
}

async function openViewers(child: ChildProcess, index: number, processes: number, options: ViewOptions): Promise<void> {
	// Each process from a loopback address of its own, so that ephemeral ports do not run out.
	const loopback = new URL(options.url).hostname.startsWith('127.');
	tell([child], {
		type: 'open',
		url: options.url,
		count: shareOf(options.viewers, index, processes),
		slow: { count: shareOf(options.slowViewers, index, processes), kbps: options.kbps / 2 },
		ratePerSecond: options.ratePerSecond / processes,
		checkEvery: options.checkEvery,
		stepMs: options.stepMs,
		settleMs: FIRST_PICTURE_TIMEOUT_MS,
		...(loopback && processes > 1 ? { localAddress: `127.0.0.${index + 1}` } : {}),
	});
	await answerOf(child, 'settled');
}

function shareOf(total: number, index: number, processes: number): number {
	return Math.floor(total / processes) + (index < total % processes ? 1 : 0);
}

function summarise(
	options: ViewOptions,
	reports: ViewerReport[],
	windowSeconds: number,
	measured: { server: Usage | null; generator: number; idle: number },
): ViewResult {
	const gaps = reports.flatMap((report) => report.longestGapMs);
	const kbps = reports.flatMap((report) => report.windowBytes.map((bytes) => (bytes * 8) / 1000 / windowSeconds));
	const failures: Record<string, number> = {};
	const checked = { viewers: 0, tags: 0, backwardSteps: 0, missingFrames: 0, undecodable: 0 };
	const slow = { viewers: 0, connected: 0 };
	for (const report of reports) {
		addCounts(slow, report.slow);
		addCounts(failures, report.failures);
		addCounts(checked, report.checked);
	}
	return {
		url: options.url,
		asked: options.viewers,
		succeeded: reports.reduce((sum, report) => sum + report.succeeded, 0),
		served: gaps.length,
		lost: reports.reduce((sum, report) => sum + report.lost, 0),
		failures,
		firstByteMs: spreadOf(reports.flatMap((report) => report.firstByteMs)),
		firstKeyframeMs: spreadOf(reports.flatMap((report) => report.firstKeyframeMs)),
		windowSeconds: round(windowSeconds),
		longestGapMs: spreadOf(gaps),
		stalled: gaps.filter((gap) => gap > STALL_MS).length,
		starved: kbps.filter((rate) => rate < options.kbps * STARVED_SHARE).length,
		kbps: spreadOf(kbps),
		checked,
		slow,
		server: measured.server,
		generatorCpuPercent: measured.generator,
		machineIdlePercent: measured.idle,
	};
}

export function addCounts(total: Record<string, number>, counts: Record<string, number>): void {
	for (const [key, value] of Object.entries(counts)) {
		total[key] = (total[key] ?? 0) + value;
	}
}

export function tell(children: readonly ChildProcess[], message: ToViewers): void {
	for (const child of children) {
		child.send(message);
	}
}

export async function answerOf<T extends FromViewers['type']>(
	child: ChildProcess,
	type: T,
): Promise<Extract<FromViewers, { type: T }>> {
	const exited = once(child, 'close').then(() => {
		throw new Error('a viewer process ended early');
	});
	for (;;) {
		const [message] = (await Promise.race([once(child, 'message'), exited])) as [FromViewers];
		if (message.type === type) {
			return message as Extract<FromViewers, { type: T }>;
		}
	}
}

export async function reportOf(child: ChildProcess): Promise<ViewerReport> {
	return (await answerOf(child, 'report')).report;
}

function sleep(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
