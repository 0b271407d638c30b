// Spec: proc(5): /proc/[pid]/stat (cutime, cstime), /proc/[pid]/status (VmHWM). Linux only.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `usage: node dist/bench/remux.js [--megabytes N] [--rounds N] [--source bar,clip] [--only CASE,CASE] [--directory DIR] [--details]
  --megabytes  size of the input (256)
  --source     bar: 0.3 Mbit/s, clip: 8 Mbit/s (both)
  --directory  where inputs are made, and found again by the next run (a temporary directory, removed at the end)
  --make-only  makes the inputs and measures nothing`;

const SERVER = fileURLToPath(new URL('../supervisor.js', import.meta.url));
const BAR = fileURLToPath(new URL('../../bench/fixtures/bar.flv', import.meta.url));
const HLS = ['-hls_time', '4', '-hls_list_size', '0', '-hls_playlist_type', 'event'];
const FMP4 = ['-f', 'hls', '-hls_segment_type', 'fmp4', ...HLS];
const TICKS_PER_SECOND = 100;
const POLL_MS = 5;

/** One direction. Outputs are paths in a directory that is empty before each run. */
type Case = {
	id: string;
	from: 'flv' | 'mp4' | 'ts';
	ours: string;
	ffmpeg: (directory: string) => string[];
	/** Directories that ffmpeg wants to find. */
	directories?: string[];
};

const CASES: readonly Case[] = [
	{
		id: 'flv-mp4',
		from: 'flv',
		ours: 'out.mp4',
		ffmpeg: (directory) => ['-movflags', '+faststart', join(directory, 'out.mp4')],
	},
	{
		id: 'flv-fmp4',
		from: 'flv',
		ours: 'fmp4',
		ffmpeg: (directory) => [...FMP4, join(directory, 'fmp4', 'index.m3u8')],
		directories: ['fmp4'],
	},
	{
		id: 'flv-take',
		from: 'flv',
		ours: 'take',
		ffmpeg: (directory) => [
			...['-c', 'copy', ...FMP4, join(directory, 'output_merge', 'index.m3u8')],
			...['-c', 'copy', '-f', 'dash', '-hls_playlist', '1', '-seg_duration', '4'],
			...['-use_template', '1', '-use_timeline', '1', join(directory, 'output_separate', 'manifest.mpd')],
			...['-c', 'copy', '-movflags', '+faststart', join(directory, 'output_merge', 'full.mp4')],
		],
		directories: ['output_merge', 'output_separate'],
	},
	{
		id: 'flv-hls',
		from: 'flv',
		ours: 'hls',
		ffmpeg: (directory) => ['-f', 'hls', ...HLS, join(directory, 'hls', 'index.m3u8')],
		directories: ['hls'],
	},
	{ id: 'flv-ts', from: 'flv', ours: 'out.ts', ffmpeg: (directory) => [join(directory, 'out.ts')] },
	{ id: 'mp4-flv', from: 'mp4', ours: 'out.flv', ffmpeg: (directory) => [join(directory, 'out.flv')] },
	{ id: 'ts-flv', from: 'ts', ours: 'out.flv', ffmpeg: (directory) => [join(directory, 'out.flv')] },
];

type Run = { seconds: number; cpuSeconds: number; peakMiB: number };

/** Offline remuxing beside `ffmpeg -c copy` to the same format: the same file, in turns, its bytes in memory for both. */
async function main(): Promise<void> {
	const { values } = parseArgs({
		options: {
			megabytes: { type: 'string', default: '256' },
			rounds: { type: 'string', default: '3' },
			source: { type: 'string', default: 'bar,clip' },
			only: { type: 'string' },
			directory: { type: 'string' },
			'make-only': { type: 'boolean' },
			details: { type: 'boolean' },
			help: { type: 'boolean' },
		},
	});
	const only = values.only?.split(',');
	const cases = CASES.filter(({ id }) => only === undefined || only.includes(id));
	if (values.help || cases.length === 0) {
		console.error(USAGE);
		process.exit(2);
	}
	const directory = values.directory ?? mkdtempSync(join(tmpdir(), 'millrace-bench-'));
	mkdirSync(directory, { recursive: true });
	const output = join(directory, 'out');
	try {
		for (const source of values.source.split(',')) {
			const inputs = makeInputs(directory, source, Number(values.megabytes));
			if (values['make-only']) {
				continue;
			}
			for (const each of cases) {
				const runs = { ours: [] as Run[], ffmpeg: [] as Run[] };
				const input = inputs[each.from];
				readFileWarm(input);
				const ours = [SERVER, 'remux', input, join(output, each.ours)];
				const ffmpeg = ['-v', 'error', '-nostdin', '-y', '-i', input, '-c', 'copy', ...each.ffmpeg(output)];
				for (let round = 0; round < Number(values.rounds); round++) {
					runs.ffmpeg.push(await measure(output, 'ffmpeg', ffmpeg, each.directories));
					runs.ours.push(await measure(output, process.execPath, ours));
				}
				if (values.details) {
					console.log(JSON.stringify({ source, case: each.id, ...runs }));
				}
				report(`${source} ${each.id}`, statSync(input).size, runs);
			}
		}
	} finally {
		rmSync(values.directory === undefined ? directory : output, { recursive: true, force: true });
	}
}

/** FLV, MP4 and MPEG-TS of the same frames, all made by ffmpeg. */
function makeInputs(directory: string, source: string, megabytes: number): Record<Case['from'], string> {
	const seed = source === 'bar' ? BAR : join(directory, 'clip.flv');
	if (!existsSync(seed)) {
		const picture = 'testsrc2=size=1280x720:rate=30,noise=alls=12:allf=t';
		ffmpegNow(
			...['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-t', '16'],
			...['-c:v', 'libx264', '-preset', 'ultrafast', '-b:v', '8M', '-maxrate', '8M', '-bufsize', '8M', '-g', '60'],
			...['-bf', '2', '-c:a', 'aac', '-b:a', '128k', '-ac', '2', seed],
		);
	}
	const named = (extension: string): string => join(directory, `${source}-${megabytes}.${extension}`);
	const inputs = { flv: named('flv'), mp4: named('mp4'), ts: named('ts') };
	if (!existsSync(inputs.flv)) {
		ffmpegNow('-stream_loop', '-1', '-i', seed, '-c', 'copy', '-fs', String(megabytes * 1e6), inputs.flv);
	}
	for (const made of [inputs.mp4, inputs.ts]) {
		if (!existsSync(made)) {
			ffmpegNow('-i', inputs.flv, '-c', 'copy', made);
		}
	}
	return inputs;
}

function ffmpegNow(...args: string[]): void {
	execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args], { stdio: 'inherit' });
}

function readFileWarm(file: string): void {
	execFileSync('cat', [file], { stdio: 'ignore' });
}

async function measure(output: string, program: string, args: string[], directories: string[] = []): Promise<Run> {
	rmSync(output, { recursive: true, force: true });
	mkdirSync(output);
	for (const name of directories) {
		mkdirSync(join(output, name));
	}
	const cpuBefore = childCpuSeconds();
	const startedAtMs = performance.now();
	const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
	let peakMiB = 0;
	const poll = setInterval(() => {
		peakMiB = Math.max(peakMiB, peakMemoryMiB(child.pid!));
	}, POLL_MS);
	const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('exit', resolve));
	const seconds = (performance.now() - startedAtMs) / 1000;
	clearInterval(poll);
	if (code !== 0) {
		throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
	}
	return { seconds, cpuSeconds: childCpuSeconds() - cpuBefore, peakMiB };
}

/** The processor time of all children that have ended, user and kernel. */
function childCpuSeconds(): number {
	const stat = readFileSync('/proc/self/stat', 'latin1');
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

/** 0 when the process has just ended. */
function peakMemoryMiB(pid: number): number {
	try {
		return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024;
	} catch {
		return 0;
	}
}

function report(title: string, inputBytes: number, runs: { ours: readonly Run[]; ffmpeg: readonly Run[] }): void {
	const show = (name: string, of: readonly Run[]): string => {
		const speed = inputBytes / 1e6 / median(of.map(({ seconds }) => seconds));
		const cpu = median(of.map(({ cpuSeconds }) => cpuSeconds));
		const peak = median(of.map(({ peakMiB }) => peakMiB));
		return `${name} ${speed.toFixed(0).padStart(5)} MB/s ${cpu.toFixed(2).padStart(6)} s CPU ${peak.toFixed(0).padStart(4)} MiB`;
	};
	const ratio = (pick: (run: Run) => number): string =>
		(median(runs.ffmpeg.map(pick)) / median(runs.ours.map(pick))).toFixed(2);
	console.log(
		`${title.padEnd(14)} ${show('millrace', runs.ours)}   ${show('ffmpeg', runs.ffmpeg)}   ` +
			`speed x${ratio(({ seconds }) => seconds)}, CPU x${ratio(({ cpuSeconds }) => cpuSeconds)}`,
	);
}

function median(values: readonly number[]): number {
	return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

await main();
