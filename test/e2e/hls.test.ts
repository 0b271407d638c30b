import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { MediaPlaylist } from '#src/protocol/m3u8/media-playlist.js';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { PlaylistChecker } from '#src/protocol/m3u8/playlist-rules.js';
import { BAR_CLIP } from '#src/tools/load/clip.js';
import { launchBrowser } from '../support/browser.js';
import { assertSameMedia, decode } from '../support/decoded.js';
import { hlsPage, type Look } from '../support/hls-page.js';
import { patient } from '../support/patience.js';
import { childrenOf } from '../support/processes.js';
import { Program } from '../support/program.js';
import { publish } from '../support/publish.js';
import { ffmpegPush } from '../support/push.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { missing } from '../support/tools.js';
import { sleep, until } from '../support/until.js';

const CLIP = fileURLToPath(BAR_CLIP);
const HLS_ONLY = { flv: false, fmp4: false };
const SHORT = { segment: '1s', maxSegment: '2s', window: '10s' };
const PLAYED_SECONDS = 6;
/** Fifty kills of recorders alone are in killed-recorders.test.ts. */
const WHOLE_SERVER_KILLS = 3;

for (const [what, hls] of [
	['plain', {}],
	['encrypted', { encryption: { enabled: true, rotate: 2 }, segment: '1s' }],
] as const) {
	test(`FFmpeg decodes ${what} HLS to the very frames that were published`, {
		skip: missing('ffmpeg', 'ffprobe'),
		timeout: patient(90_000),
	}, async (t) => {
		const server = await startServer(t, { config: { publish: { grace: '0s' }, record: HLS_ONLY, hls } });
		await ffmpegPush(t, CLIP, server.rtmpUrl('live/whole')).succeed();
		await until('HLS is finished', () => server.output.includes('HLS is finished'));
		const url = server.httpUrl('hls/live/whole/index.m3u8');
		const answer = await fetch(url);
		assert.equal(answer.headers.get('content-type'), 'application/vnd.apple.mpegurl');
		assert.equal(answer.headers.get('access-control-allow-origin'), '*');
		const playlist = parseMediaPlaylist(await answer.text());
		assert.equal(playlist.ended, true);
		assert.equal(playlist.segments.filter(({ discontinuity }) => discontinuity).length, 0);
		const options = ['-allowed_extensions', 'ALL'];
		assertSameMedia(await decode(t, url, options), await decode(t, CLIP), what);
	});
}

test('hls.js plays encrypted HLS in a browser: the picture moves and time goes on', {
	skip: missing('chromium'),
	timeout: patient(120_000),
}, async (t) => {
	const server = await startServer(t, {
		config: { record: HLS_ONLY, hls: { ...SHORT, encryption: { enabled: true, rotate: 5 } } },
	});
	await publish(t, server.rtmpUrl('live/watched'));
	const url = server.httpUrl('hls/live/watched/index.m3u8');
	await until('there is HLS', async () => (await fetch(url)).status === 200, 30_000);
	const browser = await launchBrowser(t);
	const page = await browser.newPage();
	await page.goto(await hlsPage(t, url));
	await page.waitForFunction('look().atSeconds > 0.5', undefined, { timeout: patient(30_000) });
	const before: Look = await page.evaluate('look()');
	await page.waitForFunction(`look().atSeconds > ${before.atSeconds + PLAYED_SECONDS}`, undefined, {
		timeout: patient(3000) * PLAYED_SECONDS,
	});
	const after: Look = await page.evaluate('look()');
	assert.ok(new Set(before.pixels).size > 2, 'the picture shows something');
	assert.notDeepEqual(after.pixels, before.pixels, 'the picture moves');
	// Before the first picture hls.js may step over the frame or two by which B-frames delay it; after that, over nothing.
	const atStart = before.faults.filter((fault) => fault !== 'mediaError bufferSeekOverHole false');
	assert.deepEqual(atStart, []);
	assert.deepEqual(after.faults.slice(before.faults.length), []);
});

test('a server that is stopped and started again goes on with the playlist', {
	timeout: patient(90_000),
}, async (t) => {
	const media = await mkdtemp(path.join(tmpdir(), 'millrace-media-'));
	t.after(() => rm(media, { recursive: true, force: true }));
	const config = { media, record: HLS_ONLY, hls: SHORT, publish: { grace: '2s' } };
	const directory = path.join(media, 'hls', 'live', 'a');
	const checker = new PlaylistChecker();
	const first = await startServer(t, { config });
	await publish(t, first.rtmpUrl('live/a'));
	const before = await see(checker, directory, ({ segments }) => segments.length >= 4);
	await first.stop();
	assert.equal(readPlaylist(directory)?.ended, false, 'players wait for the server to come back');
	const second = await startServer(t, { config });
	const publisher = await publish(t, second.rtmpUrl('live/a'));
	const { mediaSequence, segments } = await see(
		checker,
		directory,
		(playlist) => playlist.mediaSequence + playlist.segments.length > before.mediaSequence + 8,
	);
	assert.ok(mediaSequence >= before.mediaSequence);
	assert.equal(segments.filter(({ discontinuity }) => discontinuity).length, 1);
	publisher.close();
	await see(checker, directory, ({ ended }) => ended);
	assert.deepEqual(checker.violations, []);
});

test('a playlist that nobody comes back to is ended by the next process', { timeout: patient(60_000) }, async (t) => {
	const server = await startServer(t, { config: { record: HLS_ONLY, hls: SHORT, publish: { grace: '1s' } } });
	await publish(t, server.rtmpUrl('live/a'));
	const directory = path.join(server.media, 'hls', 'live', 'a');
	await see(new PlaylistChecker(), directory, ({ segments }) => segments.length >= 2);
	process.kill(childrenOf(server.pid)[0]!, 'SIGKILL');
	await until('the playlist is ended', () => readPlaylist(directory)?.ended === true);
	await until('the log says so', () => server.output.includes('"recovered":true'));
});

test('a server killed at any moment leaves valid playlists of whole segments', {
	skip: missing('ffprobe'),
	timeout: patient(150_000),
}, async (t) => {
	const server = await startServer(t, { config: { record: HLS_ONLY, hls: SHORT, publish: { grace: '10s' } } });
	const directory = path.join(server.media, 'hls', 'live', 'a');
	const checker = new PlaylistChecker();
	let listed = 0;
	for (let kill = 0; kill < WHOLE_SERVER_KILLS; kill++) {
		await until('the server is back', async () => (await fetch(server.adminUrl('readyz'))).status === 200);
		const publisher = await publish(t, server.rtmpUrl('live/a'));
		const next = listed + 1 + Math.floor(Math.random() * 3);
		const seen = await see(checker, directory, (playlist) => playlist.mediaSequence + playlist.segments.length > next);
		listed = seen.mediaSequence + seen.segments.length;
		await sleep(Math.random() * 2000);
		const [child] = childrenOf(server.pid);
		process.kill(child!, 'SIGKILL');
		publisher.close();
		await until('it is gone', () => !childrenOf(server.pid).includes(child!));
		checker.see(readFileSync(path.join(directory, 'index.m3u8'), 'utf8'));
		await probeSegments(t, server, directory);
	}
	assert.deepEqual(checker.violations, []);
});

/** Looks at the playlist as often as it may change, until it is as wanted. */
async function see(
	checker: PlaylistChecker,
	directory: string,
	wanted: (playlist: MediaPlaylist) => boolean,
): Promise<MediaPlaylist> {
	const file = path.join(directory, 'index.m3u8');
	let seen: MediaPlaylist | null = null;
	await until(
		'the playlist is as wanted',
		() => {
			seen = existsSync(file) ? checker.see(readFileSync(file, 'utf8')) : null;
			return seen !== null && wanted(seen);
		},
		40_000,
	);
	return seen!;
}

function readPlaylist(directory: string): MediaPlaylist | null {
	const file = path.join(directory, 'index.m3u8');
	return existsSync(file) ? parseMediaPlaylist(readFileSync(file, 'utf8')) : null;
}

/** Every segment that the playlist lists is there and whole. */
async function probeSegments(t: TestContext, server: ServerProcess, directory: string): Promise<void> {
	for (const { uri } of readPlaylist(directory)!.segments.slice(-3)) {
		const ffprobe = new Program(t, 'ffprobe', ['-v', 'error', '-count_frames', path.join(directory, uri)]);
		await ffprobe.succeed();
		assert.equal(ffprobe.stderr, '', `${uri}\n${server.output.slice(-2000)}`);
	}
}
