import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { playRequest } from '#src/tools/load/http-flv-reader.js';
import { RtmpClient } from '#src/tools/load/rtmp-client.js';
import { heavyClip } from '../support/clips.js';
import { slowed } from '../support/patience.js';
import { childrenOf, residentMiB } from '../support/processes.js';
import { CLIP, frames, publish, viewersOf } from '../support/publish.js';
import { startServer } from '../support/test-server.js';
import { until } from '../support/until.js';

const STALLED_OF_EACH_KIND = 100;
const KBPS = 8000;
/** Each stalled reader misses so many frames, 5 s of media. Kept in memory for each, they would come to 1.5 GB. */
const STALL_FRAMES = 340;
const ALLOWED_GROWTH_MIB = 150;

test('hundreds of readers that have stopped reading cost no memory and do not hold up the others', async (t) => {
	const server = await startServer(t, { config: { play: { missing: 'wait', maxLag: '10m' } } });
	const role = childrenOf(server.pid)[0]!;
	await publish(t, server.rtmpUrl('live/heavy'), heavyClip(CLIP, KBPS));
	const healthy = viewersOf(t, server, 'live/heavy');
	await frames(healthy, 50);
	const beforeMiB = residentMiB(role);
	const stalled = Array.from({ length: STALLED_OF_EACH_KIND }, () => [
		openStalled(t, server.httpUrl('live/heavy.flv')),
		openStalled(t, server.wsUrl('live/heavy.flv')),
		openStalledRtmp(t, server.rtmpUrl('live/heavy')),
	]).flat();
	await frames(healthy, STALL_FRAMES);
	const grownMiB = residentMiB(role) - beforeMiB;
	assert.ok(grownMiB < ALLOWED_GROWTH_MIB, `memory has grown by ${Math.round(grownMiB)} MiB`);
	for (const watcher of healthy) {
		assert.equal(watcher.failure, null);
		assert.equal(watcher.viewer.check.faults.missingFrames, 0, 'healthy viewers miss nothing');
	}
	assert.equal(stalled.filter((socket) => socket.closed).length, 0, 'nobody is closed before play.maxLag');
});

test('a reader that stays behind for longer than play.maxLag is closed, with its reason', async (t) => {
	const server = await startServer(t, { config: { play: { missing: 'wait', maxLag: `${slowed(4000)}ms` } } });
	await publish(t, server.rtmpUrl('live/heavy'), heavyClip(CLIP, KBPS));
	const healthy = viewersOf(t, server, 'live/heavy');
	await frames(healthy, 50);
	const sockets = [
		openStalled(t, server.httpUrl('live/heavy.flv')),
		openStalled(t, server.wsUrl('live/heavy.flv')),
		openStalledRtmp(t, server.rtmpUrl('live/heavy')),
	];
	await until('the lagging viewers are counted as closed', async () => {
		const metrics = await (await fetch(server.adminUrl('metrics'))).text();
		return metrics.includes(`sessions_closed_total{code="SUBSCRIBER_LAGGING"} ${sockets.length}\n`);
	});
	for (const socket of sockets) {
		socket.resume();
	}
	await until('their connections are closed', () => sockets.every((socket) => socket.closed));
	await frames(healthy, 20);
});

/** A viewer by HTTP or WebSocket that asks for the stream and never reads what comes. */
function openStalled(t: TestContext, url: string): Socket {
	const { hostname, port } = new URL(url);
	const socket = connect({ port: Number(port), host: hostname });
	socket.pause();
	socket.on('error', () => socket.destroy());
	socket.on('connect', () => socket.write(playRequest(new URL(url))));
	t.after(() => socket.destroy());
	return socket;
}

/** An RTMP player that reads up to the first frame and nothing after it. */
function openStalledRtmp(t: TestContext, url: string): Socket {
	const { hostname, port } = new URL(url);
	const socket = connect({ port: Number(port), host: hostname });
	let reading = true;
	const stop = (): void => {
		if (reading) {
			reading = false;
			socket.pause();
		}
	};
	const send = (bytes: Buffer): void => {
		socket.write(bytes);
	};
	const client = new RtmpClient(new URL(url), 'play', send, { started: () => undefined, tag: stop });
	socket.on('connect', () => client.start());
	socket.on('data', (bytes) => client.push(bytes));
	socket.on('error', () => socket.destroy());
	t.after(() => socket.destroy());
	return socket;
}
