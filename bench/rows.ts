import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { ConfigFile } from '#src/test/support/server-process.js';
import { round } from '#src/tools/load/percentiles.js';
import { type Usage, UsageMeter } from '#src/tools/load/process-usage.js';
import { runViewers, VIEW_DEFAULTS, type ViewResult } from '#src/tools/load/view.js';
import { runFailover } from './load/failover.js';
import { type LatencyResult, runLatency } from './load/latency.js';
import { runManyProcesses } from './load/many-processes.js';

/** A server to measure. `{name}` in its URLs becomes the stream's name. */
export type Target = { name: string; httpUrl: string | null; rtmpUrl: string; pid: number | null };

/** The result of a row at one target: the figures of its bar, and whether the server did all that was asked. */
export type Cell = { figures: readonly number[]; text: string; complete: boolean; details: object };

export type Row = {
	id: string;
	title: string;
	/** Largest allowed value of each figure. */
	bar: readonly number[];
	barText: string;
	/** Configuration of Millrace for this row, over the one that all rows share. */
	config: ConfigFile;
	/** Null when the target has no such output. */
	measure(target: Target, seconds: number): Promise<Cell | null>;
};

/** One ingest and one delivery thread: the bar counts event loops. */
export const OWN_CONFIG: ConfigFile = {
	threads: { ingest: 1, delivery: 1, remux: 1 },
	log: { level: 'warn' },
};

const MERGED: ConfigFile = { play: { mergeWindow: 350 } };

/** The rows of the bar (design.md, section 13) that this version can be held against. */
export const ROWS: readonly Row[] = [
	{
		id: 'http-2000-merged',
		title: 'CPU, 2,000 HTTP-FLV viewers, merge window 350 ms',
		bar: [10],
		barText: '<= 10 %',
		config: MERGED,
		measure: (target, seconds) => viewHttp(target, 2000, seconds, cpu),
	},
	{
		id: 'http-8000-merged',
		title: 'CPU and memory, 8,000 HTTP-FLV viewers, merge window 350 ms',
		bar: [40, 250],
		barText: '<= 40 %, 250 MB',
		config: MERGED,
		measure: (target, seconds) => viewHttp(target, 8000, seconds, (result) => [...cpu(result), ...memory(result)]),
	},
	{
		id: 'http-2000-auto',
		title: 'CPU and longest gap, 2,000 HTTP-FLV viewers, merge window auto',
		bar: [25, 150],
		barText: '<= 25 %, 150 ms',
		config: {},
		measure: (target, seconds) => viewHttp(target, 2000, seconds, (result) => [...cpu(result), ...longestGap(result)]),
	},
	{
		id: 'http-19000',
		title: '19,000 HTTP-FLV viewers on one process: not served, stalled over 1 s, longest gap',
		bar: [0, 0, 1000],
		barText: '0, 0, 1000 ms',
		config: { ...MERGED, limits: { connections: 19_500 } },
		measure: (target, seconds) =>
			viewHttp(target, 19_000, seconds, (result) => [
				{ value: result.asked - result.served, unit: 'not served' },
				{ value: result.stalled, unit: 'stalled' },
				...longestGap(result),
				...cpu(result),
			]),
	},
	{
		id: 'http-20000-processes',
		title:
			'20,000 HTTP-FLV viewers at a gateway of two processes: not served, stalled over 1 s, longest gap; CPU, memory',
		bar: [0, 0, 1000],
		barText: '0, 0, 1000 ms',
		config: {},
		measure: measureManyProcesses,
	},
	{
		id: 'rtmp-1000-players',
		title: 'CPU, 1,000 RTMP players',
		bar: [8],
		barText: '<= 8 %',
		config: MERGED,
		measure: (target, seconds) => view(target, target.rtmpUrl, 1000, seconds, cpu),
	},
	{
		id: 'rtmp-100-publishers',
		title: 'CPU, 100 RTMP publishers, recordings as by default',
		bar: [8],
		barText: '<= 8 %',
		config: {},
		measure: measurePublishers,
	},
	{
		id: 'rtmp-100-publishers-bare',
		title: 'CPU, 100 RTMP publishers, nothing recorded',
		bar: [8],
		barText: '<= 8 %',
		config: { record: { flv: false, fmp4: false, hls: false } },
		measure: measurePublishers,
	},
	{
		id: 'latency',
		title: 'Latency through the server, 4 HTTP-FLV viewers, p50 / p99',
		bar: [0.4, 1.5],
		barText: '<= 0.4 / 1.5 ms',
		config: {},
		measure: measureLatency,
	},
	{
		id: 'first-video',
		title: 'First video after connect, 50 HTTP-FLV viewers, p50',
		bar: [2],
		barText: '<= 2 ms',
		config: {},
		measure: (target, seconds) =>
			viewHttp(target, 50, seconds, (result) => [{ value: result.firstKeyframeMs?.p50 ?? Number.NaN, unit: 'ms' }]),
	},
	{
		id: 'failover',
		title: 'Gateway, from the loss of its upstream to the next frame at the viewer, p50 / max; frames lost',
		bar: [50, 200, 0],
		barText: '<= 50 / 200 ms, 0',
		config: {},
		measure: (target, seconds) =>
			target.pid === null || target.name !== 'millrace' ? Promise.resolve(null) : measureFailover(seconds),
	},
];

type Figure = { value: number; unit: string };

const FIRST_VIDEO_VIEWERS = 50;
/** One at a time: this row is about a viewer's wait, not about a crowd's. */
const FIRST_VIDEO_RATE = 10;
const FULL_GOP_MS = 3000;
/**
 * A server that is compiled as it runs is busy with that at first, 2 to 3 % of a core. Its lasting load is measured
 * after these seconds.
 */
const WARM_UP_SECONDS = 10;
const LATENCY_VIEWERS = 4;
const PUBLISHERS = 100;
const SECONDS_PER_LOSS = 2.5;

function viewHttp(
	target: Target,
	viewers: number,
	seconds: number,
	figuresOf: (result: ViewResult) => Figure[],
): Promise<Cell | null> {
	return target.httpUrl === null ? Promise.resolve(null) : view(target, target.httpUrl, viewers, seconds, figuresOf);
}

/** Publishes one stream by RTMP and watches it at `url`. */
async function view(
	target: Target,
	url: string,
	viewers: number,
	seconds: number,
	figuresOf: (result: ViewResult) => Figure[],
): Promise<Cell> {
	const stop = await startPublishers(target.rtmpUrl.replace('{name}', 'bench'), 1);
	try {
		await sleep(FULL_GOP_MS);
		const result = await runViewers({
			...VIEW_DEFAULTS,
			url: url.replace('{name}', 'bench'),
			viewers,
			seconds,
			settleSeconds: WARM_UP_SECONDS,
			ratePerSecond: viewers === FIRST_VIDEO_VIEWERS ? FIRST_VIDEO_RATE : VIEW_DEFAULTS.ratePerSecond,
			pid: target.pid ?? undefined,
		});
		return cell(figuresOf(result), isComplete(result), result);
	} finally {
		await stop();
	}
}

function isComplete({ asked, served, stalled, checked }: ViewResult): boolean {
	return served === asked && stalled === 0 && checked.backwardSteps + checked.missingFrames + checked.undecodable === 0;
}

async function measurePublishers(target: Target, seconds: number): Promise<Cell | null> {
	if (target.pid === null) {
		return null;
	}
	const stop = await startPublishers(target.rtmpUrl.replace('{name}', 'bench{n}'), PUBLISHERS);
	let usage: Usage;
	try {
		await sleep(WARM_UP_SECONDS * 1000);
		const meter = new UsageMeter(target.pid);
		await sleep(seconds * 1000);
		usage = meter.end();
	} finally {
		await stop();
	}
	return cell([{ value: usage.cpuPercent, unit: '%' }], true, usage);
}

async function measureLatency(target: Target, seconds: number): Promise<Cell | null> {
	if (target.httpUrl === null) {
		return null;
	}
	const result: LatencyResult = await runLatency({
		publishUrl: target.rtmpUrl.replace('{name}', 'latency'),
		playUrl: target.httpUrl.replace('{name}', 'latency'),
		viewers: LATENCY_VIEWERS,
		seconds,
	});
	const { p50 = Number.NaN, p99 = Number.NaN } = result.latencyMs ?? {};
	const figures = [
		{ value: p50, unit: 'ms' },
		{ value: p99, unit: 'ms' },
	];
	return cell(figures, result.frames > 0, result);
}

/** Brings a gateway, which pulls from the target. */
async function measureManyProcesses(target: Target, seconds: number): Promise<Cell | null> {
	const { name, httpUrl, rtmpUrl, pid } = target;
	if (name !== 'millrace' || httpUrl === null || pid === null) {
		return null;
	}
	const stop = await startPublishers(rtmpUrl.replace('{name}', 'bench'), 1);
	try {
		await sleep(FULL_GOP_MS);
		const result = await runManyProcesses({
			...{ upstream: new URL(httpUrl).origin, upstreamPid: pid, stream: 'live/bench' },
			...{ config: OWN_CONFIG, processes: 2, viewers: 20_000, seconds },
		});
		const figures = [
			{ value: result.asked - result.served, unit: 'not served' },
			{ value: result.stalled, unit: 'stalled' },
			...longestGap(result),
			...cpu(result),
			...memory(result),
		];
		return cell(figures, isComplete(result), result);
	} finally {
		await stop();
	}
}

/** Brings servers of its own: a gateway is measured. */
async function measureFailover(seconds: number): Promise<Cell> {
	const result = await runFailover(Math.max(4, Math.round(seconds / SECONDS_PER_LOSS)));
	const { nextFrameMs, losses, missingFrames, backwardSteps } = result;
	const figures = [
		{ value: nextFrameMs?.p50 ?? Number.NaN, unit: 'ms' },
		{ value: nextFrameMs?.max ?? Number.NaN, unit: 'ms' },
		{ value: missingFrames, unit: 'lost' },
	];
	return cell(figures, backwardSteps === 0 && losses > 0, result);
}

/** Starts publishers in a process of their own; resolves, when the server has accepted them all, to what stops them. */
async function startPublishers(url: string, streams: number): Promise<() => Promise<void>> {
	const child = fork(new URL('./load/publish.js', import.meta.url), [url, '--streams', String(streams)], {
		stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
	});
	const exited = once(child, 'close');
	await Promise.race([
		once(child, 'message'),
		exited.then(() => {
			throw new Error(`publishing to ${url} failed`);
		}),
	]);
	return async () => {
		child.kill('SIGTERM');
		const [code] = (await exited) as [number | null];
		if (code !== 0) {
			throw new Error(`${url}: the server dropped publishers`);
		}
	};
}

function cpu(result: ViewResult): Figure[] {
	return result.server === null ? [] : [{ value: result.server.cpuPercent, unit: '%' }];
}

function memory(result: ViewResult): Figure[] {
	return result.server === null ? [] : [{ value: result.server.pssMiB, unit: 'MB' }];
}

function longestGap(result: ViewResult): Figure[] {
	return [{ value: result.longestGapMs?.max ?? Number.NaN, unit: 'ms' }];
}

function cell(figures: Figure[], complete: boolean, details: object): Cell {
	const text = figures.map(({ value, unit }) => `${value < 10 ? round(value) : Math.round(value)} ${unit}`).join(', ');
	return { figures: figures.map((figure) => figure.value), text, complete, details };
}

function sleep(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
