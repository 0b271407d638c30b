import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { BAR_CLIP, loadClip } from '#src/tools/load/clip.js';
import { round, type Spread, spreadOf } from '#src/tools/load/percentiles.js';
import { Publisher } from '#src/tools/load/publisher.js';
import { stamp, withStamp } from './time-stamp.js';

export type LatencyOptions = { publishUrl: string; playUrl: string; viewers: number; seconds: number };

export type LatencyResult = {
	playUrl: string;
	viewers: number;
	/** Video frames whose way was measured. */
	frames: number;
	/** From just before the publisher's write to the read that brings the frame's last byte to a viewer. */
	latencyMs: Spread | null;
	/** 90 % of the frames took no longer than this. */
	p90Ms: number | null;
};

const TICK_MS = 1;
/** Frames of the first moments (start-up of every part, and code that is not compiled yet) do not count. */
const WARM_UP_MS = 10_000;
const STREAM_START_MS = 500;

/**
 * Publishes the standard clip with a stamp of the sending time in every video frame (an SEI message). Viewers in
 * another process read the stamps. Both use the machine's one monotonic clock.
 */
export async function runLatency(options: LatencyOptions): Promise<LatencyResult> {
	const clip = loadClip(BAR_CLIP);
	const publisher = new Publisher(new URL(options.publishUrl));
	const format = await publisher.open();
	for (const header of clip.headers) {
		publisher.writeTag(header);
	}
	const startAtMs = performance.now();
	let next = 0;
	const timer = setInterval(() => {
		for (;;) {
			const frame = clip.frame(next);
			if (frame.dtsMs > performance.now() - startAtMs) {
				break;
			}
			const bytes = format.encodeTag(withStamp(frame));
			stamp(bytes);
			publisher.write(bytes);
			next++;
		}
	}, TICK_MS);
	const child = fork(new URL('./latency-viewers.js', import.meta.url));
	try {
		await sleep(STREAM_START_MS);
		child.send({ url: options.playUrl, viewers: options.viewers, warmUpMs: WARM_UP_MS });
		await sleep(WARM_UP_MS + options.seconds * 1000);
		if (publisher.failure !== null) {
			throw new Error(`publisher: ${publisher.failure}`);
		}
		return summarise(options, await collect(child));
	} finally {
		clearInterval(timer);
		publisher.destroy();
		child.kill();
	}
}

function summarise(options: LatencyOptions, latenciesMs: number[]): LatencyResult {
	const sorted = latenciesMs.sort((a, b) => a - b);
	const p90Ms = sorted[Math.floor(sorted.length * 0.9)];
	return {
		playUrl: options.playUrl,
		viewers: options.viewers,
		frames: sorted.length,
		latencyMs: spreadOf(sorted),
		p90Ms: p90Ms === undefined ? null : round(p90Ms),
	};
}

async function collect(child: ChildProcess): Promise<number[]> {
	child.send('report');
	const [report] = (await once(child, 'message')) as [{ failures: string[]; latenciesMs: number[] }];
	if (report.failures.length > 0) {
		throw new Error(`viewers: ${report.failures.join(', ')}`);
	}
	return report.latenciesMs;
}

function sleep(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}

const USAGE = `usage: latency.js PUBLISH_URL PLAY_URL [--viewers N] [--seconds S]
  PUBLISH_URL  rtmp:, http: (POST) or ws:
  PLAY_URL     http: or ws: (FLV) or rtmp:
  --viewers    how many look at once (4)
  --seconds    how long (20)`;

async function main(): Promise<void> {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: { viewers: { type: 'string' }, seconds: { type: 'string' } },
	});
	const [publishUrl, playUrl] = positionals;
	if (publishUrl === undefined || playUrl === undefined) {
		console.error(USAGE);
		process.exit(2);
	}
	const viewers = Number(values.viewers ?? 4);
	console.log(
		JSON.stringify(await runLatency({ publishUrl, playUrl, viewers, seconds: Number(values.seconds ?? 20) })),
	);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
	await main();
}
