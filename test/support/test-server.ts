import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { streamName } from '#src/stream-name.js';
import { type ConfigFile, ServerProcess, type StartOptions } from './server-process.js';
import { until } from './until.js';

export type { ConfigFile, ServerProcess } from './server-process.js';

/** Other programs take seconds to start on a busy machine. */
const CONNECT_TIMEOUT_MS = 45_000;
/** No server may ever print this: an invariant that did not hold, or a promise nobody waited for. */
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

/** Lets players come before their publisher, who then cannot start without them: see `playersWait`. */
export const WAITING: ConfigFile = {
	play: { missing: 'wait', waitTimeout: '10m' },
	publish: { grace: '500ms' },
	log: { level: 'debug' },
};

/** Resolves when `count` players have asked a server configured as `WAITING` for `stream` ("app/name"), which is not there. */
export async function playersWait(server: ServerProcess, stream: string, count: number): Promise<void> {
	const isOfStream = (line: string): boolean => {
		const { app, stream: name, msg } = JSON.parse(line);
		return msg === 'a player waits for its stream' && streamName(app, name).key === stream;
	};
	const waiting = (): number =>
		server.output.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}') && isOfStream(line)).length;
	await until(`${count} players of ${stream}`, () => waiting() >= count, CONNECT_TIMEOUT_MS);
}
