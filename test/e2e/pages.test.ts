import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { classifyAudio, classifyVideo } from '#src/container/flv/classify.js';
import { ClipPublisher } from '#src/tools/clip-publisher.js';
import { EndlessClip } from '#src/tools/endless-clip.js';
import { TagType } from '#src/tools/load/flv-scanner.js';
import { launchBrowser } from '../support/browser.js';
import { patient } from '../support/patience.js';
import { Program } from '../support/program.js';
import { startServer } from '../support/test-server.js';
import { startTlsProxy } from '../support/tls-proxy.js';
import { missing } from '../support/tools.js';
import { until } from '../support/until.js';
import { watch } from '../support/watch.js';

const DEMO_CLIP = new URL('../../../src/tools/demo.flv', import.meta.url);
/** The ways in which the player page plays. */
const VIAS = ['http', 'ws', 'll-hls', 'hls'];
const IN_TIME = { timeout: patient(30_000) };
const NEEDS_CHROMIUM = { skip: missing('chromium'), timeout: patient(120_000) };

test('the player page plays FLV by HTTP and by WebSocket, and both kinds of HLS', NEEDS_CHROMIUM, async (t) => {
	const server = await startServer(t);
	publishDemo(t, server.rtmpUrl('live/demo'));
	const browser = await launchBrowser(t);
	for (const via of VIAS) {
		const page = await open(browser, server.httpUrl(`play.html?stream=live/demo&via=${via}`));
		await page.waitForFunction(`document.getElementById('state').textContent === 'Live'`, undefined, IN_TIME);
		await page.waitForFunction(`document.getElementById('video').currentTime > 2`, undefined, IN_TIME);
		await page.waitForFunction(`document.getElementById('picture').textContent === '320 × 180'`, undefined, IN_TIME);
		assert.match((await textOf(page, 'codecs')).split(', ').sort().join(), /^avc1\.\w+,mp4a\.40\.2$/);
		assert.equal(await textOf(page, 'reconnects'), '0');
		await page.close();
	}
});

test(
	'the pages of recordings play the MP4, the FLV and both kinds of fMP4 of a stream that is over',
	NEEDS_CHROMIUM,
	async (t) => {
		const server = await startServer(t, { config: { publish: { grace: 0 }, hls: { segment: '1s' } } });
		const stop = publishDemo(t, server.rtmpUrl('live/demo'));
		const full = server.httpUrl('mp4/live/demo/output_merge/demo_full.mp4');
		await until(
			'there are segments',
			async () => (await fetch(server.httpUrl('mp4/live/demo/output_merge/segment_2.m4s'))).ok,
		);
		const browser = await launchBrowser(t);
		const early = await open(browser, server.httpUrl('mp4.html?stream=live/demo'));
		await early.waitForFunction(
			`/is being recorded/.test(document.getElementById('message').textContent)`,
			undefined,
			IN_TIME,
		);
		stop();
		await until('the MP4 is made', async () => (await fetch(full, { method: 'HEAD' })).ok);
		for (const address of ['mp4.html?', 'video.html?', 'play_merge.html?', 'play_merge.html?format=separate&']) {
			const page = await open(browser, server.httpUrl(`${address}stream=live/demo`));
			await page.waitForFunction(`document.getElementById('state').textContent === 'Playing'`, undefined, IN_TIME);
			await page.waitForFunction(`document.getElementById('video').currentTime > 1`, undefined, IN_TIME);
			await page.waitForFunction(`document.getElementById('picture').textContent === '320 × 180'`, undefined, IN_TIME);
			const duration = Number(await page.evaluate(`document.getElementById('video').duration`));
			assert.ok(duration > 2 && duration < 60, `${address}: ${duration} s`);
			// Sought by a range of the file, or by the segment.
			await page.evaluate(`document.getElementById('video').currentTime = ${duration} - 2`);
			await page.waitForFunction(`document.getElementById('video').currentTime > ${duration} - 1`, undefined, IN_TIME);
			await page.close();
		}
	},
);

test('the player page plays on when the publisher is lost and comes back', NEEDS_CHROMIUM, async (t) => {
	const server = await startServer(t);
	publishDemo(t, server.rtmpUrl('live/demo'));
	const browser = await launchBrowser(t);
	const page = await open(browser, server.httpUrl('play.html?stream=live/demo'));
	await page.waitForFunction(`document.getElementById('video').currentTime > 2`, undefined, IN_TIME);
	await fetch(server.adminUrl('api/v1/streams/live/demo/publisher'), { method: 'DELETE' });
	await page.waitForFunction(`document.getElementById('video').currentTime > 8`, undefined, IN_TIME);
	assert.equal(await textOf(page, 'reconnects'), '0');
	assert.equal(await textOf(page, 'state'), 'Live');
});

test('the player page catches up when its tab is shown again', NEEDS_CHROMIUM, async (t) => {
	const server = await startServer(t);
	publishDemo(t, server.rtmpUrl('live/demo'));
	const browser = await launchBrowser(t);
	const page = await open(browser, server.httpUrl('play.html?stream=live/demo'));
	await page.waitForFunction(`document.getElementById('video').currentTime > 6`, undefined, IN_TIME);
	await page.evaluate(`{
		const { buffered } = video;
		video.currentTime = buffered.end(buffered.length - 1) - 5;
		document.dispatchEvent(new Event('visibilitychange'));
	}`);
	const behind = `video.buffered.end(video.buffered.length - 1) - video.currentTime`;
	await page.waitForFunction(`${behind} < 2`, undefined, IN_TIME);
});

test('the player page waits for a stream that is not live, and plays it when it comes', NEEDS_CHROMIUM, async (t) => {
	const server = await startServer(t);
	const browser = await launchBrowser(t);
	const page = await open(browser, server.httpUrl('play.html?stream=live/late'));
	await page.waitForFunction(
		`document.getElementById('message').textContent === 'The stream is not live.'`,
		undefined,
		IN_TIME,
	);
	publishDemo(t, server.rtmpUrl('live/late'));
	await page.waitForFunction(`document.getElementById('state').textContent === 'Live'`, undefined, IN_TIME);
});

test('the player page says which codec it cannot play', {
	...NEEDS_CHROMIUM,
	skip: missing('chromium', 'ffmpeg'),
}, async (t) => {
	const server = await startServer(t);
	const source = ['-v', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc=size=160x90:rate=10', '-c:v', 'flv', '-f', 'flv'];
	new Program(t, 'ffmpeg', [...source, server.rtmpUrl('live/sorenson')]);
	const browser = await launchBrowser(t);
	const page = await open(browser, server.httpUrl('play.html?stream=live/sorenson'));
	await page.waitForFunction(`document.getElementById('state').dataset.kind === 'bad'`, undefined, IN_TIME);
	assert.match(await textOf(page, 'state'), /^This browser cannot play the codec of the stream/);
});

test('the push page publishes camera and microphone', NEEDS_CHROMIUM, async (t) => {
	const server = await startServer(t);
	const browser = await launchBrowser(t);
	const page = await open(browser, server.httpUrl('push.html?stream=live/cam'));
	await page.selectOption('select[name=height]', '360');
	await page.click('#start');
	await page.waitForFunction(`document.getElementById('state').textContent === 'On air'`, undefined, IN_TIME);

	const watcher = watch(t, server.httpUrl('live/cam.flv'));
	await watcher.more(100);
	await page.evaluate(BUSY);
	await watcher.more(100);
	assert.equal(watcher.failure, null);
	const video = watcher.tags.filter((tag) => tag.type === TagType.video).map((tag) => classifyVideo(tag.body));
	const audio = watcher.tags.filter((tag) => tag.type === TagType.audio).map((tag) => classifyAudio(tag.body));
	assert.deepEqual([video[0]?.role, video[0]?.codec], ['sequenceHeader', 'h264']);
	assert.ok(video.some((tag) => tag.keyframe));
	assert.equal(audio[0]?.role, 'sequenceHeader');
	assert.ok(audio.some((tag) => tag.role === 'frame'));
	assertInStep(watcher.tags);

	const player = await open(browser, server.httpUrl('play.html?stream=live/cam'));
	await player.waitForFunction(`document.getElementById('video').currentTime > 2`, undefined, IN_TIME);
	await page.click('#stop');
	assert.equal(await textOf(page, 'state'), 'Not publishing');
});

test(
	'pages work behind a TLS proxy with a path prefix, and on a port that serves files only',
	NEEDS_CHROMIUM,
	async (t) => {
		const server = await startServer(t);
		publishDemo(t, server.rtmpUrl('live/demo'));
		const proxy = await startTlsProxy(t, Number(new URL(server.httpUrl('')).port), '/tv');
		const browser = await launchBrowser(t);
		const context = await browser.newContext({ ignoreHTTPSErrors: true });
		for (const base of [`${proxy}/tv/`, `http://127.0.0.1:${server.ports.files}/`]) {
			for (const via of VIAS) {
				const page = await open(context, `${base}play.html?stream=live/demo&via=${via}`);
				await page.waitForFunction(`document.getElementById('state').textContent === 'Live'`, undefined, IN_TIME);
				await page.waitForFunction(`document.getElementById('video').currentTime > 1`, undefined, IN_TIME);
				await page.close();
			}
		}
		const page = await open(context, `${proxy}/tv/index.html`);
		await page.waitForSelector('#publishing:not([hidden]) code', { ...IN_TIME, state: 'visible' });
		assert.ok((await page.textContent('#publish'))?.includes(`${proxy}/tv/live/test`));
		assert.equal(await page.isVisible('#no-publishing'), false);
	},
);

test('the pages of a gateway say that it takes no publishers', NEEDS_CHROMIUM, async (t) => {
	const origin = await startServer(t);
	const gateway = await startServer(t, {
		role: 'flv-gateway',
		config: { gateway: { upstreams: [origin.httpUrl('')] } },
	});
	const browser = await launchBrowser(t);
	const push = await open(browser, gateway.httpUrl('push.html'));
	await push.waitForFunction(
		`/takes no publishers/.test(document.getElementById('state').textContent)`,
		undefined,
		IN_TIME,
	);
	const index = await open(browser, gateway.httpUrl('index.html'));
	await index.waitForSelector('#no-publishing', { ...IN_TIME, state: 'visible' });
	assert.equal(await index.isVisible('#publishing'), false);
});

test('the page of an MP4 that is not finished leads to the growing recording', NEEDS_CHROMIUM, async (t) => {
	const server = await startServer(t, { config: { hls: { segment: '1s' } } });
	publishDemo(t, server.rtmpUrl('live/demo'));
	const playlist = server.httpUrl('mp4/live/demo/output_merge/index.m3u8');
	await until('there are segments', async () => (await (await fetch(playlist)).text()).includes('segment_1'));
	const browser = await launchBrowser(t);
	const page = await open(browser, server.httpUrl('mp4.html?stream=live/demo'));
	await page.waitForSelector('#growing', { ...IN_TIME, state: 'visible' });
	assert.match(await textOf(page, 'state'), /being recorded/);
	await page.click('#growing');
	await page.waitForFunction(`document.getElementById('video').currentTime > 1`, undefined, IN_TIME);
});

test('the push page shows why it is refused', NEEDS_CHROMIUM, async (t) => {
	const server = await startServer(t, { config: { publish: { conflict: 'reject' } } });
	publishDemo(t, server.rtmpUrl('live/taken'));
	await until('the stream is live', async () => (await fetch(server.adminUrl('api/v1/streams/live/taken'))).ok);
	const browser = await launchBrowser(t);
	const page = await open(browser, server.httpUrl('push.html?stream=live/taken'));
	await page.click('#start');
	await page.waitForFunction(`/Trying again/.test(document.getElementById('state').textContent)`, undefined, IN_TIME);
	assert.match(await textOf(page, 'state'), /^Another publisher holds the stream/);
});

/** The page does nothing else for 400 ms, six times. */
const BUSY = `(async () => {
	for (let round = 0; round < 6; round++) {
		const until = performance.now() + 400;
		while (performance.now() < until);
		await new Promise((resolve) => setTimeout(resolve, 300));
	}
})()`;
const MAX_DRIFT_MS = 40;

/** However busy the page was: sound without a hole, and sound and picture as far as each other. */
function assertInStep(tags: readonly { type: number; dtsMs: number; body: Uint8Array }[]): void {
	const timesOf = (type: number): number[] => tags.filter((tag) => tag.type === type).map(({ dtsMs }) => dtsMs);
	const audio = timesOf(TagType.audio).slice(1);
	const steps = audio.slice(1).map((time, index) => time - audio[index]!);
	const frameMs = steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)]!;
	assert.ok(Math.max(...steps) <= frameMs + MAX_DRIFT_MS, `a hole of ${Math.max(...steps)} ms in the sound`);
	const video = timesOf(TagType.video);
	const spans = [audio, video].map((times) => times.at(-1)! - times[0]!);
	assert.ok(Math.abs(spans[0]! - spans[1]!) < 10 * MAX_DRIFT_MS, `sound ${spans[0]} ms, picture ${spans[1]} ms`);
}

/** @returns what ends the publishing. */
function publishDemo(t: TestContext, url: string): () => void {
	const publisher = new ClipPublisher(new EndlessClip(readFileSync(DEMO_CLIP)), url, { width: 320, height: 180 });
	void publisher.run(() => undefined);
	t.after(() => publisher.stop());
	return () => publisher.stop();
}

/** A page that must not fail on its own. */
async function open(browser: Browser | BrowserContext, url: string): Promise<Page> {
	const page = await browser.newPage();
	page.on('pageerror', (error) => {
		throw error;
	});
	await page.goto(url);
	return page;
}

async function textOf(page: Page, id: string): Promise<string> {
	return (await page.textContent(`#${id}`)) ?? '';
}
