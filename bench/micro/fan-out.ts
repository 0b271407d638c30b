import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { runViewers, VIEW_DEFAULTS } from '#src/tools/load/view.js';

/**
 * Measures the cost of one write to one viewer: a delivery role alone in a process, viewers in others.
 * `--node=--cpu-prof` and the like go to the process of the role.
 */
const { values } = parseArgs({
	options: {
		viewers: { type: 'string', default: '2000' },
		window: { type: 'string', default: '350' },
		seconds: { type: 'string', default: '10' },
		scheme: { type: 'string', default: 'http' },
		node: { type: 'string', multiple: true, default: [] },
	},
});

const server = fork(new URL('./fan-out-server.js', import.meta.url), [values.window], { execArgv: values.node });
try {
	const [{ port }] = (await once(server, 'message')) as [{ port: number }];
	const viewers = Number(values.viewers);
	const url = `${values.scheme}://127.0.0.1:${port}/live/bench.flv`;
	const options = { ...VIEW_DEFAULTS, url, viewers, seconds: Number(values.seconds), pid: server.pid };
	const { served, failures, stalled, longestGapMs, windowSeconds, machineIdlePercent, ...result } =
		await runViewers(options);
	const { flushes, flushMs, windowMs } = await ask(server);
	const { cpuPercent = 0, systemPercent = 0, rssMiB } = result.server ?? {};
	const flushesPerSecond = values.window === 'auto' ? 1000 / Math.max(windowMs, 15) : 1000 / Number(values.window);
	const writesPerSecond = flushesPerSecond * viewers;
	const microseconds = (percent: number): number => Math.round((percent * 1e5) / writesPerSecond) / 10;
	console.log({
		...{
			served,
			failures,
			stalled,
			longestGapMs,
			windowSeconds,
			machineIdlePercent,
			cpuPercent,
			systemPercent,
			rssMiB,
		},
		perWriteUs: { user: microseconds(cpuPercent - systemPercent), system: microseconds(systemPercent) },
		...{ windowMs, flushes, meanFlushMs: Math.round((flushMs / flushes) * 100) / 100 },
	});
} finally {
	server.kill();
}

async function ask(child: ChildProcess): Promise<{ flushes: number; flushMs: number; windowMs: number }> {
	child.send('counts');
	const [counts] = await once(child, 'message');
	return counts;
}
