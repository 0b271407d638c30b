import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BAR_CLIP } from '#src/tools/load/clip.js';
import { assertSameFrames, framesOfTags, tagsOfFile } from '../support/frames.js';
import { startNginxRtmp } from '../support/nginx.js';
import { patient, slowed } from '../support/patience.js';
import { ffmpegPlayer } from '../support/players.js';
import { ffmpegPush } from '../support/push.js';
import { startServer } from '../support/test-server.js';
import { missing } from '../support/tools.js';
import { until } from '../support/until.js';
import { watch } from '../support/watch.js';

const CLIP = fileURLToPath(BAR_CLIP);
const PLAY = { missing: 'wait', waitTimeout: '10m' };
const WAITING = /a player waits for its stream/g;

test('three levels of gateways give out what was published, frame by frame and in time', {
	skip: missing('ffmpeg'),
	timeout: patient(120_000),
}, async (t) => {
	const record = { flv: false, fmp4: false, hls: false };
	const origin = await startServer(t, { config: { record, play: PLAY, publish: { grace: '500ms' } } });
	const gateway = (upstream: string) => {
		const config = { play: PLAY, gateway: { upstreams: [upstream], reconnectMax: '100ms' }, log: { level: 'debug' } };
		return startServer(t, { role: 'flv-gateway', config });
	};
	const first = await gateway(origin.httpUrl(''));
	const second = await gateway(first.wsUrl(''));
	const third = await gateway(second.rtmpUrl('').slice(0, -1));
	const players = [ffmpegPlayer(t, third.httpUrl('live/deep.flv')), ffmpegPlayer(t, third.rtmpUrl('live/deep'))];
	const watchers = [first.httpUrl('live/deep.flv'), second.wsUrl('live/deep.flv'), third.wsUrl('live/deep.flv')].map(
		(url) => watch(t, url),
	);
	await until('all players wait', () => (third.output.match(WAITING)?.length ?? 0) >= 3);
	await ffmpegPush(t, CLIP, origin.rtmpUrl('live/deep')).succeed();
	const sent = framesOfTags(tagsOfFile(CLIP));
	for (const watcher of watchers) {
		await watcher.end();
		assertSameFrames(framesOfTags(watcher.tags), sent);
	}
	for (const player of players) {
		await t.test(player.name, () => player.check(CLIP));
	}
});

test('a gateway pulls from nginx-rtmp, and tells the end', {
	skip: missing('ffmpeg', 'nginx'),
	timeout: patient(90_000),
}, async (t) => {
	const directory = mkdtempSync(join((await startServer(t)).directory, 'nginx-'));
	const nginx = await startNginxRtmp(t, directory, 'application live { live on; }');
	const push = ffmpegPush(t, CLIP, `rtmp://127.0.0.1:${nginx}/live/relayed`, ['-stream_loop', '-1']);
	await until('nginx has the stream', () =>
		/publish: name='relayed'/.test(readFileSync(join(directory, 'nginx-error.log'), 'utf8')),
	);
	const gateway = await startServer(t, {
		role: 'flv-gateway',
		config: {
			gateway: { upstreams: [`rtmp://127.0.0.1:${nginx}`], stallTimeout: `${slowed(2000)}ms` },
			publish: { grace: '1s' },
		},
	});
	const watcher = watch(t, gateway.httpUrl('live/relayed.flv'));
	await watcher.more(300);
	const sent = framesOfTags(tagsOfFile(CLIP));
	assertSameFrames(framesOfTags(watcher.tags), sent, { extent: 'part' });
	push.kill('SIGTERM');
	await watcher.end();
	assert.match(watcher.failure!, /closed/);
	const answer = await fetch(gateway.httpUrl('live/nobody.flv'));
	assert.equal(answer.status, 404);
});
