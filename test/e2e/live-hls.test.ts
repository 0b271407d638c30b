import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BAR_CLIP } from '#src/tools/load/clip.js';
import { launchBrowser } from '../support/browser.js';
import { Program } from '../support/program.js';
import { publish } from '../support/publish.js';
import { ffmpegPush } from '../support/push.js';
import { startServer, until } from '../support/test-server.js';
import { missing } from '../support/tools.js';

const CLIP = fileURLToPath(BAR_CLIP);
const HLS_JS = createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js');
const PLAYED_SECONDS = 20;

test('hls.js plays one live playlist with low latency and without', {
	skip: missing('chromium'),
	timeout: 120_000,
}, async (t) => {
	const server = await startServer(t);
	await publish(t, server.rtmpUrl('live/low'));
	const site = await servePage(t);
	await until('several segments are there', async () => {
		const playlist = await (await fetch(server.httpUrl('hls/live/low/live.m3u8'))).text();
		return playlist.split('#EXTINF').length > 4;
	});
	const browser = await launchBrowser(t);
	const url = encodeURIComponent(server.httpUrl('hls/live/low/live.m3u8'));
	const pages = await Promise.all(
		['low', 'plain'].map(async (mode) => {
			const page = await browser.newPage();
			await page.goto(`${site}/?${mode}&${url}`);
			return { mode, page };
		}),
	);
	for (const { mode, page } of pages) {
		await t.test(mode, async () => {
			await page.waitForFunction('look().atSeconds > 1', undefined, { timeout: 30_000 });
			const before: Look = await page.evaluate('look()');
			await page.waitForFunction(`look().atSeconds > ${before.atSeconds + PLAYED_SECONDS}`, undefined, {
				timeout: (PLAYED_SECONDS + 20) * 1000,
			});
			const after: Look = await page.evaluate('look()');
			t.diagnostic(`${mode}: ${after.latencySeconds.toFixed(2)} s behind, ${after.stalls.length} stalls`);
			assert.ok(new Set(before.pixels).size > 2, 'the picture shows something');
			assert.notDeepEqual(after.pixels, before.pixels, 'the picture moves');
			assert.deepEqual(after.faults, []);
			// A second of buffer is not much on a machine that is busy with other tests.
			assert.ok(mode === 'low' || after.stalls.length === 0, after.stalls.join());
			assert.equal(after.parts > PLAYED_SECONDS, mode === 'low', `${after.parts} parts were loaded`);
			assert.ok(after.blockingReloads > PLAYED_SECONDS / 4, `${after.blockingReloads} blocking reloads`);
		});
	}
});

test('ffmpeg plays the live playlist: every frame that was sent decodes to the same picture', {
	skip: missing('ffmpeg'),
	timeout: 90_000,
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

type Look = {
	atSeconds: number;
	/** Behind the moment at which the server got what is shown. */
	latencySeconds: number;
	pixels: number[];
	/** Errors of the player. */
	faults: string[];
	/** Once it has played. */
	stalls: string[];
	parts: number;
	blockingReloads: number;
};

/** A web site with one page: a player of the URL in its query. */
async function servePage(t: TestContext): Promise<string> {
	const page = `<!doctype html><video id="video" muted autoplay crossorigin></video>
		<script src="/hls.js"></script>
		<script>
			const video = document.getElementById('video');
			const [mode, url] = location.search.slice(1).split('&').map(decodeURIComponent);
			const [faults, stalls] = [[], []];
			const loaded = { parts: 0, blockingReloads: 0 };
			const player = new Hls({ lowLatencyMode: mode === 'low' });
			player.on(Hls.Events.ERROR, (event, { details, error }) => {
				(details === Hls.ErrorDetails.BUFFER_STALLED_ERROR ? stalls : faults).push(details + ' ' + error);
			});
			player.on(Hls.Events.FRAG_LOADED, (event, { part }) => { loaded.parts += part ? 1 : 0; });
			player.on(Hls.Events.LEVEL_LOADED, (event, { networkDetails }) => {
				loaded.blockingReloads += networkDetails.responseURL.includes('_HLS_msn') ? 1 : 0;
			});
			player.loadSource(url);
			player.attachMedia(video);
			function look() {
				const context = Object.assign(document.createElement('canvas'), { width: 64, height: 36 }).getContext('2d');
				context.drawImage(video, 0, 0, 64, 36);
				const pixels = [...context.getImageData(0, 0, 64, 36).data];
				// The timeline need not start at 0: only what was played counts.
				const played = video.played.length === 0 ? 0 : video.currentTime - video.played.start(0);
				const latencySeconds = (Date.now() - player.playingDate) / 1000;
				return { atSeconds: played, latencySeconds, pixels, faults, stalls, ...loaded };
			}
		</script>`;
	const site = createServer((request, response) => {
		const script = request.url === '/hls.js';
		response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html');
		response.end(script ? readFileSync(HLS_JS) : page);
	});
	await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
	t.after(() => {
		site.closeAllConnections();
		site.close();
	});
	return `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
}
