import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BAR_CLIP } from '#src/tools/load/clip.js';
import { FarHost, noFarHosts } from '../support/far-host.js';
import { assertGapless } from '../support/gapless.js';
import { patient, slowed } from '../support/patience.js';
import { Program } from '../support/program.js';
import { frames, viewersOf } from '../support/publish.js';
import { startServer } from '../support/test-server.js';
import { until } from '../support/until.js';
import { Wire } from '../support/wire.js';

const LOAD = fileURLToPath(new URL('../../tools/load.js', import.meta.url));
const DELAY_MS = 50;
const LOST_PERCENT = 2;

test('a host far away, on a slow line that loses packets and breaks: every tag comes once, and in order', {
	skip: noFarHosts(),
	timeout: patient(90_000),
}, async (t) => {
	const far = FarHost.create(t);
	const origin = await startServer(t, {
		place: far,
		config: { record: { flv: false, fmp4: false, hls: false } },
	});
	const url = `rtmp://127.0.0.1:${origin.ports.rtmp}/live/far`;
	const [program, ...args] = [...far.command, process.execPath, LOAD, 'publish', url];
	new Program(t, program!, [...args, '--file', fileURLToPath(BAR_CLIP)]);
	far.lose(LOST_PERCENT);
	const lines = await Promise.all(
		[origin.ports.http, origin.ports.rtmp].map((port) => Wire.start(t, port, { host: far.host, delayMs: DELAY_MS })),
	);
	const gateways = await Promise.all(
		[lines[0]!.url(), lines[0]!.url('ws'), lines[1]!.url('rtmp')].map((upstream) =>
			startServer(t, {
				role: 'flv-gateway',
				config: {
					gateway: {
						upstreams: [upstream],
						stallTimeout: `${slowed(1200)}ms`,
						reconnectMin: '50ms',
						reconnectMax: '200ms',
					},
					play: { missing: 'wait', waitTimeout: '10m' },
				},
			}),
		),
	);
	await until(
		'the origin has the stream',
		async () => (await fetch(origin.httpUrl('live/far.flv'), { method: 'HEAD' })).ok,
	);
	const watchers = gateways.flatMap((gateway) => viewersOf(t, gateway, 'live/far'));
	await frames(watchers, 150);
	for (const watcher of watchers) {
		assertGapless(watcher);
	}
	far.cut();
	await until('all have noticed', () => gateways.every(({ output }) => output.includes('upstream lost')));
	far.mend();
	const behind = watchers.map(({ tags }) => tags.length);
	await until('all have what was sent meanwhile', () =>
		watchers.every(({ tags }, index) => tags.length - behind[index]! > 400),
	);
	for (const watcher of watchers) {
		assertGapless(watcher);
	}
});
