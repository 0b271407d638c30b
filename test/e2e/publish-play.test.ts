import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BAR_CLIP, loadClip } from '#src/tools/load/clip.js';
import { assertSameFrames, framesOfTags, tagsOfFile } from '../support/frames.js';
import { patient } from '../support/patience.js';
import { ffmpegPlayer, gstreamerPlayer, type Player, rtmpdumpPlayer } from '../support/players.js';
import { Program } from '../support/program.js';
import { ffmpegPush, webSocketPush } from '../support/push.js';
import { playersWait, type ServerProcess, startServer, WAITING } from '../support/test-server.js';
import { missing } from '../support/tools.js';
import { watch } from '../support/watch.js';

const CLIP = fileURLToPath(BAR_CLIP);
/** Shares no factor with any size in the clip: tags and their headers are cut everywhere. */
const MESSAGE_BYTES = 1021;
/** GStreamer's HTTP source gives up after 15 s without a byte; on a busy machine the other players may need longer to come. */
const WAIT_SECONDS = 60;

/** curl knows nothing of time: at this rate the clip takes about its own length. */
const CURL = ['--silent', '--show-error', '--fail', '--limit-rate', '40k', '--upload-file', CLIP];

type Push = { name: string; run(t: TestContext, server: ServerProcess, stream: string): Promise<unknown> };

const pushes: Push[] = [
	{ name: 'RTMP', run: (t, server, stream) => ffmpegPush(t, CLIP, server.rtmpUrl(stream)).succeed() },
	{ name: 'HTTP POST', run: (t, server, stream) => ffmpegPush(t, CLIP, server.httpUrl(stream)).succeed() },
	{
		name: 'HTTP PUT',
		run: (t, server, stream) => new Program(t, 'curl', [...CURL, server.httpUrl(`${stream}.flv`)]).succeed(),
	},
	{
		name: 'WebSocket',
		run: (_t, server, stream) => webSocketPush(loadClip(CLIP), server.wsUrl(stream), MESSAGE_BYTES),
	},
];

test('every player gets every frame that was published, in order and in time', {
	skip: missing('curl', 'ffmpeg', 'rtmpdump', 'gst-launch-1.0'),
	concurrency: true,
	timeout: patient(90_000),
}, async (t) => {
	const server = await startServer(t, { config: WAITING });
	const inFile = framesOfTags(tagsOfFile(CLIP));

	await Promise.all(
		pushes.map((push, index) =>
			t.test(`published by ${push.name}`, async (t) => {
				const stream = `live/push${index}`;
				const players = startPlayers(t, server, stream);
				const own = ['http', 'ws', 'rtmp'].map((protocol) => watch(t, urlOf(server, protocol, stream)));
				await playersWait(server, stream, players.length + own.length);
				await push.run(t, server, stream);
				for (const player of players) {
					await t.test(`played by ${player.name}`, () => player.check(CLIP));
				}
				for (const watcher of own) {
					await watcher.end();
					await t.test(`played by the load test's viewer, ${watcher.viewer.options.url.protocol}`, () => {
						assertSameFrames(framesOfTags(watcher.tags), inFile);
					});
				}
			}),
		),
	);
});

function startPlayers(t: TestContext, server: ServerProcess, stream: string): Player[] {
	const directory = mkdtempSync(join(server.directory, 'players-'));
	const rtmp = server.rtmpUrl(stream);
	const http = server.httpUrl(`${stream}.flv`);
	return [
		ffmpegPlayer(t, rtmp),
		ffmpegPlayer(t, http),
		rtmpdumpPlayer(t, rtmp, directory),
		gstreamerPlayer(t, ['rtmp2src', `location=${rtmp}`], directory),
		gstreamerPlayer(t, ['souphttpsrc', `location=${http}`, 'is-live=true', `timeout=${WAIT_SECONDS}`], directory),
	];
}

function urlOf(server: ServerProcess, protocol: string, stream: string): string {
	if (protocol === 'rtmp') {
		return server.rtmpUrl(stream);
	}
	return protocol === 'ws' ? server.wsUrl(`${stream}.flv`) : server.httpUrl(`${stream}.flv`);
}
