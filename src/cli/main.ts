import { ConfigError } from '../config/config-error.js';
import { loadConfig, printConfig } from '../config/load.js';
import type { BoundPorts } from '../primary/primary.js';
import { run } from '../primary/run.js';
import { readArguments } from './args.js';
import { usage, version } from './usage.js';

/** Wrong flags, a wrong configuration, a port that cannot be had: trying again is of no use. */
const EXIT_BAD_INPUT = 2;

/**
 * The command: reads `argv` (without node and script) and does what it says. What the user can put right is told in a line each, with
 * exit code 2. `entry` is the script of a role process; tests bring their own.
 * @returns the ports of the server that runs now; null when it was asked for something else.
 */
export async function main(
	argv: readonly string[],
	environment: NodeJS.ProcessEnv,
	entry?: URL,
): Promise<BoundPorts | null> {
	try {
		return await perform(argv, environment, entry);
	} catch (error) {
		if (!(error instanceof ConfigError)) {
			throw error;
		}
		process.stderr.write(error.problems.map((problem) => `millrace: ${problem}\n`).join(''));
		process.exit(EXIT_BAD_INPUT);
	}
}

async function perform(
	argv: readonly string[],
	environment: NodeJS.ProcessEnv,
	entry: URL | undefined,
): Promise<BoundPorts | null> {
	const invocation = readArguments(argv, environment);
	switch (invocation.action) {
		case 'help':
			process.stdout.write(usage());
			return null;
		case 'version':
			process.stdout.write(`${version()}\n`);
			return null;
		case 'print-config':
			process.stdout.write(printConfig(loadConfig(invocation.sources)));
			return null;
		case 'run':
			return run({ role: invocation.role, version: version(), sources: invocation.sources, entry });
	}
}
