import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { PlaylistChecker } from '#src/protocol/m3u8/playlist-rules.js';
import { launchBrowser } from '../support/browser.js';
import { decode } from '../support/decoded.js';
import { hlsPage, type Look } from '../support/hls-page.js';
import { patient } from '../support/patience.js';
import { Program } from '../support/program.js';
import { publish } from '../support/publish.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { missing } from '../support/tools.js';
import { until } from '../support/until.js';

/** Each GOP of the clip, 1.92 s, is a segment. */
const SHORT = { segment: '1s', maxSegment: '2s' };
const MERGED = 'mp4/live/cam/output_merge/index.m3u8';
const SEPARATE = 'mp4/live/cam/output_separate/index.m3u8';
const TS = 'hls/live/cam/index.m3u8';
const BACK_SECONDS = 12;
/** Players need this long to load before the first picture, and to estimate the edge, on a busy machine. */
/** The player goes on by itself after these; a busy browser may be late with a request. */
const HARMLESS = ['mediaError bufferSeekOverHole false', 'networkError levelLoadTimeOut false'];
const SLACK_SECONDS = 5;
const FRAME_SECONDS = 0.04;

test('viewers go back in a running stream and on to its edge, and cut clips to the frame', {
	skip: missing('ffmpeg', 'ffprobe', 'chromium'),
	timeout: patient(150_000),
}, async (t) => {
	const record = { flv: false, minFree: 0 };
	const apps = { window: { record: { fmp4: false, hls: false }, dvr: { window: '4s' } } };
	const server = await startServer(t, { config: { record, hls: SHORT, publish: { grace: '500ms' }, apps } });
	const publisher = await publish(t, server.rtmpUrl('live/cam'));
	await publish(t, server.rtmpUrl('window/cam'));
	await until('there is something to go back to', async () => {
		return (await secondsOf(server, MERGED)) > BACK_SECONDS + 2 && (await secondsOf(server, TS)) > BACK_SECONDS + 2;
	});
	const browser = await launchBrowser(t);
	const followed = await followReloads(t, server);
	const [copied] = await Promise.all([
		copyFromThen(t, server),
		...[MERGED, SEPARATE, TS].map((playlist) => watchFromThen(t, browser, server, playlist)),
	]);
	await followed();
	await keepsWindow(t, server);
	publisher.close();
	const take = path.join(server.media, MERGED);
	await until('the take has ended', () => existsSync(path.join(path.dirname(take), 'cam_full.mp4')));

	const whole = await decode(t, take);
	const first = whole.ptsSeconds.video[0]!;
	// ffmpeg takes whole segments: what it copied is a run of the take's frames that begins with a keyframe.
	const from = whole.hashes.video.indexOf(copied.hashes.video[0]!);
	assert(from > 0);
	assert.deepEqual(copied.hashes.video, whole.hashes.video.slice(from, from + copied.hashes.video.length));
	for (const [fromSeconds, toSeconds] of [
		[3.3, 7.7],
		[5.76, 8.01],
	] as const) {
		const clip = await fetchClip(t, server, `from=${fromSeconds}&to=${toSeconds}`);
		const { hashes } = await decode(t, clip);
		const wanted = whole.hashes.video.filter((_, index) => {
			const seconds = whole.ptsSeconds.video[index]! - first;
			return seconds >= fromSeconds - 0.001 && seconds < toSeconds - 0.001;
		});
		assert.deepEqual(hashes.video, wanted, `pictures from ${fromSeconds} to ${toSeconds}`);
		assert(Math.abs(wanted.length * FRAME_SECONDS - (toSeconds - fromSeconds)) <= FRAME_SECONDS);
		const shown = await durations(t, clip);
		for (const [what, seconds] of Object.entries(shown)) {
			assert(Math.abs(seconds - (toSeconds - fromSeconds)) < 0.0015, `${what} lasts ${seconds} s`);
		}
		await sameSound(t, take, clip, fromSeconds + first);
	}
	for (const query of ['from=abc', 'from=9&to=3', 'from=99999', 'from=2999-01-01T00:00:00Z', 'to=1e3']) {
		const { status } = await fetch(server.httpUrl(`mp4/live/cam/clip.mp4?${query}`));
		assert.equal(status, 400, query);
	}
	const none = await fetch(server.httpUrl('mp4/live/nobody/clip.mp4?from=-5'));
	assert.equal(none.status, 404);
	assert.match(await none.text(), /record.fmp4/);
});

/** Seconds that a playlist of the server lists. */
async function secondsOf(server: ServerProcess, playlist: string): Promise<number> {
	const response = await fetch(server.httpUrl(playlist));
	const text = await response.text();
	return response.ok ? parseMediaPlaylist(text).segments.reduce((sum, { duration }) => sum + duration, 0) : 0;
}

/** Checks that the disk holds no more of a stream that is not recorded than players may ask for. */
async function keepsWindow(t: TestContext, server: ServerProcess): Promise<void> {
	const playlist = MERGED.replace('live', 'window');
	assert((await secondsOf(server, playlist)) < 12);
	const segments = readdirSync(path.join(server.media, path.dirname(playlist))).filter((name) => name.endsWith('.m4s'));
	assert(segments.length < 14, `${segments.length} segments of 2 s`);
	assert(!segments.includes('segment_1.m4s'));
	const { hashes } = await decode(t, await fetchClip(t, server, 'from=-3', 'window/cam'));
	assert(Math.abs(hashes.video.length * FRAME_SECONDS - 3) <= FRAME_SECONDS);
}

/** Reloads a playlist as players do. The function that is resolved with holds that it has kept all rules, and its beginning. */
async function followReloads(t: TestContext, server: ServerProcess): Promise<() => Promise<void>> {
	const asked = server.httpUrl(`${MERGED}?start=-${BACK_SECONDS}`);
	const [uri = ''] = (await (await fetch(asked)).text()).split('\n').filter((line) => /^[^#]/.test(line));
	const checker = new PlaylistChecker();
	const look = async (): Promise<number> => checker.see(await (await fetch(new URL(uri, asked))).text()).mediaSequence;
	const begins = new Set([await look()]);
	const timer = setInterval(() => void look().then((number) => begins.add(number)), 400);
	t.after(() => clearInterval(timer));
	return async () => {
		clearInterval(timer);
		const { segments } = checker.see(await (await fetch(new URL(uri, asked))).text());
		assert(segments.reduce((sum, { duration }) => sum + duration, 0) > BACK_SECONDS + 4, 'it has grown');
		assert.deepEqual(checker.violations, []);
		assert.equal(begins.size, 1, 'its beginning stays');
	};
}

/** hls.js begins so far back, plays, faster than the stream, up to its edge, and goes on there. */
async function watchFromThen(t: TestContext, browser: Browser, server: ServerProcess, playlist: string): Promise<void> {
	const page = await browser.newPage();
	const askedAtMs = performance.now();
	await page.goto(await hlsPage(t, `${server.httpUrl(playlist)}?start=-${BACK_SECONDS}`));
	await page.waitForFunction('video.currentTime > 0 && !video.paused && look().pixels.some((byte) => byte !== 0)');
	const begun: Look = await page.evaluate('look()');
	const behind = begun.latencySeconds;
	// The edge goes on while a busy browser begins.
	const most = BACK_SECONDS + SLACK_SECONDS + (performance.now() - askedAtMs) / 1000;
	assert(behind > BACK_SECONDS - 3 && behind < most, `${playlist} begins ${behind} s back`);
	await page.evaluate('void (video.playbackRate = 3)');
	await page.waitForFunction('player.latency < 7');
	await page.evaluate('void (video.playbackRate = 1)');
	const caughtUp: Look = await page.evaluate('look()');
	await page.waitForFunction(`video.currentTime > ${caughtUp.atSeconds + 1}`);
	const later: Look = await page.evaluate('look()');
	assert.notDeepEqual(later.pixels, begun.pixels, 'the picture moves');
	const faults = later.faults.filter((fault) => !HARMLESS.includes(fault));
	assert.deepEqual(faults, [], playlist);
	await page.close();
}

/** ffmpeg begins so far back, and goes on over what had been the edge when it began. */
async function copyFromThen(t: TestContext, server: ServerProcess): Promise<Awaited<ReturnType<typeof decode>>> {
	const directory = await mkdtemp(path.join(tmpdir(), 'millrace-shift-'));
	t.after(() => rm(directory, { recursive: true }));
	const file = path.join(directory, 'copied.mp4');
	const url = `${server.httpUrl(MERGED)}?start=-${BACK_SECONDS}`;
	const input = ['-live_start_index', '0', '-i', url, '-t', String(BACK_SECONDS + 3)];
	await new Program(t, 'ffmpeg', ['-v', 'error', '-nostdin', ...input, '-c', 'copy', file]).succeed();
	const copied = await decode(t, file);
	const seconds = copied.ptsSeconds.video.at(-1)! - copied.ptsSeconds.video[0]!;
	assert(seconds > BACK_SECONDS + 2, `${seconds} s from ${BACK_SECONDS} s back`);
	return copied;
}

async function fetchClip(t: TestContext, server: ServerProcess, query: string, stream = 'live/cam'): Promise<string> {
	const response = await fetch(server.httpUrl(`mp4/${stream}/clip.mp4?${query}`));
	assert.equal(response.status, 200, query);
	const file = path.join(server.directory, `clip_${query.replaceAll(/\W/g, '_')}.mp4`);
	await writeFile(file, Buffer.from(await response.arrayBuffer()));
	t.after(() => rm(file, { force: true }));
	return file;
}

/** Returns the durations of the whole and of each track, as ffprobe tells them. */
async function durations(t: TestContext, file: string): Promise<Record<string, number>> {
	const shown = 'format=duration:stream=codec_type,duration';
	const probe = new Program(t, 'ffprobe', ['-v', 'error', '-show_entries', shown, '-of', 'json', file]);
	const { format, streams } = JSON.parse(await probe.succeed());
	const tracks = streams.map((stream: Record<string, string>) => [stream['codec_type'], Number(stream['duration'])]);
	return { file: Number(format.duration), ...Object.fromEntries(tracks) };
}

const SAMPLE_RATE = 48_000;

/** The sound of a clip is that of the take from `atSeconds` on, sample by sample. */
async function sameSound(t: TestContext, take: string, clip: string, atSeconds: number): Promise<void> {
	const whole = await pcm(t, take);
	const cut = await pcm(t, clip);
	assert(cut.length > SAMPLE_RATE);
	const start = Math.round(atSeconds * SAMPLE_RATE);
	let worst = 0;
	for (let index = 0; index < cut.length; index++) {
		worst = Math.max(worst, Math.abs(cut[index]! - whole[start + index]!));
	}
	assert(worst < 0.001, `samples differ by ${worst}`);
}

/** One channel of what ffmpeg decodes, from the take's time 0 on. */
async function pcm(t: TestContext, file: string): Promise<Float32Array> {
	const output = `${file}.pcm`;
	const resample = ['-af', 'aresample=async=1:first_pts=0', '-ac', '1', '-ar', String(SAMPLE_RATE), '-f', 'f32le'];
	await new Program(t, 'ffmpeg', [
		'-v',
		'error',
		'-nostdin',
		'-y',
		'-copyts',
		'-i',
		file,
		...resample,
		output,
	]).succeed();
	const bytes = await readFile(output);
	await rm(output);
	return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}
