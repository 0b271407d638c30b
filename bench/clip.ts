import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cutClip } from '#src/record/fmp4/clip.js';
import { Fmp4Take, MERGED_DIRECTORY } from '#src/record/fmp4/take.js';
import { CmafPackager } from '#src/remux/cmaf-packager.js';
import { FramesFromFlv } from '#src/remux/frames-from-flv.js';
import { SegmentPlanner } from '#src/remux/segment-planner.js';
import { BAR_CLIP, loadClip } from '#src/tools/load/clip.js';

/** Lengths of clips, and how often each is cut. */
const CASES = [
	{ seconds: 10, times: 40 },
	{ seconds: 60, times: 20 },
	{ seconds: 600, times: 5 },
	{ seconds: 3600, times: 2 },
] as const;
const READ_BYTES = 256 * 1024;
/** Clips begin here and there, not at keyframes. */
const STRIDE_SECONDS = 97.3;

/** Measures how long cutting a clip of a take takes, with all its bytes read, in processor and in wall time. */
async function main(): Promise<void> {
	const { values } = parseArgs({ options: { hours: { type: 'string' } } });
	const takeSeconds = Number(values.hours ?? 2) * 3600;
	const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
	try {
		await record(directory, takeSeconds);
		console.log(
			`A take of ${takeSeconds / 3600} h that is still being written, ${BAR_CLIP.pathname.split('/').at(-1)} in a loop:\n`,
		);
		console.log('| clip | wall ms | processor ms | wall ms per minute of video |');
		console.log('| --- | --- | --- | --- |');
		for (const { seconds, times } of CASES) {
			const { wallMs, cpuMs } = await measure(directory, takeSeconds, seconds, times);
			const perMinute = (wallMs / seconds) * 60;
			console.log(`| ${seconds} s | ${wallMs.toFixed(1)} | ${cpuMs.toFixed(1)} | ${perMinute.toFixed(1)} |`);
		}
	} finally {
		rmSync(directory, { recursive: true });
	}
}

async function record(directory: string, seconds: number): Promise<void> {
	const clip = loadClip(BAR_CLIP);
	const take = await Fmp4Take.open(directory, Date.now());
	const frames = new FramesFromFlv(new SegmentPlanner(new CmafPackager(take, { pool: take.pool }), { partMs: 1000 }));
	for (const { type, body } of clip.headers) {
		frames.tag(type, 0, body);
	}
	for (let index = 0; ; index++) {
		const { type, dtsMs, body } = clip.frame(index);
		if (dtsMs > seconds * 1000) {
			break;
		}
		frames.tag(type, dtsMs, body);
		if (index % 1000 === 0) {
			await take.flush();
		}
	}
	await take.flush();
	await take.abandon();
}

async function measure(
	directory: string,
	takeSeconds: number,
	seconds: number,
	times: number,
): Promise<{ wallMs: number; cpuMs: number }> {
	const buffer = Buffer.alloc(READ_BYTES);
	const startedAtMs = performance.now();
	const before = process.cpuUsage();
	for (let time = 0; time < times; time++) {
		const from = (time * STRIDE_SECONDS) % Math.max(1, takeSeconds - seconds - 10);
		const range = { from: { seconds: from }, to: { seconds: from + seconds } };
		const clip = await cutClip(join(directory, MERGED_DIRECTORY), range);
		for (let position = 0; clip !== null && position < clip.sizeBytes; ) {
			position += (await clip.read(buffer, 0, READ_BYTES, position)).bytesRead;
		}
		await clip?.close();
	}
	const { user, system } = process.cpuUsage(before);
	return { wallMs: (performance.now() - startedAtMs) / times, cpuMs: (user + system) / 1000 / times };
}

await main();
