import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePort, ServerProcess } from '#src/test/support/server-process.js';
import { type Spread, spreadOf } from '#src/tools/load/percentiles.js';
import { idleMeter, UsageMeter } from '#src/tools/load/process-usage.js';
import type { GetResult } from './load/get.js';

/** One file, how it is asked for, and how much of it a server gives out for a second of processor time. */
type Case = {
	title: string;
	path: string;
	bytes: number;
	unit: string;
	bar: number;
	connections: number;
	/** Each connection asks this often; 0 = as often as it can. */
	everyMs: number;
	perCore: (result: GetResult, coreSeconds: number) => number;
};
type Figures = { perCore: number; latencyMs: Spread | null; cpuPercent: number; machineIdlePercent: number };
/** Somebody who serves the files at `url`; `pid` and all that it started count. */
type Server = { name: string; url: string; pid: number };

const requestsPerCore: Case['perCore'] = ({ requests }, coreSeconds) => requests / coreSeconds;
const PLAYLIST = 'hls/live/test/index.m3u8';
const PLAYLIST_BYTES = 4096;

const CASES: readonly Case[] = [
	{
		title: 'playlist of 4 KB',
		path: PLAYLIST,
		bytes: PLAYLIST_BYTES,
		unit: 'requests/s per core',
		bar: 0.75,
		connections: 32,
		everyMs: 0,
		perCore: requestsPerCore,
	},
	{
		title: 'segment of 1 MB',
		path: 'hls/live/test/segment_1.ts',
		bytes: 1024 * 1024,
		unit: 'MB/s per core',
		bar: 1.1,
		connections: 32,
		everyMs: 0,
		perCore: ({ bytes }, coreSeconds) => bytes / 1e6 / coreSeconds,
	},
	{
		title: '10,000 viewers of a live playlist of 4 KB, each every 2 s',
		path: PLAYLIST,
		bytes: PLAYLIST_BYTES,
		unit: 'requests/s per core',
		bar: 0.75,
		connections: 10_000,
		everyMs: 2000,
		perCore: requestsPerCore,
	},
];
const START_MS = 1000;
/** A live playlist changes this often. */
const CHANGE_MS = 2000;
/** The connections of one process of the load, at most. */
const MAX_CONNECTIONS = 5000;

/** Compares a file gateway with nginx: the same files, the same load, one worker and one delivery thread, in turns. */
async function main(): Promise<void> {
	const { values } = parseArgs({
		options: {
			seconds: { type: 'string' },
			rounds: { type: 'string' },
			nginx: { type: 'string' },
			only: { type: 'string' },
		},
	});
	const { seconds = '5', rounds = '3', nginx = 'nginx', only = '' } = values;
	const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
	const media = join(directory, 'media');
	for (const { path, bytes } of CASES) {
		mkdirSync(join(media, path, '..'), { recursive: true });
		writeFileSync(join(media, path), Buffer.alloc(bytes, '#EXTM3U\n'));
	}
	const ours = await ServerProcess.start({
		config: { media, threads: { ingest: 1, delivery: 1, remux: 1 }, log: { level: 'warn' } },
		role: 'file-gateway',
	});
	const [plain, caching] = [
		await startNginx(nginx, directory, media, ''),
		await startNginx(nginx, directory, media, CACHE),
	];
	const servers: Server[] = [
		{ name: 'nginx', url: plain.url, pid: plain.process.pid! },
		{ name: 'millrace', url: `http://127.0.0.1:${ours.ports.files}`, pid: ours.pid },
		{ name: 'nginx with open_file_cache', url: caching.url, pid: caching.process.pid! },
	];
	const change = setInterval(() => changePlaylist(join(media, PLAYLIST)), CHANGE_MS);
	try {
		await new Promise((resolve) => setTimeout(resolve, START_MS));
		for (const each of CASES.filter(({ title }) => title.includes(only))) {
			const reached = new Map<string, Figures[]>(servers.map(({ name }) => [name, []]));
			for (let round = 0; round < Number(rounds); round++) {
				for (const server of servers) {
					reached.get(server.name)!.push(await measure(each, server, Number(seconds)));
				}
			}
			report(each, reached);
		}
	} finally {
		clearInterval(change);
		plain.process.kill();
		caching.process.kill();
		await ours.stop();
		rmSync(directory, { recursive: true, force: true });
	}
}

function report({ title, unit, bar }: Case, reached: ReadonlyMap<string, Figures[]>): void {
	const medians = new Map([...reached].map(([name, rounds]) => [name, median(rounds)]));
	const own = medians.get('millrace')!.perCore;
	console.log(`${title} (bar: ${bar} of nginx)`);
	for (const [name, { perCore, latencyMs, cpuPercent, machineIdlePercent }] of medians) {
		const latency = latencyMs === null ? '' : `, ${(1000 / perCore).toFixed(4)} CPU seconds per 1,000 requests`;
		const times = latencyMs === null ? '' : `, latency p50 ${latencyMs.p50} ms, p99 ${latencyMs.p99} ms`;
		const ratio = name === 'millrace' ? '' : `, millrace ${(own / perCore).toFixed(2)} of it`;
		const load = `at ${cpuPercent} % of a core, machine idle ${machineIdlePercent} %`;
		console.log(`  ${name}: ${Math.round(perCore)} ${unit}${latency}${times}${ratio} (${load})`);
	}
}

const CACHE = 'open_file_cache max=1000 inactive=60s; open_file_cache_valid 1s;';

/** Debian's defaults for a static server: sendfile, access log on. */
async function startNginx(
	program: string,
	directory: string,
	media: string,
	more: string,
): Promise<{ process: ChildProcess; url: string }> {
	const port = await freePort();
	const file = join(directory, `nginx-${port}.conf`);
	writeFileSync(
		file,
		`daemon off; master_process off; pid ${directory}/nginx-${port}.pid; error_log ${directory}/error.log;
		worker_rlimit_nofile 20000;
		events { worker_connections 16384; }
		http {
			access_log ${directory}/access-${port}.log; sendfile on; tcp_nopush on; keepalive_requests 100000000;
			${more}
			types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
			server { listen 127.0.0.1:${port} backlog=4096; root ${media}; add_header Access-Control-Allow-Origin *; }
		}`,
	);
	const process = spawn(program, ['-c', file, '-p', directory], { stdio: ['ignore', 'ignore', 'inherit'] });
	return { process, url: `http://127.0.0.1:${port}` };
}

/** As a server writes it: whole, under another name, then in place of the one before. */
function changePlaylist(file: string): void {
	writeFileSync(`${file}.next`, Buffer.alloc(PLAYLIST_BYTES, '#EXTM3U\n'));
	renameSync(`${file}.next`, file);
}

async function measure(each: Case, server: Server, seconds: number): Promise<Figures> {
	const loads = Math.ceil(each.connections / MAX_CONNECTIONS);
	const program = fileURLToPath(new URL('./load/get.js', import.meta.url));
	const children = Array.from({ length: loads }, (_, index) => {
		const connections = String(Math.ceil(each.connections / loads));
		const often = ['--seconds', String(seconds), '--every-ms', String(each.everyMs), '--from', `127.0.0.${index + 2}`];
		return fork(program, [`${server.url}/${each.path}`, '--connections', connections, ...often]);
	});
	await Promise.all(children.map((child) => once(child, 'message')));
	const idlePercent = idleMeter();
	const meter = new UsageMeter(server.pid);
	const startedAtMs = performance.now();
	const results = await Promise.all(
		children.map(async (child) => {
			child.send('begin');
			const [result] = (await once(child, 'message')) as [GetResult];
			return result;
		}),
	);
	const wallSeconds = (performance.now() - startedAtMs) / 1000;
	const { cpuPercent } = meter.end();
	const machineIdlePercent = idlePercent();
	const total = results.reduce((sum, result) => ({
		requests: sum.requests + result.requests,
		bytes: sum.bytes + result.bytes,
		failures: sum.failures + result.failures,
		fault: sum.fault ?? result.fault,
		late: sum.late + result.late,
		latenciesMs: sum.latenciesMs.concat(result.latenciesMs),
	}));
	if (total.failures > 0 || total.late > 0) {
		const { failures, fault, late } = total;
		throw new Error(`${server.name}: ${failures} connections failed (${fault}), ${late} requests were late`);
	}
	const perCore = each.perCore(total, (cpuPercent / 100) * wallSeconds);
	return { perCore, latencyMs: spreadOf(total.latenciesMs), cpuPercent, machineIdlePercent };
}

function median(rounds: readonly Figures[]): Figures {
	return rounds.toSorted((a, b) => a.perCore - b.perCore)[Math.floor(rounds.length / 2)]!;
}

await main();
