import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { heavyClip } from '../support/clips.js';
import { assertGapless, assertHeadersOnce } from '../support/gapless.js';
import { harmable, order } from '../support/harm.js';
import { patient, slowed } from '../support/patience.js';
import { childrenOf } from '../support/processes.js';
import { CLIP, frames, publish, viewersOf } from '../support/publish.js';
import type { ConfigFile } from '../support/server-process.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { sleep, until } from '../support/until.js';
import { watch } from '../support/watch.js';
import { Wire } from '../support/wire.js';

/** Quick to notice and to come back, for a test that waits for both. */
const BRISK = { stallTimeout: `${slowed(1200)}ms`, reconnectMin: '50ms', reconnectMax: '200ms', linger: '300ms' };
const ORIGIN: ConfigFile = { record: { flv: false, fmp4: false, hls: false } };
/** More than a group of pictures of the clip, with its sound. */
const GOP_FRAMES = 170;

type GatewayOptions = { gateway?: ConfigFile; config?: ConfigFile; env?: Record<string, string> };

function startGateway(
	t: TestContext,
	upstreams: readonly string[],
	{ gateway = {}, config = {}, env = {} }: GatewayOptions = {},
): Promise<ServerProcess> {
	return startServer(t, {
		role: 'flv-gateway',
		env,
		config: { ...config, gateway: { ...BRISK, upstreams, ...gateway } },
	});
}

async function metric(server: ServerProcess, series: string): Promise<number> {
	const text = await (await fetch(server.adminUrl('metrics'))).text();
	const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
	return Number(line?.split(' ').at(-1));
}

const CONTINUED = 'millrace_pull_switches_total{kind="continued"}';
const SPLICED = 'millrace_pull_switches_total{kind="spliced"}';

test('viewers get every tag once while their gateway changes from one upstream to another and back', async (t) => {
	const origin = await startServer(t, { config: ORIGIN });
	await publish(t, origin.rtmpUrl('live/to-and-fro'));
	const [one, two] = [await Wire.start(t, origin.ports.http), await Wire.start(t, origin.ports.http)];
	const gateway = await startGateway(t, [one.url(), two.url('ws')]);
	await frames([watch(t, origin.httpUrl('live/to-and-fro.flv'))], GOP_FRAMES);
	const watchers = viewersOf(t, gateway, 'live/to-and-fro');
	await frames(watchers, 100);
	const changes = ['cut', 'cut', 'hold', 'cut'] as const;
	let [active, other] = [one, two];
	for (const how of changes) {
		const { connections } = other;
		other.mend();
		active[how]();
		await until('the other upstream is used', () => other.connections > connections);
		await frames(watchers, 60);
		[active, other] = [other, active];
	}
	for (const watcher of watchers) {
		assertGapless(watcher);
	}
	assert.ok((await metric(gateway, CONTINUED)) >= changes.length);
	assert.equal(await metric(gateway, SPLICED), 0);
	assert.ok((await metric(gateway, 'millrace_pull_losses_total')) >= changes.length);
});

test('an upstream process is killed, another one stopped, a third one takes over', {
	timeout: patient(90_000),
}, async (t) => {
	const origin = await startServer(t, { config: ORIGIN });
	await publish(t, origin.rtmpUrl('live/mortal'));
	const middle = await Promise.all([1, 2, 3].map(() => startGateway(t, [origin.httpUrl('')])));
	const upstreams = [middle[0]!.httpUrl(''), middle[1]!.rtmpUrl('').replace(/\/$/, ''), middle[2]!.wsUrl('')];
	const gateway = await startGateway(t, upstreams);
	await frames([watch(t, origin.httpUrl('live/mortal.flv'))], GOP_FRAMES);
	const watchers = viewersOf(t, gateway, 'live/mortal');
	await frames(watchers, 60);

	const [role] = childrenOf(middle[0]!.pid);
	process.kill(role!, 'SIGKILL');
	await until('the first has been replaced', async () => (await metric(gateway, CONTINUED)) >= 1);
	await frames(watchers, 60);

	const [stopped] = childrenOf(middle[1]!.pid);
	process.kill(stopped!, 'SIGSTOP');
	try {
		await until('the second has been replaced', async () => (await metric(gateway, CONTINUED)) >= 2);
		await frames(watchers, 60);
	} finally {
		process.kill(stopped!, 'SIGCONT');
	}
	for (const watcher of watchers) {
		assertGapless(watcher);
	}
});

test('after an outage the stream goes on where it was, as far back as the upstream remembers', async (t) => {
	const origin = await startServer(t, { config: { ...ORIGIN, ring: { duration: '60s' } } });
	await publish(t, origin.rtmpUrl('live/outage'));
	const direct = watch(t, origin.httpUrl('live/outage.flv'));
	const wire = await Wire.start(t, origin.ports.http);
	const gateway = await startGateway(t, [wire.url()]);
	const watchers = viewersOf(t, gateway, 'live/outage');
	await frames(watchers, 60);
	wire.cut();
	await frames([direct], 2 * GOP_FRAMES);
	wire.mend();
	await frames(watchers, 250);
	for (const watcher of watchers) {
		assertGapless(watcher);
	}
});

test('an upstream that carries something else under the name is spliced at its keyframe', async (t) => {
	const origins = await Promise.all([startServer(t, { config: ORIGIN }), startServer(t, { config: ORIGIN })]);
	await publish(t, origins[0]!.rtmpUrl('live/other'));
	await publish(t, origins[1]!.rtmpUrl('live/other'), heavyClip(CLIP, 300));
	const wire = await Wire.start(t, origins[0]!.ports.http);
	const gateway = await startGateway(t, [wire.url(), origins[1]!.rtmpUrl('').replace(/\/$/, '')]);
	await frames([watch(t, origins[1]!.httpUrl('live/other.flv'))], GOP_FRAMES);
	const watchers = viewersOf(t, gateway, 'live/other');
	await frames(watchers, 60);
	wire.cut();
	await frames(watchers, 150);
	for (const watcher of watchers) {
		assert.equal(watcher.failure, null);
		assert.equal(watcher.viewer.check.faults.backwardSteps, 0);
		assert.equal(watcher.viewer.check.faults.undecodable, 0);
		assertHeadersOnce(watcher);
	}
	assert.equal(await metric(gateway, SPLICED), 1);
	assert.equal(await metric(gateway, CONTINUED), 0);
});

test('two origins that were fed at different times carry the same stream all the same', async (t) => {
	const origins = await Promise.all([startServer(t, { config: ORIGIN }), startServer(t, { config: ORIGIN })]);
	await publish(t, origins[0]!.rtmpUrl('live/twice'));
	await frames([watch(t, origins[0]!.httpUrl('live/twice.flv'))], 40);
	await publish(t, origins[1]!.rtmpUrl('live/twice'));
	const wire = await Wire.start(t, origins[0]!.ports.http);
	const gateway = await startGateway(t, [wire.url(), origins[1]!.httpUrl('')]);
	await frames([watch(t, origins[1]!.httpUrl('live/twice.flv'))], GOP_FRAMES);
	const watchers = viewersOf(t, gateway, 'live/twice');
	await frames(watchers, 100);
	wire.cut();
	await frames(watchers, 150);
	for (const watcher of watchers) {
		assertGapless(watcher);
	}
	assert.ok((await metric(gateway, CONTINUED)) >= 1);
});

test('an ingest thread that crashes takes no viewer with it', async (t) => {
	const orders = mkdtempSync(join(tmpdir(), 'millrace-harm-'));
	t.after(() => rmSync(orders, { recursive: true }));
	const origin = await startServer(t, { config: ORIGIN });
	await publish(t, origin.rtmpUrl('live/crash'));
	const gateway = await startGateway(t, [origin.httpUrl('')], { env: harmable(orders) });
	const [http, ws] = viewersOf(t, gateway, 'live/crash').slice(0, 2);
	await frames([http!, ws!], 60);
	order(orders, { kind: 'ingest', how: 'crash' });
	await until('the thread is replaced', () => gateway.output.includes('thread is gone'));
	await frames([http!, ws!], 100);
	for (const watcher of [http!, ws!]) {
		assert.equal(watcher.failure, null);
		assert.equal(watcher.viewer.check.faults.backwardSteps, 0);
		assertHeadersOnce(watcher);
	}
});

test('one pull serves all viewers and ends some time after the last', async (t) => {
	const origin = await startServer(t, { config: ORIGIN });
	await publish(t, origin.rtmpUrl('live/shared'));
	const gateway = await startGateway(t, [origin.httpUrl('')], { config: { log: { statistics: '200ms' } } });
	const watchers = [1, 2, 3].flatMap(() => viewersOf(t, gateway, 'live/shared'));
	await frames(watchers, 30);
	assert.equal(await metric(origin, 'millrace_subscribers{protocol="http-flv"}'), 1);
	assert.equal(await metric(gateway, 'millrace_pulls'), 1);
	assert.equal(await metric(gateway, `millrace_upstream_pulls{upstream="${origin.httpUrl('')}"}`), 1);
	await until('statistics in the log', () => /"viewers":9,.*"streams":1,.*"msg":"statistics"/.test(gateway.output));
	for (const { viewer } of watchers.splice(1)) {
		viewer.close();
	}
	await sleep(1000);
	await frames(watchers, 10);
	watchers[0]!.viewer.close();
	await until('the pull has ended', async () => (await metric(gateway, 'millrace_pulls')) === 0);
	await until(
		'the origin is left',
		async () => (await metric(origin, 'millrace_subscribers{protocol="http-flv"}')) === 0,
	);
	assert.equal((await fetch(gateway.adminUrl('api/v1/streams/live/shared'))).status, 404);
	await frames([watch(t, gateway.httpUrl('live/shared.flv'))], 30);
});

test('viewers are told the end when the upstream says so, and new ones that there is nothing', async (t) => {
	const origin = await startServer(t, { config: { ...ORIGIN, publish: { grace: '200ms' } } });
	const publisher = await publish(t, origin.rtmpUrl('live/ending'));
	const gateway = await startGateway(t, [origin.httpUrl('')]);
	const watchers = viewersOf(t, gateway, 'live/ending');
	await frames(watchers, 30);
	publisher.close();
	await Promise.all(watchers.map((watcher) => watcher.end()));
	const answer = await fetch(gateway.httpUrl('live/ending.flv'));
	assert.equal(answer.status, 404);
	assert.equal(((await answer.json()) as { code: string }).code, 'STREAM_NOT_FOUND');
});

test('what cannot be had is refused at once, with a code', async (t) => {
	const origin = await startServer(t, { config: ORIGIN });
	const gateway = await startGateway(t, [origin.httpUrl('')]);
	const dead = await Wire.start(t, 1);
	const orphan = await startGateway(t, [dead.url()]);
	const cases: readonly [what: string, url: string, init: RequestInit, status: number, code: string][] = [
		['a stream that no upstream has', gateway.httpUrl('live/none.flv'), {}, 404, 'STREAM_NOT_FOUND'],
		['a stream of an upstream that is gone', orphan.httpUrl('live/none.flv'), {}, 502, 'UPSTREAM_FAILED'],
		['a push', gateway.httpUrl('live/push'), { method: 'POST', body: 'FLV' }, 403, 'PUBLISH_REFUSED'],
	];
	for (const [what, url, init, status, code] of cases) {
		const answer = await fetch(url, init);
		assert.equal(answer.status, status, what);
		assert.equal(((await answer.json()) as { code: string }).code, code, what);
	}
	assert.equal((await fetch(gateway.httpUrl('live/none.flv'), { method: 'HEAD' })).status, 404);
	await assert.rejects(publish(t, gateway.rtmpUrl('live/push')), /NetStream\.Publish\.Denied/);
	const rtmp = watch(t, gateway.rtmpUrl('live/none'));
	await rtmp.end();
	assert.match(rtmp.failure!, /StreamNotFound|closed/);
});

for (const protocol of ['http', 'ws', 'rtmp']) {
	test(`gateways that are each other's upstreams refuse to pull in a circle, by ${protocol}`, async (t) => {
		const wire = await Wire.start(t, 1);
		const first = await startGateway(t, [wire.url(protocol)]);
		const second = await startGateway(t, [first.httpUrl('')]);
		wire.target = protocol === 'rtmp' ? second.ports.rtmp : second.ports.http;
		const answers = await Promise.all(
			[first, second].map((gateway) =>
				fetch(gateway.httpUrl('live/circle.flv'), { signal: AbortSignal.timeout(patient(8000)) }),
			),
		);
		for (const answer of answers) {
			assert.ok([404, 508].includes(answer.status), `${answer.status}`);
		}
		const again = await fetch(second.httpUrl('live/round.flv'), { signal: AbortSignal.timeout(patient(8000)) });
		assert.equal(again.status, 508);
		assert.equal(((await again.json()) as { code: string }).code, 'RELAY_LOOP');
	});
}

test('a gateway waits for a stream as an origin does, when play.missing says so', async (t) => {
	const play = { missing: 'wait', waitTimeout: '10m' };
	const origin = await startServer(t, { config: ORIGIN });
	const gateway = await startGateway(t, [origin.httpUrl('')], { config: { play } });
	const watchers = viewersOf(t, gateway, 'live/later');
	await sleep(1200);
	await publish(t, origin.rtmpUrl('live/later'));
	await frames(watchers, 30);
	for (const watcher of watchers) {
		assertGapless(watcher);
	}
});
