import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
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
	/** Bitrate of the source, and time between two frames by FLV tag type: what "starved" and "missing" are held against. */
	kbps: number;
	stepMs: Record<number, number>;
	pid?: number | undefined;
	viewersPerProcess: number;
};

export type ViewResult = {
	url: string;
	asked: number;
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
};

const FIRST_PICTURE_TIMEOUT_MS = 20_000;

/** Opens viewers in as many processes as they need, lets them settle, measures, closes them. */
export async function runViewers(options: ViewOptions): Promise<ViewResult> {
	const count = Math.ceil(options.viewers / options.viewersPerProcess);
	const children = Array.from({ length: count }, () => fork(new URL('./viewer-process.js', import.meta.url)));
	try {
		await Promise.all(children.map((child, index) => openViewers(child, index, count, options)));
		await sleep(options.settleSeconds * 1000);
		const server = options.pid === undefined ? null : new UsageMeter(options.pid);
		const generator = new UsageMeter(process.pid);
		const idle = idleMeter();
		const beganAtMs = performance.now();
		tell(children, { type: 'begin' });
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
	const share = Math.floor(options.viewers / processes) + (index < options.viewers % processes ? 1 : 0);
	// Each process from a loopback address of its own, so that ephemeral ports do not run out.
	const loopback = new URL(options.url).hostname.startsWith('127.');
	tell([child], {
		type: 'open',
		url: options.url,
		count: share,
		ratePerSecond: options.ratePerSecond / processes,
		checkEvery: options.checkEvery,
		stepMs: options.stepMs,
		settleMs: FIRST_PICTURE_TIMEOUT_MS,
		...(loopback && processes > 1 ? { localAddress: `127.0.0.${index + 1}` } : {}),
	});
	await answerOf(child, 'settled');
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
	for (const report of reports) {
		addCounts(failures, report.failures);
		addCounts(checked, report.checked);
	}
	return {
		url: options.url,
		asked: options.viewers,
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
		server: measured.server,
		generatorCpuPercent: measured.generator,
		machineIdlePercent: measured.idle,
	};
}

function addCounts(total: Record<string, number>, counts: Record<string, number>): void {
	for (const [key, value] of Object.entries(counts)) {
		total[key] = (total[key] ?? 0) + value;
	}
}

function tell(children: readonly ChildProcess[], message: ToViewers): void {
	for (const child of children) {
		child.send(message);
	}
}

async function answerOf<T extends FromViewers['type']>(
	child: ChildProcess,
	type: T,
): Promise<Extract<FromViewers, { type: T }>> {
	const exited = once(child, 'exit').then(() => {
		throw new Error('a viewer process ended early');
	});
	for (;;) {
		const [message] = (await Promise.race([once(child, 'message'), exited])) as [FromViewers];
		if (message.type === type) {
			return message as Extract<FromViewers, { type: T }>;
		}
	}
}

async function reportOf(child: ChildProcess): Promise<ViewerReport> {
	return (await answerOf(child, 'report')).report;
}

function sleep(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}

const USAGE = `usage: view.js URL [--viewers N] [--rate N] [--seconds S] [--settle S] [--pid PID] [--kbps K] [--check-every N]
  URL           http: or ws: (FLV) or rtmp:
  --viewers     how many (100)
  --rate        viewers opened a second (1000)
  --seconds     length of the measurement (10), after --settle seconds (3) with everybody connected
  --pid         the server: report its processor time and memory, with everything it started
  --kbps        bitrate of the source (309), to tell starved viewers
  --check-every every n-th viewer parses all that it gets (50); the others up to their first keyframe`;

async function main(): Promise<void> {
	const text = { type: 'string' } as const;
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: {
			viewers: text,
			rate: text,
			seconds: text,
			settle: text,
			pid: text,
			kbps: text,
			'check-every': text,
			'per-process': text,
		},
	});
	const url = positionals[0];
	if (url === undefined) {
		console.error(USAGE);
		process.exit(2);
	}
	const result = await runViewers({
		url,
		viewers: Number(values.viewers ?? VIEW_DEFAULTS.viewers),
		ratePerSecond: Number(values.rate ?? VIEW_DEFAULTS.ratePerSecond),
		seconds: Number(values.seconds ?? VIEW_DEFAULTS.seconds),
		settleSeconds: Number(values.settle ?? VIEW_DEFAULTS.settleSeconds),
		checkEvery: Number(values['check-every'] ?? VIEW_DEFAULTS.checkEvery),
		kbps: Number(values.kbps ?? VIEW_DEFAULTS.kbps),
		stepMs: VIEW_DEFAULTS.stepMs,
		viewersPerProcess: Number(values['per-process'] ?? VIEW_DEFAULTS.viewersPerProcess),
		pid: values.pid === undefined ? undefined : Number(values.pid),
	});
	console.log(JSON.stringify(result));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
	await main();
}
