import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { UsageMeter } from '#src/tools/load/process-usage.js';
import type { GetResult } from './load/get.js';
import { freePort, ServerProcess } from './load/server-process.js';

/** One file and how much of it a server gives out for a second of processor time. */
type Case = {
	title: string;
	path: string;
	bytes: number;
	unit: string;
	bar: number;
	perCore: (result: GetResult, coreSeconds: number) => number;
};

const CASES: readonly Case[] = [
	{
		title: 'playlist of 4 KB, requests/s per core',
		path: 'hls/live/test/index.m3u8',
		bytes: 4096,
		unit: 'requests/s',
		bar: 0.75,
		perCore: ({ requests }, coreSeconds) => requests / coreSeconds,
	},
	{
		title: 'segment of 1 MB, MB/s per core',
		path: 'hls/live/test/segment_1.ts',
		bytes: 1024 * 1024,
		unit: 'MB/s',
		bar: 1.1,
		perCore: ({ bytes }, coreSeconds) => bytes / 1e6 / coreSeconds,
	},
];
const CONNECTIONS = 32;
const START_MS = 1000;
const WARM_UP_SECONDS = 1;

/** Compares a file gateway with nginx: the same files, the same load, one worker and one delivery thread, in turns. */
async function main(): Promise<void> {
	const { values } = parseArgs({
		options: { seconds: { type: 'string' }, rounds: { type: 'string' }, nginx: { type: 'string' } },
	});
	const seconds = Number(values.seconds ?? 5);
	const rounds = Number(values.rounds ?? 3);
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
	const port = await freePort();
	const nginx = startNginx(values.nginx ?? 'nginx', directory, media, port);
	try {
		await new Promise((resolve) => setTimeout(resolve, START_MS));
		for (const each of CASES) {
			const reached = { ours: [] as number[], nginx: [] as number[] };
			for (let round = 0; round < rounds; round++) {
				reached.nginx.push(await measure(each, `http://127.0.0.1:${port}/${each.path}`, nginx.pid!, seconds));
				reached.ours.push(await measure(each, `http://127.0.0.1:${ours.ports.files}/${each.path}`, ours.pid, seconds));
			}
			const [own, peer] = [median(reached.ours), median(reached.nginx)];
			console.log(
				`${each.title}: millrace ${Math.round(own)}, nginx ${Math.round(peer)} ${each.unit}, ratio ${(own / peer).toFixed(2)} (bar ${each.bar})`,
			);
		}
	} finally {
		nginx.kill();
		await ours.stop();
		rmSync(directory, { recursive: true, force: true });
	}
}

/** Debian's defaults for a static server: sendfile, access log on. */
function startNginx(program: string, directory: string, media: string, port: number): ChildProcess {
	const file = join(directory, 'nginx.conf');
	writeFileSync(
		file,
		`daemon off; master_process off; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
		events { worker_connections 4096; }
		http {
			access_log ${directory}/access.log; sendfile on; tcp_nopush on; keepalive_requests 100000000;
			types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
			server { listen 127.0.0.1:${port}; root ${media}; add_header Access-Control-Allow-Origin *; }
		}`,
	);
	return spawn(program, ['-c', file, '-p', directory], { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function measure(each: Case, url: string, pid: number, seconds: number): Promise<number> {
	await load(url, WARM_UP_SECONDS);
	const meter = new UsageMeter(pid);
	const startedAtMs = performance.now();
	const result = await load(url, seconds);
	const wallSeconds = (performance.now() - startedAtMs) / 1000;
	const { cpuPercent } = meter.end();
	if (result.failures > 0) {
		throw new Error(`${url}: ${result.failures} connections failed`);
	}
	return each.perCore(result, (cpuPercent / 100) * wallSeconds);
}

async function load(url: string, seconds: number): Promise<GetResult> {
	const program = fileURLToPath(new URL('./load/get.js', import.meta.url));
	const args = [program, url, '--connections', String(CONNECTIONS), '--seconds', String(seconds)];
	const { stdout } = await promisify(execFile)(process.execPath, args);
	return JSON.parse(stdout) as GetResult;
}

function median(values: readonly number[]): number {
	return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

await main();
