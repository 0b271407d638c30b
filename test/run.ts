import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { inCi } from './support/tools.js';

/**
 * Runs the compiled tests: all of them, only those whose names contain one of the arguments, or, with --fast, those that start no server
 * and no other program. Ends with the totals on a line of their own.
 */

/** Servers and clients share the machine with the tests themselves; time-outs must hold on two cores. */
const CONCURRENCY = 2;
const FILE_TIMEOUT_MS = 4 * 60_000;
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
const tests = run({ files, concurrency: CONCURRENCY, timeout: FILE_TIMEOUT_MS });
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

function report(): void {
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
