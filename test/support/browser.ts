import type { TestContext } from 'node:test';
import { type Browser, chromium } from 'playwright-core';
import { findProgram } from './tools.js';

const FLAGS = [
	...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
	...['--disable-background-networking', '--disable-component-update'],
	// A camera and a microphone that need neither hardware nor a click.
	...['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
];

/** A headless Chromium with a fake camera; closed after the test. */
export async function launchBrowser(t: TestContext): Promise<Browser> {
	const executablePath = findProgram('chromium') ?? 'chromium';
	const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
	t.after(() => browser.close());
	return browser;
}
