import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MessageChannel, Worker } from 'node:worker_threads';
import { configSchema } from '#src/config/schema.js';
import { DiskGauge } from '#src/record/disk/disk-gauge.js';
import { takeDirectory } from '#src/record/flv/take-directory.js';
import { OUTPUT_NAMES, OUTPUTS, type OutputName } from '#src/record/outputs.js';
import { RecorderFigures } from '#src/record/recorder-figures.js';
import { type RecordingTask, record } from '#src/record/recording-task.js';
import { RingWriter } from '#src/ring/ring-writer.js';
import { streamName } from '#src/stream-name.js';
import { BAR_CLIP } from '#src/tools/load/clip.js';
import type { FeedOptions } from './ring-feeder.js';

/**
 * Measures the cost of recording alone: the outputs of many streams in one thread, as in a remux thread. Another thread
 * fills their rings in real time.
 */
const { values } = parseArgs({
	options: {
		streams: { type: 'string', default: '100' },
		outputs: { type: 'string', default: 'flv,fmp4,hls' },
		seconds: { type: 'string', default: '24' },
		warm: { type: 'string', default: '7' },
		media: { type: 'string', default: '.' },
		file: { type: 'string', default: fileURLToPath(BAR_CLIP) },
		phase: { type: 'string', default: '58' },
		ring: { type: 'string', default: '1' },
		kbps: { type: 'string', default: '0' },
	},
});

type Ticks = { user: number; system: number };
/** Clock ticks a second of utime and stime (process-usage.ts). */
const TICKS_PER_SECOND = 100;

const streams = Number(values.streams);
const seconds = Number(values.seconds);
const directory = mkdtempSync(join(values.media, '.bench-recording-'));
const finish: (() => Promise<void>)[] = [];
try {
	const rings = Array.from({ length: streams }, () => RingWriter.allocate(Number(values.ring) * 1024 * 1024));
	const workerData: FeedOptions = {
		rings,
		file: values.file,
		phaseMs: Number(values.phase),
		kbps: Number(values.kbps),
	};
	const feeder = new Worker(new URL('./ring-feeder.js', import.meta.url), { workerData });
	const [feederId] = (await once(feeder, 'message')) as [number];
	const outputs = values.outputs.split(',').filter((name): name is OutputName => name in OUTPUTS);
	const recordings = rings.flatMap((ring, index) => outputs.map((output) => start(ring, `bench${index}`, output)));
	await sleep(Number(values.warm));
	const before = threadTicks();
	const ioBefore = io();
	const pssBytes = pss();
	await sleep(seconds);
	const after = threadTicks();
	const ioAfter = io();
	const percent = (pick: (tid: number) => boolean): Ticks => {
		const sum = { user: 0, system: 0 };
		for (const [tid, { user, system }] of [...after].filter(([tid]) => pick(tid))) {
			sum.user += user - (before.get(tid)?.user ?? 0);
			sum.system += system - (before.get(tid)?.system ?? 0);
		}
		const share = (ticks: number): number => Math.round((ticks / TICKS_PER_SECOND / seconds) * 1000) / 10;
		return { user: share(sum.user), system: share(sum.system) };
	};
	const total = percent((tid) => tid !== feederId);
	const of = (figure: 'bytesWritten' | 'failures' | 'skips'): number =>
		recordings.reduce((sum, figures) => sum + figures.get(figure), 0);
	console.log(
		JSON.stringify({
			outputs: outputs.length === OUTPUT_NAMES.length ? 'all' : outputs.join('+'),
			streams,
			percentOfCore: Math.round((total.user + total.system) * 10) / 10,
			...total,
			thread: percent((tid) => tid === process.pid),
			others: percent((tid) => tid !== process.pid && tid !== feederId),
			writesPerSecond: Math.round((ioAfter.writes - ioBefore.writes) / seconds),
			kilobytesPerSecond: Math.round((ioAfter.bytes - ioBefore.bytes) / 1000 / seconds),
			pssMiB: Math.round(pssBytes / 1024 ** 2),
			failures: of('failures'),
			skips: of('skips'),
		}),
	);
	await Promise.all(finish.map((each) => each()));
	await feeder.terminate();
} finally {
	rmSync(directory, { recursive: true, force: true });
}

/** Records one output of one stream in this thread. */
function start(ring: SharedArrayBuffer, name: string, output: OutputName): RecorderFigures {
	const { port1, port2 } = new MessageChannel();
	const figures = new RecorderFigures();
	const task: RecordingTask = {
		...{ ring, name: streamName('live', name) },
		directory: takeDirectory(directory, OUTPUTS[output].folder, streamName('live', name)),
		config: configSchema.parse({}),
		figures: figures.shared,
		disk: new DiskGauge().shared,
		port: port2,
	};
	const over = record(OUTPUTS[output], task);
	finish.push(() => {
		port1.postMessage({ type: 'stop' });
		return over;
	});
	return figures;
}

function threadTicks(): Map<number, Ticks> {
	const threads = new Map<number, Ticks>();
	for (const tid of readdirSync('/proc/self/task')) {
		const stat = readFileSync(`/proc/self/task/${tid}/stat`, 'latin1');
		const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
		threads.set(Number(tid), { user: Number(fields[11]), system: Number(fields[12]) });
	}
	return threads;
}

/** System calls that write, and their bytes, of this process. */
function io(): { writes: number; bytes: number } {
	const text = readFileSync('/proc/self/io', 'latin1');
	const field = (name: string): number => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(text)?.[1]);
	return { writes: field('syscw'), bytes: field('wchar') };
}

function pss(): number {
	return Number(/^Pss:\s+(\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'latin1'))?.[1]) * 1024;
}

function sleep(forSeconds: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, forSeconds * 1000));
}
