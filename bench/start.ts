import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { killGroup, startChild } from '#src/test/support/children.js';
import { freePort } from '#src/test/support/server-process.js';
import { spreadOf } from '#src/tools/load/percentiles.js';
import { UsageMeter } from '#src/tools/load/process-usage.js';

const USAGE = `usage: node dist/bench/start.js [--rounds N] [--node PATH] [CHECKOUT ...]
  --rounds   starts of each checkout, quiet and busy (7)
  --node     the Node.js that runs the server (this one)
  CHECKOUT   directories of built checkouts, measured in turns; the ratios are to the first (this checkout)`;

/** From the spawn to the log line that says so. `cpuMs` is of all its processes, and does not depend on the machine's other work. */
type Start = { readyMs: number; cpuMs: number };

/** Measures how long an origin with its default configuration takes from `node dist/supervisor.js` until it is ready. */
async function main(): Promise<void> {
	const { values, positionals } = parseArgs({
		options: { rounds: { type: 'string' }, node: { type: 'string' }, help: { type: 'boolean' } },
		allowPositionals: true,
	});
	if (values.help === true) {
		console.error(USAGE);
		process.exit(2);
	}
	const rounds = Number(values.rounds ?? 7);
	const node = values.node ?? process.execPath;
	const here = fileURLToPath(new URL('../../', import.meta.url));
	const checkouts = (positionals.length === 0 ? [here] : positionals).map((directory) => resolve(directory));
	await measure('quiet', checkouts, node, rounds);
	const loops = Array.from({ length: availableParallelism() }, () =>
		startChild(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
	);
	await measure(`beside ${loops.length} busy loops`, checkouts, node, rounds);
	for (const { pid } of loops) {
		killGroup(pid!);
	}
}

/** Starts each checkout in turns, so that all of them meet the same machine, and prints the medians. */
async function measure(title: string, checkouts: readonly string[], node: string, rounds: number): Promise<void> {
	const starts = checkouts.map((): Start[] => []);
	for (let round = 0; round < rounds; round++) {
		for (const [index, checkout] of checkouts.entries()) {
			starts[index]!.push(await start(checkout, node));
		}
	}
	const medians = starts.map((each) => ({
		readyMs: spreadOf(each.map(({ readyMs }) => readyMs))!.p50,
		cpuMs: spreadOf(each.map(({ cpuMs }) => cpuMs))!.p50,
	}));
	console.log(title);
	for (const [index, { readyMs, cpuMs }] of medians.entries()) {
		const [wall, cpu] = [readyMs / medians[0]!.readyMs, cpuMs / medians[0]!.cpuMs].map((ratio) => ratio.toFixed(2));
		console.log(
			`  ready after ${readyMs.toFixed(0)} ms (${wall}), ${cpuMs.toFixed(0)} ms of CPU (${cpu})  ${checkouts[index]}`,
		);
	}
}

async function start(checkout: string, node: string): Promise<Start> {
	const directory = mkdtempSync(join(tmpdir(), 'millrace-start-'));
	const config = join(directory, 'config.yaml');
	const [rtmp, http, files, admin] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
	writeFileSync(
		config,
		`media: ${directory}\nrtmp: {port: ${rtmp}}\nhttp: {port: ${http}}\nfiles: {port: ${files}}\nadmin: {port: ${admin}}\n`,
	);
	const startedAtMs = performance.now();
	const child = startChild(node, [join(checkout, 'dist/supervisor.js'), '--config', config], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	const meter = new UsageMeter(child.pid!);
	await isReady(child.stdout!);
	const readyMs = performance.now() - startedAtMs;
	const { cpuPercent } = meter.end();
	child.kill('SIGTERM');
	await (child.exitCode ?? once(child, 'exit'));
	rmSync(directory, { recursive: true });
	return { readyMs, cpuMs: (cpuPercent / 100) * readyMs };
}

/** Resolves when the log says so; rejects when it has ended without. */
function isReady(log: Readable): Promise<void> {
	let output = '';
	return new Promise((resolve, reject) => {
		log.on('data', (text: Buffer) => {
			output += text;
			if (output.includes('"msg":"ready"')) {
				resolve();
			}
		});
		log.on('end', () => reject(new Error(`it did not become ready:\n${output}`)));
	});
}

await main();
