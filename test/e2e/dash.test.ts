import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../support/browser.js';
import { type DashLook, dashPage } from '../support/dash-page.js';
import { patient } from '../support/patience.js';
import { Program } from '../support/program.js';
import { publish } from '../support/publish.js';
import { missingPackage } from '../support/side-package.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { missing } from '../support/tools.js';
import { until } from '../support/until.js';

const PLAYED_SECONDS = 12;
/** After a publisher has been replaced. */
const SPLICED_SECONDS = 4;
const RECORDED_SECONDS = 3;

test('dash.js plays a live stream over a splice, and the recording of it', {
	skip: missing('chromium') || missingPackage('dashjs'),
	timeout: patient(150_000),
}, async (t) => {
	const server = await startServer(t, {
		config: { record: { flv: false, hls: false, minFree: 0 }, publish: { grace: '4s' } },
	});
	const publisher = await publish(t, server.rtmpUrl('live/low'));
	const url = server.httpUrl('hls/live/low/live.mpd');
	await until('there is a manifest', async () => (await fetch(url)).ok);
	const browser = await launchBrowser(t);
	const page = await open(t, browser, url);

	await t.test('with low latency', async () => {
		const { before, after } = await play(page, PLAYED_SECONDS);
		t.diagnostic(`${after.latencySeconds.toFixed(2)} s behind, ${after.stalls} stalls`);
		assert.deepEqual(after.faults, []);
		assert.notDeepEqual(after.pixels, before.pixels, 'the picture moves');
		// Two seconds on a quiet machine; a browser that decodes on a busy one takes longer.
		assert.ok(after.latencySeconds < patient(4), `${after.latencySeconds} s behind`);
	});

	await t.test('over a splice, which is another period', async () => {
		publisher.close();
		const next = await publish(t, server.rtmpUrl('live/low'));
		await page.waitForFunction('look().periods > 1', undefined, { timeout: patient(30_000) });
		const { after } = await play(page, SPLICED_SECONDS);
		t.diagnostic(`${after.latencySeconds.toFixed(2)} s behind, ${after.stalls} stalls`);
		assert.deepEqual(after.faults, []);
		await page.close();
		next.close();
	});

	await t.test('and what was recorded', async () => {
		const manifest = 'mp4/live/low/output_separate/manifest.mpd';
		await until('it is complete', async () => (await text(server, manifest)).includes('type="static"'), 30_000);
		const recorded = await open(t, browser, server.httpUrl(manifest));
		const { before, after } = await play(recorded, RECORDED_SECONDS);
		assert.deepEqual(after.faults, []);
		assert.notDeepEqual(after.pixels, before.pixels, 'the picture moves');
		assert.equal(existsSync(path.join(server.media, 'mp4/live/low/output_merge')), true);
	});
});

test('ffmpeg reads the live manifest and decodes what it names without an error', {
	skip: missing('ffmpeg'),
	timeout: patient(60_000),
}, async (t) => {
	const server = await startServer(t);
	await publish(t, server.rtmpUrl('live/read'));
	const url = server.httpUrl('hls/live/read/live.mpd');
	await until('several segments are there', async () => /r="[2-9]"/.test(await text(server, 'hls/live/read/live.mpd')));
	const output = ['-map', '0:v', '-map', '0:a', '-t', '4', '-f', 'framemd5', '-'];
	const frames = await new Program(t, 'ffmpeg', ['-v', 'error', '-xerror', '-i', url, ...output]).succeed();
	const count = (stream: number): number => frames.split('\n').filter((line) => line.startsWith(`${stream},`)).length;
	assert.ok(count(0) >= 90 && count(1) >= 160, `${count(0)} pictures, ${count(1)} frames of sound`);
});

async function text(server: ServerProcess, file: string): Promise<string> {
	const response = await fetch(server.httpUrl(file));
	return response.ok ? await response.text() : '';
}

async function open(t: TestContext, browser: Browser, url: string): Promise<Page> {
	const page = await browser.newPage();
	await page.goto(await dashPage(t, url));
	return page;
}

/** Waits until it has played for `seconds` more. */
async function play(page: Page, seconds: number): Promise<{ before: DashLook; after: DashLook }> {
	await page.waitForFunction('look().playedSeconds > 0.5', undefined, { timeout: patient(30_000) });
	const before: DashLook = await page.evaluate('look()');
	assert.ok(new Set(before.pixels).size > 2, 'the picture shows something');
	await page.waitForFunction(`look().playedSeconds > ${before.playedSeconds + seconds}`, undefined, {
		timeout: patient((seconds + 20) * 1000),
	});
	return { before, after: await page.evaluate('look()') };
}
