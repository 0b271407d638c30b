import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { frames, publish } from '../support/publish.js';
import { type ConfigFile, type ServerProcess, startServer } from '../support/test-server.js';
import { until } from '../support/until.js';
import { watch } from '../support/watch.js';

const FILE = 'flv/live/old/index.flv';
/** More than the sockets on both sides hold, so that the answer waits for its reader. */
const FILE_BYTES = 48 * 1024 * 1024;
/** The configuration's own. */
const DEADLINE_MS = 10_000;

function startWithFile(t: TestContext, role: string, config: ConfigFile = {}): Promise<ServerProcess> {
	return startServer(t, { role, config }).then((server) => {
		mkdirSync(path.join(server.media, path.dirname(FILE)), { recursive: true });
		writeFileSync(path.join(server.media, FILE), Buffer.alloc(FILE_BYTES, 'x'));
		return server;
	});
}

/** The answer to a request, of which nothing has been read. */
async function ask(url: string): Promise<IncomingMessage> {
	const [response] = (await once(http.get(url, { agent: false }), 'response')) as [IncomingMessage];
	return response;
}

async function readAll(response: IncomingMessage): Promise<number> {
	let bytes = 0;
	for await (const piece of response) {
		bytes += (piece as Buffer).length;
	}
	return bytes;
}

async function readiness(server: ServerProcess): Promise<number> {
	return (await fetch(server.adminUrl('readyz'))).status;
}

/** SIGTERM, as Kubernetes sends it: not ready from then on, nobody new is let in, and the end comes before the deadline. */
async function assertDrains(server: ServerProcess, port: number, meanwhile: () => Promise<void>): Promise<void> {
	assert.equal(await readiness(server), 200);
	const startedAtMs = performance.now();
	server.signal('SIGTERM');
	await until('it is not ready', async () => (await readiness(server)) === 503);
	await until('nobody is let in', () => isRefused(port));
	await meanwhile();
	assert.equal(await server.exit(), 0);
	assert.ok(performance.now() - startedAtMs < DEADLINE_MS * 0.8, 'it ends when its work is done, not at the deadline');
}

function isRefused(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect(port, '127.0.0.1');
		socket.once('connect', () => resolve(false)).once('error', () => resolve(true));
		socket.once('connect', () => socket.destroy());
	});
}

for (const role of ['origin', 'file-gateway']) {
	test(`the ${role} finishes the files that it has begun to send before it ends`, async (t) => {
		const server = await startWithFile(t, role);
		const url = `http://127.0.0.1:${server.ports.files}/${FILE}`;
		const idle = new http.Agent({ keepAlive: true });
		t.after(() => idle.destroy());
		await readAll((await once(http.get(`${url}?idle`, { agent: idle }), 'response'))[0] as IncomingMessage);
		const response = await ask(url);
		await assertDrains(server, server.ports.files, async () => {
			assert.equal(await readAll(response), FILE_BYTES);
		});
	});
}

test('an flv-gateway sends its viewers away in order, and they find another', async (t) => {
	const origin = await startServer(t, { config: { record: { flv: false, fmp4: false, hls: false } } });
	await publish(t, origin.rtmpUrl('live/moved'));
	const gateways = await Promise.all(
		[1, 2].map(() => startServer(t, { role: 'flv-gateway', args: ['--upstream', origin.httpUrl('')] })),
	);
	const watchers = gateways.map((gateway) => watch(t, gateway.httpUrl('live/moved.flv')));
	await frames(watchers, 30);
	await assertDrains(gateways[0]!, gateways[0]!.ports.http, () => watchers[0]!.end());
	const again = watch(t, gateways[1]!.httpUrl('live/moved.flv'));
	await frames([again, watchers[1]!], 30);
	assert.equal(watchers[1]!.failure, null);
});
