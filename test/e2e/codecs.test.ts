import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { patient } from '../support/patience.js';
import { Program } from '../support/program.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { inCi } from '../support/tools.js';
import { sleep, until } from '../support/until.js';

const FFMPEG8 = fileURLToPath(new URL('./ffmpeg8.js', import.meta.url));
const NODE_AV = new URL('../../../test/e2e/ffmpeg8/node_modules/node-av/package.json', import.meta.url);
const CLIP_SECONDS = 6;
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2'];
const HEVC = [
	'-c:v',
	'libx265',
	'-preset',
	'ultrafast',
	'-x265-params',
	'log-level=error:bframes=2:keyint=25:min-keyint=25',
];
/** A clip may begin with sound in front of its first keyframe, where nobody can start to play. */
const MAX_BEFORE_KEYFRAME = 3;

type Case = {
	name: string;
	video: readonly string[];
	audio: readonly string[];
	/** Sample entries in MP4. */
	tags: readonly [string, string];
	/** RFC 6381. */
	codecs: RegExp;
	/** The tracks that MPEG-TS carries; null: no HLS with MPEG-TS at all. */
	ts: 'both' | 'video' | null;
};

const CASES: readonly Case[] = [
	{
		...{ name: 'hevc-ac3', video: HEVC, audio: ['-c:a', 'ac3'], tags: ['hvc1', 'ac-3'], ts: 'both' },
		codecs: /^hvc1\.1\.6\.L\d+\.[0-9A-F.]+,ac-3$/,
	},
	{
		...{ name: 'hevc-opus', video: HEVC, audio: ['-c:a', 'libopus'], tags: ['hvc1', 'Opus'], ts: 'both' },
		codecs: /^hvc1\.1\.6\.L\d+\.[0-9A-F.]+,opus$/i,
	},
	{
		...{ name: 'av1-opus', video: ['-c:v', 'libsvtav1', '-preset', '12'], audio: ['-c:a', 'libopus'], ts: null },
		...{ tags: ['av01', 'Opus'], codecs: /^av01\.0\.\d\dM\.08(\.[\d.]+)?,opus$/i },
	},
	{
		...{ name: 'h264-eac3', video: H264, audio: ['-c:a', 'eac3'], tags: ['avc1', 'ec-3'], ts: 'both' },
		codecs: /^avc1\.[0-9a-f]{6},ec-3$/i,
	},
	{
		...{ name: 'h264-mp3', video: H264, audio: ['-c:a', 'libmp3lame'], tags: ['avc1', 'mp4a'], ts: 'both' },
		codecs: /^avc1\.[0-9a-f]{6},mp4a\.(6b|40\.34)$/i,
	},
	{
		...{ name: 'h264-flac', video: H264, audio: ['-c:a', 'flac'], tags: ['avc1', 'fLaC'], ts: 'video' },
		codecs: /^avc1\.[0-9a-f]{6},flac$/i,
	},
];

test('every codec comes out of LL-HLS, fMP4, MP4 and MPEG-TS as it went in', {
	skip: existsSync(NODE_AV) || inCi() ? false : 'not installed: node-av (npm install in test/e2e/ffmpeg8)',
	timeout: patient(150_000),
	concurrency: true,
}, async (t) => {
	const server = await startServer(t, {
		config: { publish: { grace: '1s' }, record: { flv: false }, hls: { type: 'event' } },
	});
	await Promise.all(CASES.map((codecs) => t.test(codecs.name, (t) => checkCodecs(t, server, codecs))));
});

async function checkCodecs(
	t: TestContext,
	server: ServerProcess,
	{ name, video, audio, tags, codecs, ts }: Case,
): Promise<void> {
	const clip = path.join(server.directory, `${name}.mp4`);
	const inputs = ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25', '-f', 'lavfi', '-i', 'sine=r=48000'];
	const encoding = ['-t', `${CLIP_SECONDS}`, '-g', '25', ...video, ...audio, '-strict', '-2'];
	await new Program(t, 'ffmpeg', ['-v', 'error', ...inputs, ...encoding, clip]).succeed();
	const publisher = new Program(t, process.execPath, [FFMPEG8, 'publish', clip, server.rtmpUrl(`live/${name}`)]);
	const live = await followLive(server, name, publisher);
	await publisher.succeed();
	const home = path.join(server.media, 'mp4', 'live', name);
	const mp4 = path.join(home, 'output_merge', `${name}_full.mp4`);
	await until(`${mp4} is there`, () => existsSync(mp4), 60_000);
	const sent = await framesOf(t, clip);
	const outputs = { live, mp4, merged: path.join(home, 'output_merge', 'index.m3u8') };
	for (const [output, file] of Object.entries({
		...outputs,
		separate: path.join(home, 'output_separate', 'index.m3u8'),
	})) {
		const frames = await framesOf(t, file);
		assert.deepEqual(frames.video, sent.video, `${output}: pictures`);
		assertRun(frames.audio, sent.audio, output);
	}
	for (const file of [live, mp4]) {
		const entries = ['-show_entries', 'stream=codec_tag_string', '-of', 'csv=p=0'];
		const found = (await new Program(t, 'ffprobe', ['-v', 'error', ...entries, file]).succeed()).match(/[\w-]+/g);
		assert.deepEqual(found, [...tags], file);
	}
	const master = readFileSync(path.join(home, 'output_separate', 'index.m3u8'), 'utf8');
	assert.match(/CODECS="([^"]*)"/.exec(master)?.[1] ?? '', codecs);
	const hls = path.join(server.media, 'hls', 'live', name, 'index.m3u8');
	assert.equal(existsSync(hls), ts !== null, 'HLS with MPEG-TS');
	if (ts !== null) {
		const frames = await framesOf(t, hls);
		assert.deepEqual(frames.video, sent.video, 'MPEG-TS: pictures');
		if (ts === 'both') {
			assertRun(frames.audio, sent.audio, 'MPEG-TS');
		} else {
			assert.equal(frames.audio.length, 0);
		}
	}
}

/** Everything that a stream's LL-HLS playlist lists until its end, in one file. */
async function followLive(server: ServerProcess, name: string, publisher: Program): Promise<string> {
	const url = server.httpUrl(`hls/live/${name}/live.m3u8`);
	const seen = new Set<string>();
	const bytes: Buffer[] = [];
	let over = false;
	void publisher
		.exit()
		.then(() => sleep(5000))
		.then(() => {
			over = true;
		});
	for (let ended = false; !ended && !over; ) {
		await sleep(200);
		const answer = await fetch(url);
		if (!answer.ok) {
			continue;
		}
		const playlist = parseMediaPlaylist(await answer.text());
		ended = playlist.ended;
		for (const uri of playlist.segments.flatMap(({ map, uri }) => [map!, uri])) {
			if (!seen.has(uri)) {
				seen.add(uri);
				bytes.push(Buffer.from(await (await fetch(new URL(uri, url))).arrayBuffer()));
			}
		}
	}
	const file = path.join(server.directory, `${name}-live.mp4`);
	writeFileSync(file, Buffer.concat(bytes));
	return file;
}

/** Hashes of pictures as they are decoded, and of sound as it is coded: an edit list may cut decoded sound to the sample. */
async function framesOf(t: TestContext, file: string): Promise<{ video: string[]; audio: string[] }> {
	const output = ['-map', '0:v', '-fps_mode', 'passthrough', '-f', 'framemd5', '-'];
	const ffmpeg = new Program(t, 'ffmpeg', ['-v', 'error', '-xerror', '-i', file, ...output]);
	const text = await ffmpeg.succeed();
	assert.equal(ffmpeg.stderr, '', file);
	const lines = text.split('\n').filter((line) => /^\d/.test(line));
	const entries = [
		'-select_streams',
		'a',
		'-show_entries',
		'packet=data_hash',
		'-show_data_hash',
		'md5',
		'-of',
		'csv=p=0',
	];
	const sound = await new Program(t, 'ffprobe', ['-v', 'error', ...entries, file]).succeed();
	return {
		video: lines.map((line) => line.split(',').at(-1)!.trim()),
		audio: [...sound.matchAll(/[0-9a-f]{32}/g)].map(([hash]) => hash),
	};
}

/** Sound from some frame near the start on, to the end. */
function assertRun(received: readonly string[], sent: readonly string[], output: string): void {
	const skipped = sent.length - received.length;
	assert.ok(skipped >= 0 && skipped <= MAX_BEFORE_KEYFRAME, `${output}: ${received.length} sounds of ${sent.length}`);
	assert.deepEqual(received, sent.slice(skipped), `${output}: sound`);
}
