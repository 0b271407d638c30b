import { setMaxListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { type Leftover, leftovers, markRun } from './support/leftovers.js';
import { patient, watchPatience } from './support/patience.js';
import { inCi } from './support/tools.js';
import { sleep } from './support/until.js';

/**
 * Runs the compiled tests: all of them, only those whose names contain one of the arguments, or, with --fast, those that start no server
 * and no other program. Ends with the totals on a line of their own.
 */

/** Servers and clients share the machine with the tests themselves; deadlines must hold on two cores. */
const CONCURRENCY = 2;
const FILE_TIMEOUT_MS = 4 * 60_000;
const MEASURE_INTERVAL_MS = 20_000;
/** Processes that were told to end may take this long, in ms, before they count as left behind. */
const PARTING_MS = 5000;
const SLOW_DIRECTORIES = ['integration', 'e2e'];

const directory = fileURLToPath(new URL('.', import.meta.url));
const patterns = process.argv.slice(2).filter((argument) => argument !== '--fast');
const fast = process.argv.includes('--fast');
const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
	.filter((file) => file.endsWith('.test.js'))
	.filter((file) => !fast || !SLOW_DIRECTORIES.includes(file.split('/')[0] ?? ''))
	.filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
	.sort()
	.map((file) => join(directory, file));

const totals = { passed: 0, failed: 0, skipped: 0 };
const skips: string[] = [];
markRun();
watchPatience(MEASURE_INTERVAL_MS);
const cutOff = new AbortController();
setMaxListeners(0, cutOff.signal);
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
	process.once(signal, () => cutOff.abort());
}
const tests = run({ files, concurrency: CONCURRENCY, timeout: patient(FILE_TIMEOUT_MS), signal: cutOff.signal });
tests.on('test:pass', ({ name, skip, file, details }) => {
	if (details.type === 'suite') {
		return;
	}
	if (skip === undefined) {
		totals.passed += 1;
	} else {
		totals.skipped += 1;
		skips.push(`${relative(directory, file ?? '')}: ${name}: ${skip}`);
	}
});
tests.on('test:fail', ({ details }) => {
	totals.failed += details.type === 'suite' ? 0 : 1;
	process.exitCode = 1;
});
tests.compose(new spec()).pipe(process.stdout);
tests.once('end', () => process.once('beforeExit', report));

async function report(): Promise<void> {
	for (const { pid, command } of await endLeftovers()) {
		process.stdout.write(`left behind by a test, and killed: ${command} (${pid})\n`);
		process.exitCode = 1;
	}
	for (const skip of skips) {
		process.stdout.write(`skipped: ${skip}\n`);
	}
	if (files.length === 0 || totals.passed + totals.failed === 0) {
		process.stdout.write('no test was run\n');
		process.exitCode = 1;
	}
	if (inCi() && totals.skipped > 0) {
		process.stdout.write('in CI no test may be skipped\n');
		process.exitCode = 1;
	}
	process.stdout.write(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
}

/** Waits for what is about to end, and kills the rest. */
async function endLeftovers(): Promise<Leftover[]> {
	const endMs = performance.now() + patient(PARTING_MS);
	while (leftovers().length > 0 && performance.now() < endMs) {
		await sleep(100);
	}
	const rest = leftovers();
	for (const { pid } of rest) {
		process.kill(pid, 'SIGKILL');
	}
	return rest;
}
