import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BAR_CLIP } from '#src/tools/load/clip.js';
import { patient } from '../support/patience.js';
import { childrenOf } from '../support/processes.js';
import { Program } from '../support/program.js';
import { ffmpegPush } from '../support/push.js';
import { startServer } from '../support/test-server.js';
import { missing } from '../support/tools.js';
import { until } from '../support/until.js';
import { watch } from '../support/watch.js';

const CLIP = fileURLToPath(BAR_CLIP);
const SKIP = missing('ffmpeg', 'ffprobe');
const CONFIG = { play: { missing: 'wait', waitTimeout: '10m' }, publish: { grace: '200ms' } };

test('FFmpeg decodes a recording without a complaint, knows its length and seeks in it', {
	skip: SKIP,
	timeout: patient(60_000),
}, async (t) => {
	const server = await startServer(t, { config: CONFIG });
	await ffmpegPush(t, CLIP, server.rtmpUrl('live/whole')).succeed();
	const file = join(server.media, 'flv', 'live', 'whole', 'index.flv');
	await until('the recording is finished', () => server.output.includes('recording is finished'));
	assert.equal(await decode(t, file), '');
	assert.deepEqual(await packets(t, file), await packets(t, CLIP));
	const inFile = await probe(t, CLIP, '-show_entries', 'format=duration');
	const recorded = await probe(t, file, '-show_entries', 'format=duration');
	assert.ok(Math.abs(Number(recorded) - Number(inFile)) < 0.1, `${recorded} s of ${inFile} s`);
	const [sought = ''] = (
		await probe(t, file, '-read_intervals', '4%+#1', '-select_streams', 'v', '-show_entries', 'packet=pts_time')
	).split('\n');
	assert.ok(Number(sought) > 1 && Number(sought) <= 4.1, `sought 4 s, found ${sought}`);
});

test('FFmpeg decodes a recording that was cut short and recovered', {
	skip: SKIP,
	timeout: patient(60_000),
}, async (t) => {
	const server = await startServer(t, { config: CONFIG });
	ffmpegPush(t, CLIP, server.rtmpUrl('live/cut'));
	await watch(t, server.httpUrl('live/cut.flv')).more(150);
	const file = join(server.media, 'flv', 'live', 'cut', 'index.flv');
	await until('there is a recording', () => existsSync(file));
	process.kill(childrenOf(server.pid)[0]!, 'SIGKILL');
	await until('the recording is recovered', () => server.output.includes('"recovered":true'));
	assert.equal(await decode(t, file), '');
	assert.ok(Number(await probe(t, file, '-show_entries', 'format=duration')) > 1);
});

/** Decodes `file` and returns the complaints of FFmpeg. */
async function decode(t: TestContext, file: string): Promise<string> {
	const ffmpeg = new Program(t, 'ffmpeg', ['-v', 'warning', '-i', file, '-f', 'null', '-']);
	await ffmpeg.succeed();
	return ffmpeg.stderr;
}

/** Number of packets by stream. */
async function packets(t: TestContext, file: string): Promise<string[]> {
	const counts = await probe(t, file, '-count_packets', '-show_entries', 'stream=codec_type,nb_read_packets');
	return counts.split('\n').sort();
}

async function probe(t: TestContext, file: string, ...args: string[]): Promise<string> {
	const ffprobe = new Program(t, 'ffprobe', ['-v', 'error', ...args, '-of', 'csv=p=0', file]);
	await ffprobe.succeed();
	return ffprobe.stdout.trim();
}
