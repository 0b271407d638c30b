import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

const HLS_JS = createRequire(import.meta.url).resolve('hls.js/dist/hls.js');

/** The result of the page's `look()`: the picture in small, its time, and the errors that the player has reported. */
export type Look = { atSeconds: number; pixels: number[]; faults: string[]; latencySeconds: number };

/** A web site with one page, on which hls.js plays `url` with `config`. @returns its address. */
export async function hlsPage(t: TestContext, url: string, config: object = {}): Promise<string> {
	const page = `<!doctype html><video id="video" muted autoplay crossorigin></video>
		<script src="/hls.js"></script>
		<script>
			const video = document.getElementById('video');
			const faults = [];
			const player = new Hls(${JSON.stringify(config)});
			player.on(Hls.Events.ERROR, (_, { type, details, fatal }) => faults.push([type, details, fatal].join(' ')));
			player.loadSource(${JSON.stringify(url)});
			player.attachMedia(video);
			video.play().catch((error) => faults.push(String(error)));
			function look() {
				const context = Object.assign(document.createElement('canvas'), { width: 64, height: 36 }).getContext('2d');
				context.drawImage(video, 0, 0, 64, 36);
				const pixels = [...context.getImageData(0, 0, 64, 36).data];
				return { atSeconds: video.currentTime, pixels, faults, latencySeconds: player.latency };
			}
		</script>`;
	const site = createServer((request, response) => {
		const script = request.url === '/hls.js';
		response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html');
		response.end(script ? readFileSync(HLS_JS) : page);
	});
	t.after(() => {
		site.close();
		site.closeAllConnections();
	});
	await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
	return `http://127.0.0.1:${(site.address() as AddressInfo).port}/`;
}
