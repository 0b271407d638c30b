import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BAR_CLIP } from '#src/tools/load/clip.js';
import { assertSameFrames, framesOfTags, tagsOfFile } from '../support/frames.js';
import { listens } from '../support/nginx.js';
import { patient, slowed } from '../support/patience.js';
import { Program } from '../support/program.js';
import { frames } from '../support/publish.js';
import { ffmpegPush } from '../support/push.js';
import { freePort } from '../support/server-process.js';
import { missingPackage, sidePackage } from '../support/side-package.js';
import { startServer } from '../support/test-server.js';
import { missing } from '../support/tools.js';
import { until } from '../support/until.js';
import { watch } from '../support/watch.js';

const CLIP = fileURLToPath(BAR_CLIP);
const NMS = 'node-media-server';

type NmsPorts = { rtmp: number; http: number };

async function startNms(t: TestContext, { rtmp, http }: NmsPorts): Promise<Program> {
	const directory = mkdtempSync(join(tmpdir(), 'millrace-nms-'));
	t.after(() => rmSync(directory, { recursive: true, force: true }));
	const ports = ['--rtmp-port', `${rtmp}`, '--http-port', `${http}`];
	const places = ['--bind', '127.0.0.1', '--data-path', directory, '--record-path', directory];
	const nms = new Program(t, process.execPath, [sidePackage(`${NMS}/bin/app.js`), ...ports, ...places, '--no-admin']);
	await until('Node-Media-Server listens', async () => (await listens(rtmp)) && (await listens(http)));
	return nms;
}

test('gateways pull from Node-Media-Server what ffmpeg publishes there, also when it has been away', {
	skip: missing('ffmpeg') || missingPackage(NMS),
	timeout: patient(90_000),
}, async (t) => {
	const ports = { rtmp: await freePort(), http: await freePort() };
	const nms = await startNms(t, ports);
	const upstreams = [`http://127.0.0.1:${ports.http}`, `rtmp://127.0.0.1:${ports.rtmp}`];
	const gateways = await Promise.all(
		upstreams.map((upstream) =>
			startServer(t, {
				role: 'flv-gateway',
				config: {
					gateway: {
						upstreams: [upstream],
						stallTimeout: `${slowed(2000)}ms`,
						reconnectMin: '50ms',
						reconnectMax: '200ms',
					},
				},
			}),
		),
	);
	const url = `rtmp://127.0.0.1:${ports.rtmp}/live/nms`;
	const sent = framesOfTags(tagsOfFile(CLIP));
	const push = ffmpegPush(t, CLIP, url, ['-stream_loop', '-1']);
	const watchers = await Promise.all(
		gateways.map(async (gateway) => {
			await until('the gateway has the stream', async () => {
				const { status, body } = await fetch(gateway.httpUrl('live/nms.flv'));
				await body?.cancel();
				return status === 200;
			});
			return watch(t, gateway.httpUrl('live/nms.flv'));
		}),
	);
	await frames(watchers, 120);
	for (const { tags } of watchers) {
		assertSameFrames(framesOfTags(tags.slice(0, 100)), sent, { extent: 'part' });
	}

	nms.kill();
	push.kill();
	await until('both have noticed', () => gateways.every(({ output }) => output.includes('upstream lost')));
	const seen = watchers.map(({ tags }) => tags.length);
	await startNms(t, ports);
	ffmpegPush(t, CLIP, url, ['-stream_loop', '-1']);
	await frames(watchers, 120);
	for (const [index, { tags, failure, viewer }] of watchers.entries()) {
		assert.equal(failure, null, 'the viewer has stayed');
		assert.equal(viewer.check.faults.backwardSteps, 0);
		assert.equal(viewer.check.faults.undecodable, 0);
		assert.ok(tags.length > seen[index]!);
	}
});
