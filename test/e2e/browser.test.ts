import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { chromium } from 'playwright-core';
import { BAR_CLIP, loadClip } from '#src/tools/load/clip.js';
import { PublisherGroup } from '#src/tools/load/publisher-group.js';
import { startServer } from '../support/test-server.js';
import { findProgram, missing } from '../support/tools.js';

const MPEGTS_JS = createRequire(import.meta.url).resolve('mpegts.js/dist/mpegts.js');
const CHROMIUM_FLAGS = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
];
const PLAYED_SECONDS = 3;

test('a browser with mpegts.js plays HTTP-FLV and WebSocket-FLV', {
	skip: missing('chromium'),
	timeout: 90_000,
}, async (t) => {
	const server = await startServer(t);
	const publishers = new PublisherGroup(loadClip(BAR_CLIP));
	t.after(() => publishers.close());
	await publishers.add(new URL(server.rtmpUrl('live/browser')));
	const site = await servePage(t);
	const executablePath = findProgram('chromium') ?? 'chromium';
	const browser = await chromium.launch({ executablePath, headless: true, args: CHROMIUM_FLAGS });
	t.after(() => browser.close());

	for (const url of [server.httpUrl('live/browser.flv'), server.wsUrl('live/browser.flv')]) {
		await t.test(new URL(url).protocol, async () => {
			const page = await browser.newPage();
			await page.goto(`${site}/?${encodeURIComponent(url)}`);
			await page.waitForFunction(`look().atSeconds > ${PLAYED_SECONDS}`, undefined, { timeout: 30_000 });
			const before: Look = await page.evaluate('look()');
			await page.waitForFunction(`look().atSeconds > ${before.atSeconds + 0.5}`, undefined, { timeout: 10_000 });
			const after: Look = await page.evaluate('look()');
			assert.ok(new Set(before.pixels).size > 2, 'the picture shows something');
			assert.notDeepEqual(after.pixels, before.pixels, 'the picture moves');
			assert.deepEqual(after.faults, []);
			await page.close();
		});
	}
});

/** What the page's `look()` sees: the picture in small, its time, and the errors that the player has reported. */
type Look = { atSeconds: number; pixels: number[]; faults: string[] };

/** A web site with one page: a player of the URL in its query. */
async function servePage(t: TestContext): Promise<string> {
	const page = `<!doctype html><video id="video" muted autoplay crossorigin></video>
		<script src="/mpegts.js"></script>
		<script>
			const video = document.getElementById('video');
			const faults = [];
			const url = decodeURIComponent(location.search.slice(1));
			const player = mpegts.createPlayer({ type: 'flv', isLive: true, url });
			player.on(mpegts.Events.ERROR, (...fault) => faults.push(fault.join(' ')));
			player.attachMediaElement(video);
			player.load();
			player.play();
			function look() {
				const context = Object.assign(document.createElement('canvas'), { width: 64, height: 36 }).getContext('2d');
				context.drawImage(video, 0, 0, 64, 36);
				return { atSeconds: video.currentTime, pixels: [...context.getImageData(0, 0, 64, 36).data], faults };
			}
		</script>`;
	const site = createServer((request, response) => {
		const script = request.url === '/mpegts.js';
		response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html');
		response.end(script ? readFileSync(MPEGTS_JS) : page);
	});
	await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
	t.after(() => {
		site.close();
		site.closeAllConnections();
	});
	return `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
}
