import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { playRequest } from '#src/bench/load/http-flv-reader.js';
import { heavyClip } from '../support/clips.js';
import { childrenOf, residentMiB } from '../support/processes.js';
import { CLIP, frames, publish, viewersOf } from '../support/publish.js';
import { type ServerProcess, sleep, startServer, until } from '../support/test-server.js';

const STALLED = 300;
const KBPS = 8000;
/** Of media that each stalled reader misses: kept in memory for each, it would come to 1.5 GB. */
const STALL_MS = 5000;
const ALLOWED_GROWTH_MIB = 150;
const HTTP_PLAY = 'live/heavy.flv';

test('hundreds of readers that have stopped reading cost no memory and do not hold up the others', async (t) => {
	const server = await startServer(t, { config: { play: { missing: 'wait', maxLag: '60s' } } });
	const role = childrenOf(server.pid)[0]!;
	await publish(t, server.rtmpUrl('live/heavy'), heavyClip(CLIP, KBPS));
	const healthy = viewersOf(t, server, 'live/heavy');
	await frames(healthy, 50);
	const beforeMiB = residentMiB(role);
	const stalled = Array.from({ length: STALLED }, () => openStalled(t, server));
	await sleep(STALL_MS);
	const grownMiB = residentMiB(role) - beforeMiB;
	assert.ok(grownMiB < ALLOWED_GROWTH_MIB, `memory has grown by ${Math.round(grownMiB)} MiB`);
	for (const watcher of healthy) {
		assert.equal(watcher.failure, null);
		assert.equal(watcher.viewer.check.faults.missingFrames, 0, 'healthy viewers miss nothing');
	}
	assert.equal(stalled.filter((socket) => socket.closed).length, 0, 'nobody is closed before play.maxLag');
});

test('a reader that stays behind for longer than play.maxLag is closed, with its reason', async (t) => {
	const server = await startServer(t, { config: { play: { missing: 'wait', maxLag: '1s' } } });
	await publish(t, server.rtmpUrl('live/heavy'), heavyClip(CLIP, KBPS));
	const healthy = viewersOf(t, server, 'live/heavy');
	await frames(healthy, 50);
	const socket = openStalled(t, server);
	await until('the lagging viewer is counted as closed', async () => {
		const metrics = await (await fetch(server.adminUrl('metrics'))).text();
		return /SUBSCRIBER_LAGGING[^\n]*\} [1-9]/.test(metrics);
	});
	socket.resume();
	await until('its connection is closed', () => socket.closed);
	await frames(healthy, 20);
});

/** A viewer that asks for the stream and never reads what comes. */
function openStalled(t: TestContext, server: ServerProcess): Socket {
	const socket = connect({ port: server.ports.http, host: '127.0.0.1' });
	socket.pause();
	socket.on('error', () => socket.destroy());
	socket.on('connect', () => socket.write(playRequest(new URL(server.httpUrl(HTTP_PLAY)))));
	t.after(() => socket.destroy());
	return socket;
}
