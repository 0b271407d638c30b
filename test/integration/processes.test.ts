import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { ConfigFile } from '#src/bench/load/server-process.js';
import { isSequenceHeader, TagType } from '#src/tools/load/flv-scanner.js';
import { connectionsOf, processesOf, watchInEach } from '../support/process-set.js';
import { frames, publish } from '../support/publish.js';
import { type ServerProcess, startServer, until } from '../support/test-server.js';
import { type Watcher, watch } from '../support/watch.js';

const ORIGIN: ConfigFile = { record: { flv: false, fmp4: false, hls: false } };

function startGateway(t: TestContext, origin: ServerProcess, processes: number): Promise<ServerProcess> {
	const gateway = { upstreams: [origin.httpUrl('')], reconnectMin: '50ms', reconnectMax: '200ms' };
	return startServer(t, { role: 'flv-gateway', args: ['--processes', String(processes)], config: { gateway } });
}

/** Every watcher is still served and has had, since it came, the very frames that `reference` had. */
function assertSameFrames(reference: Watcher, watchers: readonly Watcher[]): void {
	const known = framesOf(reference);
	for (const watcher of watchers) {
		assert.equal(watcher.failure, null);
		assert.deepEqual(watcher.viewer.check.faults, { backwardSteps: 0, missingFrames: 0, undecodable: 0 });
		const common = framesOf(watcher).filter((frame) => known.includes(frame));
		const from = known.indexOf(common[0]!);
		assert.ok(common.length >= 30, `${common.length} frames in common`);
		assert.deepEqual(common, known.slice(from, from + common.length));
	}
}

function framesOf({ tags }: Watcher): string[] {
	return tags
		.filter((tag) => tag.type !== TagType.script && !isSequenceHeader(tag))
		.map(({ type, dtsMs, body }) => `${type} ${dtsMs} ${createHash('sha1').update(body).digest('hex')}`);
}

async function metric(server: ServerProcess, series: string): Promise<number> {
	const text = await (await fetch(server.adminUrl('metrics'))).text();
	const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
	return Number(line?.split(' ').at(-1));
}

type StreamRow = { app: string; name: string; publisher: { protocol: string; address: string } | null } & {
	viewers: Record<string, number>;
};

async function rows(server: ServerProcess): Promise<StreamRow[]> {
	return ((await (await fetch(server.adminUrl('api/v1/streams'))).json()) as { streams: StreamRow[] }).streams;
}

test('all processes of a gateway give out the same frames and are seen as one', async (t) => {
	const origin = await startServer(t, { config: ORIGIN });
	await publish(t, origin.rtmpUrl('live/many'));
	const reference = watch(t, origin.httpUrl('live/many.flv'));
	const gateway = await startGateway(t, origin, 3);
	const byProcess = await watchInEach(t, gateway, gateway.httpUrl('live/many.flv'));
	const watchers = [...byProcess.values()].flat();
	await frames(watchers, 60);
	await reference.more(60);
	assertSameFrames(reference, watchers);

	assert.equal(await metric(origin, 'millrace_subscribers{protocol="http-flv"}'), 4, 'one pull for each process');
	const [row, ...others] = await rows(gateway);
	assert.deepEqual([row?.name, row?.viewers['http-flv'], others], ['many', watchers.length, []]);
	assert.equal(await metric(gateway, 'millrace_streams'), 1);
	assert.equal(await metric(gateway, 'millrace_subscribers{protocol="http-flv"}'), watchers.length);
	assert.equal(await metric(gateway, 'millrace_pulls'), 3);
});

test('a killed process of a gateway takes its own viewers with it, and is replaced', async (t) => {
	const origin = await startServer(t, { config: ORIGIN });
	await publish(t, origin.rtmpUrl('live/kill'));
	const gateway = await startGateway(t, origin, 2);
	const byProcess = await watchInEach(t, gateway, gateway.httpUrl('live/kill.flv'));
	const [victim, other] = await processesOf(gateway);
	process.kill(victim!.pid, 'SIGKILL');
	await Promise.all(byProcess.get(victim!.index)!.map((watcher) => watcher.end()));
	await frames(byProcess.get(other!.index)!, 60);
	await until('it is replaced', async () => {
		const now = await processesOf(gateway);
		return now.length === 2 && now.every(({ ready, pid }) => ready && pid !== victim!.pid);
	});
	assert.equal(
		byProcess.get(other!.index)!.find(({ failure }) => failure !== null),
		undefined,
	);
	await until('it serves', async () => {
		const watcher = watch(t, gateway.httpUrl('live/kill.flv'));
		await watcher.more(30);
		return (await connectionsOf(gateway)).get(victim!.index)! > 0;
	});
});
