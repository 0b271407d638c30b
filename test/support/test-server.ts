import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { ServerProcess, type StartOptions } from '#src/bench/load/server-process.js';

export type { ConfigFile, ServerProcess } from '#src/bench/load/server-process.js';

/** Other programs take seconds to start on a busy machine. */
const CONNECT_TIMEOUT_MS = 25_000;
/** What no server may ever say: an invariant that did not hold, or a promise nobody waited for. */
const OUR_FAULTS = /InvariantError|unhandledRejection|UnhandledPromiseRejection/;

/**
 * A server for one test: own ports, own directory, one thread of each kind unless `config` says otherwise. It is stopped after
 * the test and must then end with 0 and must not have reported a fault of its own.
 */
export async function startServer(t: TestContext, options: StartOptions = {}): Promise<ServerProcess> {
	const server = await ServerProcess.start({
		...options,
		config: { threads: { ingest: 1, delivery: 1, remux: 1 }, ...options.config },
	});
	t.after(async () => {
		const result = await server.stop();
		assert.equal(result, 0, `the server ended with ${result}:\n${server.output}`);
		assert.doesNotMatch(server.output, OUR_FAULTS);
	});
	return server;
}

/** Resolves as soon as `condition` holds; throws with `what` when it never does. */
export async function until(
	what: string,
	condition: () => boolean | Promise<boolean>,
	timeoutMs = 15_000,
): Promise<void> {
	const deadlineMs = performance.now() + timeoutMs;
	while (!(await condition())) {
		if (performance.now() > deadlineMs) {
			throw new Error(`never came true: ${what}`);
		}
		await sleep(20);
	}
}

/** A connection that is counted has yet to say what it wants. */
const REQUEST_MS = 500;

/** Resolves when `count` connections are open and have had time to ask for what they want. */
export async function connected(server: ServerProcess, count: number): Promise<void> {
	await until(
		`${count} connections`,
		async () => {
			const metrics = await (await fetch(server.adminUrl('metrics'))).text();
			const open = [...metrics.matchAll(/^millrace_connections\{[^}]*\} (\d+)/gm)];
			return open.reduce((sum, [, connections]) => sum + Number(connections), 0) >= count;
		},
		CONNECT_TIMEOUT_MS,
	);
	await sleep(REQUEST_MS);
}

export function sleep(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
