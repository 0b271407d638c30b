import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { playlistViolations } from '#src/protocol/m3u8/playlist-rules.js';
import { assertSameMedia, type Decoded, decode } from '../support/decoded.js';
import { readFlvFile } from '../support/flv-file.js';
import { patient } from '../support/patience.js';
import { Program } from '../support/program.js';
import { inCi, missing } from '../support/tools.js';
import type { TrackReport } from './ffmpeg8.js';

const SERVER = fileURLToPath(new URL('../../supervisor.js', import.meta.url));
const FFMPEG8 = fileURLToPath(new URL('./ffmpeg8.js', import.meta.url));
const NODE_AV = new URL('../../../test/e2e/ffmpeg8/node_modules/node-av/package.json', import.meta.url);
const TONE = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'];

/** Sources that Debian's ffmpeg can make as FLV. */
const sources: { name: string; args: string[] }[] = [
	{
		name: 'H.264 with B-frames and AAC',
		args: [
			...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30', ...TONE, '-t', '14'],
			...['-c:v', 'libx264', '-preset', 'veryfast', '-g', '60', '-bf', '2', '-c:a', 'aac', '-b:a', '64k'],
		],
	},
	{
		name: 'H.264 without B-frames at 29.97 and MP3',
		args: [
			...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30000/1001', ...TONE, '-t', '9'],
			...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '45', '-c:a', 'libmp3lame'],
		],
	},
	{
		name: 'sound alone',
		args: [...TONE, '-t', '10', '-c:a', 'aac', '-ac', '2'],
	},
	{
		name: 'picture alone',
		args: [...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-t', '9'], '-c:v', 'libx264', '-g', '50'],
	},
];

describe('millrace remux', { skip: missing('ffmpeg', 'ffprobe'), timeout: patient(240_000) }, () => {
	let root: string;
	before(async () => {
		root = await mkdtemp(path.join(tmpdir(), 'millrace-remux-'));
	});
	after(async () => {
		await rm(root, { recursive: true });
	});

	async function remux(t: TestContext, input: string, output: string): Promise<string> {
		const file = path.join(root, output);
		await new Program(t, process.execPath, [SERVER, 'remux', input, file]).succeed();
		return file;
	}

	for (const [index, { name, args }] of sources.entries()) {
		test(`keeps every frame and every time of ${name}`, async (t) => {
			const source = path.join(root, `source${index}.flv`);
			await new Program(t, 'ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args, source]).succeed();
			const original = await decode(t, source);
			const check = async (file: string): Promise<void> => {
				assertSameMedia(await decode(t, file), original, path.basename(file));
			};
			const mp4 = await remux(t, source, `${index}.mp4`);
			await check(mp4);
			const flv = await remux(t, mp4, `${index}.from-mp4.flv`);
			await check(flv);
			checkSeekIndex(flv);
			const ts = await remux(t, source, `${index}.ts`);
			await check(ts);
			await check(await remux(t, ts, `${index}.from-ts.flv`));
			await check(await remux(t, source, `${index}.again.flv`));
			const take = await remux(t, source, `take${index}`);
			await check(path.join(take, 'output_merge', 'index.m3u8'));
			await check(path.join(take, 'output_merge', `take${index}_full.mp4`));
			await check(path.join(take, 'output_separate', 'index.m3u8'));
			// ffmpeg's HLS reader gets the times of the first sound frames of a stream without pictures wrong, also of its own.
			const hls = await decode(t, path.join(await remux(t, source, `${index}/hls`), 'index.m3u8'));
			assert.deepEqual(hls.hashes, original.hashes);
			await check(path.join(await remux(t, source, `${index}/fmp4`), 'index.m3u8'));
			const directories = [`take${index}/output_merge`, `${index}/hls`, `${index}/fmp4`];
			for (const playlist of directories.map((directory) => `${directory}/index.m3u8`)) {
				const parsed = parseMediaPlaylist(await readFile(path.join(root, playlist), 'utf8'));
				assert.deepEqual(playlistViolations(parsed), [], playlist);
			}
		});
	}

	test('keeps HEVC, AV1 and Opus on their way through Enhanced FLV', {
		skip: existsSync(NODE_AV) || inCi() ? false : 'not installed: node-av (npm install in test/e2e/ffmpeg8)',
	}, async (t) => {
		for (const name of ['hevc-opus', 'av1-opus']) {
			const fixture = fileURLToPath(new URL(`../../../test/fixtures/${name}.mp4`, import.meta.url));
			const original = await decode(t, fixture);
			const flv = await remux(t, fixture, `${name}.flv`);
			const report: TrackReport[] = JSON.parse(
				await new Program(t, process.execPath, [FFMPEG8, 'frames', flv]).succeed(),
			);
			assert.deepEqual(
				report.map(({ decoded }) => decoded > 0),
				[true, true],
				`FFmpeg 8 decodes ${name}.flv`,
			);
			// One Enhanced FLV is written by FFmpeg 8 itself, the other by us.
			const theirs = path.join(root, `${name}.theirs.flv`);
			await new Program(t, process.execPath, [FFMPEG8, 'publish', fixture, theirs]).succeed();
			for (const [which, source] of Object.entries({ ours: flv, theirs })) {
				const decoded: Decoded = await decode(t, await remux(t, source, `${name}.${which}.mp4`));
				assert.deepEqual(decoded.hashes, original.hashes, `${name} from ${which}`);
				const take = await remux(t, source, `${name}-${which}`);
				const merged = await decode(t, path.join(take, 'output_merge', 'index.m3u8'));
				assert.deepEqual(merged.hashes, original.hashes, `${name} from ${which} as fMP4`);
			}
		}
	});

	test('refuses what is no media file in one line', async (t) => {
		const program = new Program(t, process.execPath, [SERVER, 'remux', SERVER, path.join(root, 'x.mp4')]);
		assert.equal(await program.exit(), 1);
		assert.match(program.stderr, /^millrace remux: .*\n$/);
	});
});

/** Every entry of the index is where a tag of that time begins: the sequence header, then keyframes, or else sound. */
function checkSeekIndex(file: string): void {
	const { keyframes, tags, metadata, sizeBytes } = readFlvFile(file);
	assert.equal(metadata['filesize'], sizeBytes);
	assert.equal(metadata['duration'], Math.max(...tags.map(({ timeMs }) => timeMs)) / 1000);
	assert.ok(keyframes !== null && keyframes.timesMs.length > 2);
	const timeAt = new Map(tags.map(({ position, timeMs }) => [position, timeMs]));
	assert.deepEqual(
		keyframes.positions.map((position) => timeAt.get(position)),
		keyframes.timesMs,
	);
}
