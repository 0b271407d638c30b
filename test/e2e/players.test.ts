import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { launchBrowser } from '../support/browser.js';
import { patient } from '../support/patience.js';
import { publish } from '../support/publish.js';
import { startServer } from '../support/test-server.js';
import { missing } from '../support/tools.js';
import { until } from '../support/until.js';

const require = createRequire(import.meta.url);
const SCRIPTS: Record<string, string> = {
	'/hls.js': require.resolve('hls.js/dist/hls.min.js'),
	'/mpegts.js': require.resolve('mpegts.js/dist/mpegts.js'),
};
const PLAYED_SECONDS = 60;
/** Until the slowest of them plays: a playlist of TS begins with its third segment. */
const START_TIMEOUT_MS = 60_000;

/** The result of the page's `look()` for one player. */
type Look = {
	/** Played so far, in the media's time. */
	playedSeconds: number;
	/** Pictures shown. */
	pictures: number;
	/** The picture in small. */
	pixels: number[];
	/** Errors that the player has reported. */
	faults: string[];
	/** The longest time without progress, once it has played. */
	stallMs: number;
	/** Behind the moment at which the server got what is shown, where the player knows; else behind what it has loaded. */
	latencySeconds: number;
	/** By hls.js. */
	parts: number;
	blockingReloads: number;
};

const PLAYERS = [
	{ name: 'hls.js, MPEG-TS', kind: 'hls', path: 'hls/live/a/index.m3u8' },
	{ name: 'hls.js, fMP4', kind: 'hls', path: 'hls/live/a/live.m3u8' },
	{ name: 'hls.js, low latency', kind: 'hlsLow', path: 'hls/live/a/live.m3u8' },
	{ name: 'mpegts.js, HTTP-FLV', kind: 'flv', path: 'live/a.flv' },
	{ name: 'mpegts.js, WebSocket-FLV', kind: 'flv', path: 'live/a.flv', webSocket: true },
	{ name: 'Chromium, MPEG-TS', kind: 'native', path: 'hls/live/a/index.m3u8' },
	{ name: 'Chromium, fMP4', kind: 'native', path: 'hls/live/a/live.m3u8' },
] as const;

test('browsers play everything live for a minute: the picture moves, time goes on, nothing stalls', {
	skip: missing('chromium'),
	timeout: patient(200_000),
}, async (t) => {
	const server = await startServer(t, { config: { hls: { segment: '1500ms' }, record: { flv: false, fmp4: false } } });
	await publish(t, server.rtmpUrl('live/a'));
	const live = server.httpUrl('hls/live/a/live.m3u8');
	await until('there is HLS', async () => {
		const [ts, fmp4] = await Promise.all([fetch(server.httpUrl('hls/live/a/index.m3u8')), fetch(live)]);
		return (await ts.text()).split('#EXTINF').length > 3 && (await fmp4.text()).split('#EXTINF').length > 3;
	});
	const page = await (await launchBrowser(t)).newPage();
	await page.goto(await servePage(t));
	for (const { kind, path, ...player } of PLAYERS) {
		const url = 'webSocket' in player ? server.wsUrl(path) : server.httpUrl(path);
		await page.evaluate(`play(${JSON.stringify(kind)}, ${JSON.stringify(url)})`);
	}
	const look = (index: number): Promise<Look> => page.evaluate(`look(${index})`);
	const looks: Look[] = [];
	for (const [index, { name }] of PLAYERS.entries()) {
		const starts = page.waitForFunction(`look(${index}).playedSeconds > 1`, undefined, {
			timeout: patient(START_TIMEOUT_MS),
		});
		await starts.catch(async (error: unknown) =>
			assert.fail(`${name} does not play: ${(await look(index)).faults}, ${error}`),
		);
		looks.push(await look(index));
	}
	const minute = PLAYERS.map((_, index) =>
		page.waitForFunction(`look(${index}).playedSeconds > ${looks[index]!.playedSeconds + PLAYED_SECONDS}`, undefined, {
			timeout: patient(PLAYED_SECONDS * 1500),
		}),
	);
	const played = await Promise.allSettled(minute);
	for (const [index, { name, kind, path }] of PLAYERS.entries()) {
		await t.test(name, async (t) => {
			const [before, after] = [looks[index]!, await look(index)];
			const { pictures, playedSeconds, stallMs, latencySeconds, faults } = after;
			t.diagnostic(
				`${pictures} pictures in ${playedSeconds.toFixed(1)} s, ${latencySeconds.toFixed(2)} s behind, longest stall ${stallMs} ms`,
			);
			// A browser with seven players on a busy machine may be late with a request; the player asks again.
			assert.deepEqual(
				faults.filter((fault) => fault !== 'networkError levelLoadTimeOut false'),
				[],
			);
			assert.equal(played[index]!.status, 'fulfilled', `played ${playedSeconds - before.playedSeconds} s`);
			assert.ok(new Set(before.pixels).size > 2, 'the picture shows something');
			assert.notDeepEqual(after.pixels, before.pixels, 'the picture moves');
			assert.ok(pictures - before.pictures > PLAYED_SECONDS * 12, `${pictures - before.pictures} pictures`);
			assert.equal(after.parts > PLAYED_SECONDS, kind === 'hlsLow', `${after.parts} parts were loaded`);
			assert.equal(after.blockingReloads > PLAYED_SECONDS / 4, path.endsWith('live.m3u8') && kind !== 'native');
		});
	}
});

/** A web site with one page on which any number of players can be started. */
async function servePage(t: TestContext): Promise<string> {
	const page = `<!doctype html><script src="/hls.js"></script><script src="/mpegts.js"></script>
		<script>
			const players = [];
			const kinds = {
				hls: (video, url, state) => playHls(video, url, state, { lowLatencyMode: false }),
				hlsLow: (video, url, state) => playHls(video, url, state, { lowLatencyMode: true }),
				flv(video, url, { faults }) {
					const player = mpegts.createPlayer({ type: 'flv', isLive: true, url });
					player.on(mpegts.Events.ERROR, (...fault) => faults.push(fault.join(' ')));
					player.attachMediaElement(video);
					player.load();
					return () => loadedAhead(video);
				},
				native(video, url, { faults }) {
					video.addEventListener('error', () => faults.push(video.error.message));
					video.src = url;
					return () => loadedAhead(video);
				},
			};
			function playHls(video, url, { faults, loaded }, config) {
				const player = new Hls(config);
				player.on(Hls.Events.ERROR, (_, { type, details, fatal }) => {
					// Stalls are measured; a step over the delay of B-frames before the first picture is none.
					if (fatal || !/bufferStalledError|bufferSeekOverHole|bufferNudgeOnStall/.test(details)) {
						faults.push([type, details, fatal].join(' '));
					}
				});
				player.on(Hls.Events.FRAG_LOADED, (_, { part }) => { loaded.parts += part ? 1 : 0; });
				player.on(Hls.Events.LEVEL_LOADED, (_, { networkDetails }) => {
					loaded.blockingReloads += networkDetails.responseURL.includes('_HLS_msn') ? 1 : 0;
				});
				player.loadSource(url);
				player.attachMedia(video);
				return () => (Date.now() - player.playingDate) / 1000;
			}
			function loadedAhead(video) {
				return video.buffered.length === 0 ? 0 : video.buffered.end(video.buffered.length - 1) - video.currentTime;
			}
			function play(kind, url) {
				const video = Object.assign(document.createElement('video'), { muted: true, crossOrigin: 'anonymous', width: 160 });
				document.body.append(video);
				const loaded = { parts: 0, blockingReloads: 0 };
				const state = { video, faults: [], loaded, stallMs: 0, movedAt: 0, time: 0 };
				state.latency = kinds[kind](video, url, state);
				video.play().catch((error) => state.faults.push(String(error)));
				players.push(state);
			}
			setInterval(() => {
				for (const state of players) {
					if (playedOf(state.video) < 1) {
						continue;
					}
					if (state.movedAt !== 0) {
						state.stallMs = Math.max(state.stallMs, Math.round(performance.now() - state.movedAt));
					}
					if (state.video.currentTime !== state.time) {
						state.movedAt = performance.now();
						state.time = state.video.currentTime;
					}
				}
			}, 100);
			/** The timeline need not start at 0: only what was played counts. */
			function playedOf(video) {
				let seconds = 0;
				for (let range = 0; range < video.played.length; range++) {
					seconds += video.played.end(range) - video.played.start(range);
				}
				return seconds;
			}
			function look(index) {
				const { video, faults, loaded, stallMs, latency } = players[index];
				const context = Object.assign(document.createElement('canvas'), { width: 64, height: 36 }).getContext('2d');
				context.drawImage(video, 0, 0, 64, 36);
				const pixels = [...context.getImageData(0, 0, 64, 36).data];
				const pictures = video.getVideoPlaybackQuality().totalVideoFrames;
				return { playedSeconds: playedOf(video), pictures, pixels, faults, stallMs, latencySeconds: latency(), ...loaded };
			}
		</script><body>`;
	const site = createServer((request, response) => {
		const script = SCRIPTS[request.url ?? ''];
		response.setHeader('Content-Type', script === undefined ? 'text/html' : 'text/javascript');
		response.end(script === undefined ? page : readFileSync(script));
	});
	await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
	t.after(() => {
		site.closeAllConnections();
		site.close();
	});
	return `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
}
