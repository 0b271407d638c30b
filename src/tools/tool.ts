import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isSystemError, PeerError } from '../errors.js';

/** A command-line tool: `millrace NAME ...`, or its file run by node. */
export type Tool = {
	name: string;
	usage: string;
	/** Does the work; `stop` is the user's Ctrl-C. What it throws is told in a line. @returns the exit code. */
	run(argv: readonly string[], stop: AbortSignal): Promise<number>;
};

export const ExitCode = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The command line is wrong. */
export class UsageError extends Error {}

/** The tool cannot go on, and the message says why to the user. */
export class ToolError extends Error {}

/** Runs a tool to its end. @returns the exit code. */
export async function runTool(tool: Tool, argv: readonly string[]): Promise<number> {
	if (argv.includes('--help') || argv.includes('-h')) {
		process.stdout.write(tool.usage);
		return ExitCode.done;
	}
	const stop = new AbortController();
	const interrupt = (): void => {
		if (stop.signal.aborted) {
			process.exit(ExitCode.interrupted);
		}
		stop.abort();
	};
	process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
	try {
		return await tool.run(argv, stop.signal);
	} catch (error) {
		if (error instanceof UsageError) {
			process.stderr.write(`millrace ${tool.name}: ${error.message}\n\n${tool.usage}`);
			return ExitCode.usage;
		}
		if (!isForTheUser(error)) {
			throw error;
		}
		process.stderr.write(`millrace ${tool.name}: ${error.message}\n`);
		return ExitCode.failed;
	} finally {
		process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
	}
}

/** True for faults of a peer, a file or the network. Any other fault is our own and keeps its stack. */
function isForTheUser(error: unknown): error is Error {
	return error instanceof ToolError || error instanceof PeerError || isSystemError(error);
}

/** Runs `tool` when `moduleUrl` is the script that node was started with. */
export async function runAsScript(tool: Tool, moduleUrl: string): Promise<void> {
	const script = process.argv[1];
	if (script !== undefined && realpathSync(script) === fileURLToPath(moduleUrl)) {
		process.exitCode = await runTool(tool, process.argv.slice(2));
	}
}

type Options = { [name: string]: { type: 'boolean' | 'string'; multiple?: boolean } };
type Parsed<T extends Options> = ReturnType<
	typeof parseArgs<{ args: string[]; options: T; allowPositionals: true; strict: true }>
>;

/** `util.parseArgs`, strict. An argument that it refuses is a UsageError. */
export function readToolArguments<T extends Options>(argv: readonly string[], options: T): Parsed<T> {
	try {
		return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true }) as Parsed<T>;
	} catch (error) {
		if (error instanceof TypeError) {
			throw new UsageError(error.message.split('. ')[0]);
		}
		throw error;
	}
}

/** A number from the command line within `[least, most]`. Throws UsageError that names `what`. */
export function readNumber(what: string, text: string, least: number, most = Number.POSITIVE_INFINITY): number {
	const value = Number(text);
	if (text.trim() === '' || !(value >= least && value <= most)) {
		const range = most === Number.POSITIVE_INFINITY ? `of ${least} or more` : `from ${least} to ${most}`;
		throw new UsageError(`${what}: expected a number ${range}, got ${JSON.stringify(text)}`);
	}
	return value;
}

/** An address of one of `protocols` (with the colon). Throws UsageError. */
export function readUrl(text: string, protocols: readonly string[]): URL {
	const url = URL.canParse(text) ? new URL(text) : null;
	if (url === null || !protocols.includes(url.protocol)) {
		throw new UsageError(`expected an address that begins with ${protocols.join(', ')}, got ${JSON.stringify(text)}`);
	}
	return url;
}

export const STREAM_PROTOCOLS = ['http:', 'https:', 'ws:', 'wss:', 'rtmp:', 'rtmps:'];
