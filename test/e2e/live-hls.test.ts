import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BAR_CLIP } from '#src/tools/load/clip.js';
import { patient } from '../support/patience.js';
import { Program } from '../support/program.js';
import { ffmpegPush } from '../support/push.js';
import { startServer } from '../support/test-server.js';
import { missing } from '../support/tools.js';
import { until } from '../support/until.js';

const CLIP = fileURLToPath(BAR_CLIP);

test('ffmpeg plays the live playlist: every frame that was sent decodes to the same picture', {
	skip: missing('ffmpeg'),
	timeout: patient(90_000),
}, async (t) => {
	const server = await startServer(t, { config: { publish: { grace: 0 } } });
	const url = server.httpUrl('hls/live/whole/live.m3u8');
	const push = ffmpegPush(t, CLIP, server.rtmpUrl('live/whole'));
	await until('the playlist is there', async () => (await fetch(url)).ok);
	const played = decodedFrames(t, ['-live_start_index', '0', '-i', url]);
	await push.succeed();
	const [got, sent] = [await played, await decodedFrames(t, ['-i', CLIP])];
	assert.ok(sent.video.length > 100 && sent.audio.length > 100);
	assert.deepEqual(got.video, sent.video);
	assert.deepEqual(got.audio, sent.audio);
});

/** Hashes of all pictures as they are decoded, and of all frames of sound as they are coded. */
async function decodedFrames(t: TestContext, input: readonly string[]): Promise<{ video: string[]; audio: string[] }> {
	const output = ['-map', '0:v', '-map', '0:a', '-c:a', 'copy', '-fps_mode', 'passthrough', '-f', 'framemd5', '-'];
	const text = await new Program(t, 'ffmpeg', ['-v', 'error', '-xerror', ...input, ...output]).succeed();
	const lines = text.split('\n').filter((line) => /^\d/.test(line));
	const hashes = (stream: string): string[] =>
		lines.filter((line) => line.startsWith(`${stream},`)).map((line) => line.split(',').at(-1)!.trim());
	return { video: hashes('0'), audio: hashes('1') };
}
