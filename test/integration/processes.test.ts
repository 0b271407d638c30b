import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { BAR_CLIP } from '#src/tools/load/clip.js';
import { isSequenceHeader, TagType } from '#src/tools/load/flv-scanner.js';
import { ask, connectionInEach, connectionsOf, inEach, processesOf } from '../support/process-set.js';
import { frames, publish } from '../support/publish.js';
import { ffmpegPush } from '../support/push.js';
import type { ConfigFile } from '../support/server-process.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { sleep, until } from '../support/until.js';
import { type Watcher, watch } from '../support/watch.js';

const ORIGIN: ConfigFile = { record: { flv: false, fmp4: false, hls: false } };

function startGateway(t: TestContext, origin: ServerProcess, processes: number): Promise<ServerProcess> {
	const gateway = { upstreams: [origin.httpUrl('')], reconnectMin: '50ms', reconnectMax: '200ms' };
	return startServer(t, { role: 'flv-gateway', args: ['--processes', String(processes)], config: { gateway } });
}

/** An origin with two processes besides its own that only deliver. */
function startOrigin(
	t: TestContext,
	config: ConfigFile = {},
	env: Record<string, string> = {},
): Promise<ServerProcess> {
	return startServer(t, { args: ['--processes', '2'], config: { ...ORIGIN, ...config }, env });
}

/** Viewers in each process, by its index. */
function watchInEach(t: TestContext, server: ServerProcess, url: string): Promise<Map<number, Watcher[]>> {
	return inEach(server, async () => {
		const watcher = watch(t, url);
		await watcher.more(1);
		return watcher;
	});
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
	return (await metrics(server, [series]))[0]!;
}

/** Reads the series from one scrape. */
async function metrics(server: ServerProcess, series: readonly string[]): Promise<number[]> {
	const lines = (await (await fetch(server.adminUrl('metrics'))).text()).split('\n');
	return series.map((each) =>
		Number(
			lines
				.find((line) => line.startsWith(`${each} `))
				?.split(' ')
				.at(-1),
		),
	);
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

test('each process of a file gateway keeps files where no other writes', async (t) => {
	const origin = await startServer(t, { config: ORIGIN });
	const file = 'hls/live/a/segment_1.ts';
	mkdirSync(join(origin.media, 'hls/live/a'), { recursive: true });
	writeFileSync(join(origin.media, file), Buffer.alloc(20_000));
	const directory = mkdtempSync(join(tmpdir(), 'millrace-cache-'));
	t.after(() => rmSync(directory, { recursive: true }));
	const gateway = await startServer(t, {
		role: 'file-gateway',
		args: ['--processes', '2', '--upstream', `http://127.0.0.1:${origin.ports.files}`],
		config: { cache: { directory } },
	});
	for (const [index, socket] of await connectionInEach(t, gateway, gateway.ports.files)) {
		const { status, body } = await ask(socket, `/${file}`);
		assert.deepEqual([status, body.length], [200, 20_000]);
		await until('it is on the disk', () => readdirSync(join(directory, `process-${index}`)).length === 1);
	}
	const onDisk = (): Promise<number> => metric(gateway, 'millrace_file_cache_bytes{store="disk"}');
	await until('both are counted', async () => (await onDisk()) > 40_000);
	assert.ok((await onDisk()) < 42_000);
});

test('an origin and the processes that deliver for it give out the same frames of ffmpeg and are seen as one', async (t) => {
	const origin = await startOrigin(t);
	const url = origin.httpUrl('live/ffmpeg');
	ffmpegPush(t, fileURLToPath(BAR_CLIP), url, ['-stream_loop', '-1']);
	await until('it is live', async () => (await fetch(`${url}.flv`, { method: 'HEAD' })).ok);
	const byProcess = await watchInEach(t, origin, `${url}.flv`);
	const watchers = [...byProcess.values()].flat();
	await frames(watchers, 60);
	const [reference] = byProcess.get(0)!;
	assertSameFrames(reference!, watchers);
	assert.deepEqual(
		(await processesOf(origin)).map(({ role, index }) => `${role} ${index}`),
		['origin 0', 'delivery 1', 'delivery 2'],
	);

	const [row, ...others] = await rows(origin);
	assert.deepEqual([row?.name, row?.viewers['http-flv'], others], ['ffmpeg', watchers.length, []]);
	assert.equal(row?.publisher?.protocol, 'http-flv');
	for (const [series, value] of [
		['millrace_streams', 1],
		['millrace_publishers', 1],
		['millrace_streams_started_total', 1],
		['millrace_pulls', 0],
		['millrace_subscribers{protocol="http-flv"}', watchers.length],
		['millrace_stream_subscribers{app="live",stream="ffmpeg",protocol="http-flv"}', watchers.length],
	] as const) {
		assert.equal(await metric(origin, series), value, series);
	}
	const [received, ofStream, sent] = await metrics(origin, [
		'millrace_received_bytes_total',
		'millrace_stream_received_bytes_total{app="live",stream="ffmpeg"}',
		'millrace_sent_bytes_total{protocol="http-flv"}',
	]);
	assert.equal(received, ofStream, 'what the processes relay to each other was received once');
	const got = watchers.reduce(
		(sum, { tags }) => sum + tags.reduce((bytes, { body }) => bytes + body.length + 15, 0),
		0,
	);
	assert.ok(sent! < 1.2 * got, `${sent} bytes sent, ${got} received`);

	// A publisher that is sent away takes no viewer along, in whichever process.
	assert.equal(
		(await fetch(origin.adminUrl('api/v1/streams/live/ffmpeg/publisher'), { method: 'DELETE' })).status,
		200,
	);
	await until('it has no publisher', async () => (await rows(origin))[0]?.publisher === null);
	await publish(t, origin.rtmpUrl('live/ffmpeg'));
	await frames(watchers, 30);
	assert.deepEqual(new Set(watchers.map(({ failure }) => failure)), new Set([null]));
});

for (const protocol of ['http', 'ws'] as const) {
	test(`what is pushed by ${protocol} to any process is played from every process`, async (t) => {
		const origin = await startOrigin(t);
		const base = protocol === 'http' ? origin.httpUrl('live') : origin.wsUrl('live');
		const byProcess = await inEach(origin, async (attempt) => {
			const group = await publish(t, `${base}/push-${attempt}`);
			await until('it is live', async () => (await rows(origin)).some(({ name }) => name === `push-${attempt}`));
			return { group, name: `push-${attempt}` };
		});
		for (const [{ name, group }] of byProcess.values() as Iterable<[{ name: string; group: { failures: string[] } }]>) {
			const watchers = [...(await watchInEach(t, origin, origin.httpUrl(`live/${name}.flv`))).values()].flat();
			await frames(watchers, 30);
			const row = (await rows(origin)).find((candidate) => candidate.name === name);
			assert.equal(row?.publisher?.protocol, `${protocol}-flv`);
			assert.match(row?.publisher?.address ?? '', /^127\.0\.0\.1:\d+$/);
			assert.deepEqual(group.failures, []);
			for (const { viewer } of watchers) {
				viewer.close();
			}
			await until('they have left', async () => (await rows(origin)).every((each) => each.viewers['http-flv'] === 0));
		}
	});
}

test('every process refuses a publisher in the same way, and an operator ends one wherever it is', async (t) => {
	const origin = await startOrigin(t, { publish: { conflict: 'reject', grace: '200ms' } });
	await publish(t, origin.rtmpUrl('live/taken'));
	const connections = await connectionInEach(t, origin);
	for (const [index, socket] of connections) {
		const answer = await ask(socket, '/live/taken', { method: 'POST', headers: { Expect: '100-continue' } });
		assert.deepEqual([answer.status, JSON.parse(answer.body).code], [409, 'PUBLISH_CONFLICT'], `process ${index}`);
	}
	for (const [index, socket] of await connectionInEach(t, origin)) {
		const answer = await ask(socket, '/live/no.name', { method: 'PUT' });
		assert.deepEqual([answer.status, JSON.parse(answer.body).code], [400, 'NAME_INVALID'], `process ${index}`);
	}
	for (const [index, socket] of await connectionInEach(t, origin)) {
		const webSocket = new WebSocket(origin.wsUrl('live/taken'), { createConnection: () => socket });
		webSocket.on('error', () => undefined);
		const status = await new Promise((resolve) => {
			webSocket.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode));
		});
		assert.equal(status, 409, `process ${index}`);
	}
	const pushes = await inEach(origin, (attempt) => publish(t, origin.httpUrl(`live/evict-${attempt}`)));
	const publishers = [...pushes.values()].flat();
	await until('all are live', async () => (await rows(origin)).length === publishers.length + 1);
	for (const { name } of await rows(origin)) {
		const url = origin.adminUrl(`api/v1/streams/live/${name}/publisher`);
		assert.equal((await fetch(url, { method: 'DELETE' })).status, 200);
	}
	await until('all are sent away', () => publishers.every(({ failures }) => failures.length === 1));
});

test('on the public port nobody is believed who says whose push it is', async (t) => {
	const origin = await startOrigin(t);
	for (const [index, socket] of await connectionInEach(t, origin)) {
		const request = http.request({
			method: 'POST',
			path: `/live/claim-${index}`,
			headers: { 'X-Millrace-Publisher': 'ws-flv 192.0.2.1:1', Expect: '100-continue' },
			createConnection: () => socket,
		});
		t.after(() => request.destroy());
		request.on('error', () => undefined);
		await once(request, 'continue');
		const row = (await rows(origin)).find(({ name }) => name === `claim-${index}`);
		assert.equal(row?.publisher?.protocol, 'http-flv');
		assert.match(row?.publisher?.address ?? '', /^127\.0\.0\.1:/);
	}
});

test('every process answers for LL-HLS, which only the origin process has', async (t) => {
	const origin = await startOrigin(t);
	await publish(t, origin.rtmpUrl('live/low'));
	const path = '/hls/live/low/live.m3u8';
	const connections = await connectionInEach(t, origin);
	await until('there is a playlist', async () => (await ask(connections.get(0)!, path)).status === 200);
	for (const [index, socket] of connections) {
		const first = await ask(socket, path);
		assert.equal(first.status, 200, `process ${index}`);
		assert.equal(first.headers['content-type'], 'application/vnd.apple.mpegurl');
		let playlist = parseMediaPlaylist(first.body);
		for (let reload = 0; reload < 5; reload++) {
			const msn = playlist.mediaSequence + playlist.segments.length;
			const part = playlist.openSegment?.parts.length ?? 0;
			const { status, body } = await ask(socket, `${path}?_HLS_msn=${msn}&_HLS_part=${part}`);
			assert.equal(status, 200);
			playlist = parseMediaPlaylist(body);
			const edge = [playlist.mediaSequence + playlist.segments.length, playlist.openSegment?.parts.length ?? 0];
			assert.ok(edge[0]! > msn || edge[1]! > part, 'nothing new');
		}
		const newest = playlist.segments.at(-1)!;
		for (const uri of [newest.map!, newest.uri, playlist.preloadHint!]) {
			assert.equal((await ask(socket, `/hls/live/low/${uri}`)).status, 200, uri);
		}
		assert.equal((await ask(socket, `${path}?_HLS_msn=999999999`)).status, 400);
		assert.equal((await ask(socket, '/hls/live/none/live.m3u8')).status, 404);
	}
});

test('viewers wait in every process for a stream that is to come, when play.missing says so', async (t) => {
	const origin = await startOrigin(t, {
		play: { missing: 'wait', waitTimeout: '60s' },
		gateway: { stallTimeout: '500ms' },
	});
	const byProcess = await inEach(origin, async () => watch(t, origin.httpUrl('live/later.flv')));
	await sleep(1500);
	await publish(t, origin.rtmpUrl('live/later'));
	await frames([...byProcess.values()].flat(), 30);
});

test('the origin process is killed: viewers elsewhere stay, and go on when the publisher is back', async (t) => {
	const origin = await startOrigin(t);
	await publish(t, origin.rtmpUrl('live/mortal'));
	const byProcess = await watchInEach(t, origin, origin.httpUrl('live/mortal.flv'));
	const elsewhere = [...byProcess].flatMap(([index, watchers]) => (index === 0 ? [] : watchers));
	await frames(elsewhere, 30);
	const [victim] = await processesOf(origin);
	process.kill(victim!.pid, 'SIGKILL');
	await Promise.all(byProcess.get(0)!.map((watcher) => watcher.end()));
	await until('it is replaced', async () => {
		const [now] = await processesOf(origin);
		return now?.role === 'origin' && now.ready && now.pid !== victim!.pid;
	});
	await publish(t, origin.rtmpUrl('live/mortal'));
	await frames(elsewhere, 100);
	for (const { failure, viewer } of elsewhere) {
		assert.equal(failure, null);
		assert.equal(viewer.check.faults.backwardSteps, 0);
		assert.equal(viewer.check.faults.undecodable, 0);
	}
	const [row] = await rows(origin);
	assert.equal(row?.viewers['http-flv'], elsewhere.length);
});

test('all processes end at SIGTERM, viewers and publishers are told, and nothing is left', async (t) => {
	const directory = mkdtempSync(join(tmpdir(), 'millrace-processes-'));
	t.after(() => rmSync(directory, { recursive: true }));
	mkdirSync(join(directory, 'tmp'));
	const origin = await startOrigin(t, {}, { TMPDIR: join(directory, 'tmp') });
	assert.equal(readdirSync(join(directory, 'tmp')).length, 1, 'the socket between the processes');
	const pushes = await inEach(origin, (attempt) => publish(t, origin.httpUrl(`live/end-${attempt}`)));
	await until('it is live', async () => (await rows(origin)).some(({ name }) => name === 'end-0'));
	const watchers = [...(await watchInEach(t, origin, origin.httpUrl('live/end-0.flv'))).values()].flat();
	const processes = await processesOf(origin);
	origin.signal('SIGTERM');
	assert.equal(await origin.exit(), 0);
	await Promise.all(watchers.map((watcher) => watcher.end()));
	for (const { failures } of [...pushes.values()].flat()) {
		assert.equal(failures.length, 1);
	}
	for (const { pid } of processes) {
		assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
	}
	assert.deepEqual(readdirSync(join(directory, 'tmp')), []);
	assert.doesNotMatch(origin.output, /did not end within the deadline/);
});
