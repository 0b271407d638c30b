import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { sidePackage } from './side-package.js';

const DASH_JS = sidePackage('dashjs/dist/modern/umd/dash.all.min.js');

/**
 * The result of the page's `look()`: the picture in small, how long it has played, and the complaints of the player.
 */
export type DashLook = {
	playedSeconds: number;
	pixels: number[];
	/** Errors, and what of the manifest breaks the rules. */
	faults: string[];
	/** Times that the player had to wait for data, once it had begun to play. */
	stalls: number;
	/** Behind the wall clock, as the manifest tells it. */
	latencySeconds: number;
	/** Periods that it has played. */
	periods: number;
};

/** A web site with one page, on which dash.js plays the URL in its query. @returns the page's address. */
export async function dashPage(t: TestContext, url: string): Promise<string> {
	const page = `<!doctype html><video id="video" muted autoplay crossorigin></video>
		<script src="/dash.js"></script>
		<script>
			const video = document.getElementById('video');
			const seen = { faults: [], stalls: 0, periods: 0 };
			let startedAt = NaN;
			video.addEventListener('playing', () => { startedAt = Number.isNaN(startedAt) ? video.currentTime : startedAt; });
			video.addEventListener('waiting', () => { seen.stalls += Number.isNaN(startedAt) ? 0 : 1; });
			const player = dashjs.MediaPlayer().create();
			const { ERROR, CONFORMANCE_VIOLATION, PERIOD_SWITCH_COMPLETED } = dashjs.MediaPlayer.events;
			player.on(ERROR, ({ error }) => seen.faults.push(error.code + ' ' + error.message));
			player.on(CONFORMANCE_VIOLATION, ({ event }) => seen.faults.push(event.key + ' ' + event.message));
			player.on(PERIOD_SWITCH_COMPLETED, () => { seen.periods++; });
			player.initialize(video, ${JSON.stringify(url)}, true);
			function look() {
				const context = Object.assign(document.createElement('canvas'), { width: 64, height: 36 }).getContext('2d');
				context.drawImage(video, 0, 0, 64, 36);
				const pixels = [...context.getImageData(0, 0, 64, 36).data];
				const playedSeconds = Number.isNaN(startedAt) ? 0 : video.currentTime - startedAt;
				return { ...seen, playedSeconds, pixels, latencySeconds: player.getCurrentLiveLatency() };
			}
		</script>`;
	const site = createServer((request, response) => {
		const script = request.url === '/dash.js';
		response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html');
		response.end(script ? readFileSync(DASH_JS) : page);
	});
	t.after(() => {
		site.close();
		site.closeAllConnections();
	});
	await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
	return `http://127.0.0.1:${(site.address() as AddressInfo).port}/`;
}
