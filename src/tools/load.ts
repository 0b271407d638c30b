import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { withoutCredentials } from '../protocol/credentials.js';
import { loadClip } from './load/clip.js';
import type { Spread } from './load/percentiles.js';
import { PublisherGroup } from './load/publisher-group.js';
import { probeSource } from './load/source-probe.js';
import { runViewers, VIEW_DEFAULTS, type ViewResult } from './load/view.js';
import { runWaves, type WaveResult } from './load/waves.js';
import { StatusLine } from './status-line.js';
import {
	ExitCode,
	readNumber,
	readToolArguments,
	readUrl,
	runAsScript,
	type Tool,
	ToolError,
	UsageError,
} from './tool.js';

const USAGE = `Usage: millrace load play URL [--viewers N] [--seconds S] [...]
       millrace load publish URL [--streams N] [--seconds S] [--file CLIP.flv]

Many viewers, or many publishers, and an honest count. A viewer is a success when it got the right status, valid media,
its first keyframe in time, the bitrate of the source, no gap over a second, and time in order.

  URL                  of FLV: http://HOST:8501/app/name.flv, ws://..., or rtmp://HOST/app/name (no TLS)
 play:
  --viewers N          how many (100; with --classic 20000)
  --rate N             viewers opened a second (1000)
  --seconds S          length of the measurement (10), which begins when all have their picture
  --keyframe-within S  how long the first picture may take (5)
  --slow N             as many viewers besides, that read at half the bitrate
  --pid PID            a server on this machine: its processor time and memory
  --classic            the old stress test: batches of 1000 with 0.3 s between, each viewer for 5 s
  --batch N            viewers of a batch of --classic (1000)
 publish:
  --streams N          how many (1); {n} in the URL becomes the number of the stream
  --file CLIP.flv      what they send, in a loop (the demo clip)
  --seconds S          stop after this long (until Ctrl-C)
  --json               the figures as one JSON object

The exit code is 1 when not everyone was a success.
`;

const PROTOCOLS = ['http:', 'ws:', 'rtmp:'];
const PROBE_MS = 4000;
const CLASSIC = { viewers: 20_000, batch: 1000, pauseMs: 300, stayMs: 5000 };
const DEMO_CLIP = new URL('demo.flv', import.meta.url);

const OPTIONS = {
	viewers: { type: 'string' },
	rate: { type: 'string' },
	seconds: { type: 'string' },
	'keyframe-within': { type: 'string' },
	slow: { type: 'string' },
	pid: { type: 'string' },
	batch: { type: 'string' },
	streams: { type: 'string' },
	file: { type: 'string' },
	classic: { type: 'boolean' },
	json: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof readToolArguments<typeof OPTIONS>>['values'];

export const load: Tool = {
	name: 'load',
	usage: USAGE,
	async run(argv, stop) {
		const { values, positionals } = readToolArguments(argv, OPTIONS);
		const [what, url, ...rest] = positionals;
		if ((what !== 'play' && what !== 'publish') || url === undefined || rest.length > 0) {
			throw new UsageError('expected play or publish, and an address');
		}
		readUrl(url.replaceAll('{n}', '0'), PROTOCOLS);
		return what === 'play' ? play(url, values) : publish(url, values, stop);
	},
};

async function play(url: string, values: Values): Promise<number> {
	const number = (
		name: 'viewers' | 'rate' | 'seconds' | 'keyframe-within' | 'slow' | 'batch',
		otherwise: number,
	): number => {
		const text = values[name];
		return text === undefined ? otherwise : readNumber(`--${name}`, text, name === 'slow' ? 0 : 0.1);
	};
	const keyframeWithinMs = number('keyframe-within', VIEW_DEFAULTS.keyframeWithinMs / 1000) * 1000;
	const viewers = number('viewers', values.classic ? CLASSIC.viewers : VIEW_DEFAULTS.viewers);
	const common = { url, viewers, keyframeWithinMs };
	const perBatch = number('batch', CLASSIC.batch);
	const ratePerSecond = number('rate', VIEW_DEFAULTS.ratePerSecond);
	const seconds = number('seconds', VIEW_DEFAULTS.seconds);
	const slowViewers = number('slow', 0);
	const pid = values.pid === undefined ? undefined : readNumber('--pid', values.pid, 1);
	const status = new StatusLine('millrace load');
	const shown = withoutCredentials(url);
	status.show(() => `looking at ${shown}`);
	const source = await probeSource(new URL(url), PROBE_MS).catch((error: Error) => {
		throw new ToolError(`${shown}: ${error.message}`);
	});
	status.say(`${shown}: ${source.kbps} kbit/s; ${viewers} viewers`);
	const result = values.classic
		? await runWaves({ ...common, perBatch, pauseMs: CLASSIC.pauseMs, stayMs: CLASSIC.stayMs, source })
		: await runViewers({ ...VIEW_DEFAULTS, ...common, ...source, ratePerSecond, seconds, slowViewers, pid });
	process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : resultText(result));
	return result.succeeded === result.asked ? ExitCode.done : ExitCode.failed;
}

function resultText(result: ViewResult | WaveResult): string {
	const {
		asked,
		succeeded,
		served,
		failures,
		firstByteMs,
		firstKeyframeMs,
		longestGapMs,
		checked,
		machineIdlePercent,
	} = result;
	const row = (name: string, spread: Spread | null): string =>
		spread === null
			? `  ${name.padEnd(16)} -`
			: `  ${name.padEnd(16)} p50 ${spread.p50}, p99 ${spread.p99}, most ${spread.max} ms`;
	const lines = [
		`${succeeded} of ${asked} viewers are a success (${((100 * succeeded) / Math.max(1, asked)).toFixed(1)} %); ${served} were served to the end`,
		...Object.entries(failures).map(([reason, count]) => `  ${count} failed: ${reason}`),
		row('first byte', firstByteMs),
		row('first keyframe', firstKeyframeMs),
		row('longest gap', longestGapMs),
		`  of ${checked.viewers} viewers every tag was read: ${checked.backwardSteps} steps back in time, ${checked.missingFrames} frames missing, ${checked.undecodable} that cannot be decoded`,
	];
	if ('kbps' in result) {
		const { kbps, stalled, starved, slow, server } = result;
		lines.push(
			`  ${stalled} with a gap over a second, ${starved} with too little of the bitrate (p50 ${kbps?.p50 ?? 0} kbit/s)`,
			...(slow.viewers > 0 ? [`  ${slow.connected} of ${slow.viewers} slow viewers are still connected`] : []),
			...(server === null ? [] : [`  server: ${server.cpuPercent} % of a core, ${server.pssMiB} MiB`]),
		);
	}
	lines.push(
		`  the machine was idle for ${machineIdlePercent} % of the time${machineIdlePercent < 5 ? ': this measures the machine, not the server' : ''}`,
	);
	return `${lines.join('\n')}\n`;
}

async function publish(url: string, values: Values, stop: AbortSignal): Promise<number> {
	const streams = values.streams === undefined ? 1 : readNumber('--streams', values.streams, 1);
	const seconds =
		values.seconds === undefined ? Number.POSITIVE_INFINITY : readNumber('--seconds', values.seconds, 0.1);
	const clip = loadClip(values.file ?? fileURLToPath(DEMO_CLIP));
	const frameMs = clip.durationMs / clip.frames.length;
	const group = new PublisherGroup(clip);
	const status = new StatusLine('millrace load');
	try {
		for (let n = 0; n < streams && !stop.aborted; n++) {
			const target = new URL(url.replaceAll('{n}', String(n)));
			await group.add(target, (n / streams) * frameMs).catch((error: Error) => {
				throw new ToolError(`${withoutCredentials(target.href)}: ${error.message}`);
			});
		}
		status.say(`${streams} streams are published`);
		const untilMs = performance.now() + seconds * 1000;
		while (!stop.aborted && performance.now() < untilMs) {
			status.show(() => `${group.framesSent} frames sent, ${group.failures.length} streams lost`);
			const waitMs = Math.min(250, Math.max(1, untilMs - performance.now()));
			await sleep(waitMs, undefined, { signal: stop }).catch(() => undefined);
		}
	} finally {
		status.clear();
		group.close();
	}
	const { framesSent, failures } = group;
	const text = `${streams - failures.length} of ${streams} streams lasted, ${framesSent} frames sent`;
	const reasons = failures.map((reason) => `\n  lost: ${reason}`).join('');
	process.stdout.write(values.json ? `${JSON.stringify({ streams, framesSent, failures })}\n` : `${text}${reasons}\n`);
	return failures.length === 0 ? ExitCode.done : ExitCode.failed;
}

await runAsScript(load, import.meta.url);
