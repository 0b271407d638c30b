import { run } from '../cluster/run.js';
import { ConfigError } from '../config/config-error.js';
import { loadConfig, printConfig } from '../config/load.js';
import { readArguments } from './args.js';
import { usage, version } from './usage.js';

/** Wrong flags, a wrong configuration, a port that cannot be had: trying again is of no use. */
const EXIT_BAD_INPUT = 2;

/**
 * The command: reads `argv` (without node and script) and does what it says. What the user can put right is told in a line each, with
 * exit code 2. `entry` is the script of a role process; tests bring their own.
 */
export async function main(argv: readonly string[], environment: NodeJS.ProcessEnv, entry?: URL): Promise<void> {
	try {
		await perform(argv, environment, entry);
	} catch (error) {
		if (!(error instanceof ConfigError)) {
			throw error;
		}
		process.stderr.write(error.problems.map((problem) => `millrace: ${problem}\n`).join(''));
		process.exit(EXIT_BAD_INPUT);
	}
}

async function perform(argv: readonly string[], environment: NodeJS.ProcessEnv, entry: URL | undefined): Promise<void> {
	const invocation = readArguments(argv, environment);
	switch (invocation.action) {
		case 'help':
			process.stdout.write(usage());
			break;
		case 'version':
			process.stdout.write(`${version()}\n`);
			break;
		case 'print-config':
			process.stdout.write(printConfig(loadConfig(invocation.sources)));
			break;
		case 'run':
			await run({ role: invocation.role, version: version(), sources: invocation.sources, entry });
			break;
	}
}
