import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { main } from '../cli/main.js';
import { ClipPublisher } from './clip-publisher.js';
import { EndlessClip } from './endless-clip.js';

/** `npm run demo`: an origin, and a publisher of the bundled clip. Takes the flags of the origin. */

const STREAM = 'live/demo';
/** The facts of the clip (make-demo-clip.ts), as onMetaData has them. */
const METADATA = {
	...{ width: 320, height: 180, framerate: 25, videocodecid: 7, videodatarate: 120 },
	...{ audiocodecid: 10, audiosamplerate: 48_000, audiosamplesize: 16, stereo: 0, audiodatarate: 48 },
	encoder: 'Millrace demo',
};

const ports = await main(process.argv.slice(2), process.env);
if (ports !== null) {
	if (ports.rtmp === undefined) {
		throw new TypeError('the demo publishes by RTMP: leave rtmp.port on');
	}
	const clip = new EndlessClip(readFileSync(new URL('demo.flv', import.meta.url)));
	const publisher = new ClipPublisher(clip, `rtmp://127.0.0.1:${ports.rtmp}/${STREAM}`, METADATA);
	void publisher.run((reason) => process.stderr.write(`demo: publishing again in a second: ${reason}\n`));
	for (const signal of ['SIGINT', 'SIGTERM'] as const) {
		process.once(signal, () => publisher.stop());
	}
	process.stdout.write(invitation(ports.rtmp, ports.http));
}

function invitation(rtmpPort: number, httpPort: number | undefined): string {
	const http = `localhost:${httpPort}`;
	const rtmp = rtmpPort === 1935 ? 'localhost' : `localhost:${rtmpPort}`;
	const rows =
		httpPort === undefined
			? []
			: [
					['browser', `http://${http}/play.html?stream=${STREAM}`],
					['HTTP-FLV', `http://${http}/${STREAM}.flv`],
					['WebSocket-FLV', `ws://${http}/${STREAM}.flv`],
					['LL-HLS', `http://${http}/hls/${STREAM}/live.m3u8`],
					['DASH', `http://${http}/hls/${STREAM}/live.mpd`],
				];
	const lines = [...rows, ['RTMP', `rtmp://${rtmp}/${STREAM}`]].map(
		([name = '', url]) => `  ${name.padEnd(14)} ${url}`,
	);
	const elsewhere = `From another machine: ${hostname()} in place of localhost. Ctrl-C ends the demo.`;
	return `\nThe demo stream ${STREAM} is live. Watch it with\n${lines.join('\n')}\n\n${elsewhere}\n\n`;
}
