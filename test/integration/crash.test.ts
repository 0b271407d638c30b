import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { harmable, order } from '../support/harm.js';
import { patient } from '../support/patience.js';
import { childrenOf } from '../support/processes.js';
import { frames, publish, viewersOf } from '../support/publish.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { sleep, until } from '../support/until.js';
import { watch } from '../support/watch.js';

const PLAY = { missing: 'wait', waitTimeout: '10m' };
const KNOCK_INTERVAL_MS = 5;

test('a role process that is killed under load comes back, and no connection attempt is refused meanwhile', async (t) => {
	const server = await startServer(t, { config: { play: PLAY } });
	const [role] = childrenOf(server.pid);
	await publish(t, server.rtmpUrl('live/doomed'));
	const watchers = viewersOf(t, server, 'live/doomed');
	await frames(watchers, 50);

	const knocking = knock(t, server);
	process.kill(role!, 'SIGKILL');
	await Promise.all(watchers.map((watcher) => watcher.end()));
	await until('a new role process', () => childrenOf(server.pid).some((pid) => pid !== role));
	await publish(t, server.rtmpUrl('live/reborn'));
	await frames(viewersOf(t, server, 'live/reborn'), 50);
	await until('there were attempts enough', () => knocking.attempts > 50);
	assert.deepEqual(await knocking.stop(), [], 'refused connections');
	const ready = await fetch(server.adminUrl('readyz'));
	assert.equal(ready.status, 200);
});

const harms = [
	{ name: 'crashes', how: 'crash' },
	{ name: 'hangs', how: 'hang' },
] as const;

for (const { name, how } of harms) {
	test(`a thread that ${name} is replaced, and only its own connections are lost`, {
		timeout: patient(60_000),
	}, async (t) => {
		const orders = mkdtempSync(join(tmpdir(), 'millrace-harm-'));
		t.after(() => rmSync(orders, { recursive: true }));
		const server = await startServer(t, { env: harmable(orders), config: { play: PLAY } });
		const [role] = childrenOf(server.pid);
		const publisher = await publish(t, server.rtmpUrl('live/threads'));
		const [http, ws, rtmp] = viewersOf(t, server, 'live/threads');
		await frames([http!, ws!, rtmp!], 50);

		order(orders, { kind: 'delivery', how });
		await Promise.all([http!.end(), ws!.end()]);
		assert.equal(rtmp!.failure, null, 'a viewer served by another thread stays');
		assert.deepEqual(publisher.failures, [], 'the publisher of another thread stays');
		const later = watch(t, server.httpUrl('live/threads.flv'));
		await frames([rtmp!, later], 50);

		order(orders, { kind: 'ingest', how });
		await rtmp!.end();
		await until('the publisher is gone', () => publisher.failures.length > 0);
		await publish(t, server.rtmpUrl('live/threads'));
		await frames([later, watch(t, server.rtmpUrl('live/threads'))], 100);
		assert.equal(later.failure, null, 'a viewer of another thread sees the stream go on');
		assert.equal(later.viewer.check.faults.backwardSteps, 0);
		assert.deepEqual(childrenOf(server.pid), [role], 'the process is the same');
	});
}

/** Keeps connecting to the server's ports; `stop` resolves with the errors of attempts that were refused. */
function knock(t: TestContext, server: ServerProcess): { attempts: number; stop(): Promise<string[]> } {
	const refused: string[] = [];
	const state = {
		attempts: 0,
		stop: async () => {
			clearInterval(timer);
			await sleep(KNOCK_INTERVAL_MS);
			return refused;
		},
	};
	const timer = setInterval(() => {
		for (const port of [server.ports.rtmp, server.ports.http]) {
			state.attempts++;
			const socket = connect(port, '127.0.0.1', () => socket.destroy());
			socket.on('error', (error: NodeJS.ErrnoException) => {
				if (error.code === 'ECONNREFUSED') {
					refused.push(`${port}: ${error.message}`);
				}
			});
		}
	}, KNOCK_INTERVAL_MS);
	t.after(() => clearInterval(timer));
	return state;
}
