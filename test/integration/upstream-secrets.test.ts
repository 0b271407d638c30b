import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lockedDoor } from '../support/locked-door.js';
import { slowed } from '../support/patience.js';
import { Program } from '../support/program.js';
import { publish } from '../support/publish.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { tool } from '../support/tool-program.js';
import { until } from '../support/until.js';
import { watch } from '../support/watch.js';

const SUPERVISOR = fileURLToPath(new URL('../../supervisor.js', import.meta.url));
const BAR_CLIP = fileURLToPath(new URL('../../../bench/fixtures/bar.flv', import.meta.url));
const CREDENTIALS = { user: 'gate:way', password: 's3cr@t/of the origin' };
const USER_INFO = `${encodeURIComponent(CREDENTIALS.user)}:${encodeURIComponent(CREDENTIALS.password)}`;
/** Everything that tells them: plain, as a URL has them, as a header has them, as a query has them. */
const SECRETS = [
	CREDENTIALS.password,
	encodeURIComponent(CREDENTIALS.password),
	new URLSearchParams({ a: CREDENTIALS.password }).toString().slice(2),
	encodeURIComponent(CREDENTIALS.user),
	Buffer.from(`${CREDENTIALS.user}:${CREDENTIALS.password}`).toString('base64'),
];
const BRISK = { reconnectMin: '50ms', reconnectMax: '200ms', linger: '300ms' };
const DEBUG = { log: { level: 'debug', statistics: '100ms' } };

function assertSilent(what: string, text: string): void {
	for (const secret of SECRETS) {
		assert.ok(!text.includes(secret), `${what} tells ${secret}:\n${text}`);
	}
}

/** Everything that a server shows to those who look after it. */
async function shownBy(server: ServerProcess): Promise<string> {
	const paths = ['metrics', 'api/v1/version', 'api/v1/threads', 'api/v1/streams', 'healthz', 'readyz'];
	const texts = await Promise.all(paths.map(async (path) => (await fetch(server.adminUrl(path))).text()));
	return [...texts, server.output].join('\n');
}

describe('the user and password of an upstream', () => {
	for (const protocol of ['http', 'ws']) {
		it(`open the upstream's door for an FLV gateway by ${protocol}, and are told to nobody`, async (t) => {
			const origin = await startServer(t);
			await publish(t, origin.rtmpUrl('live/p'));
			const door = await lockedDoor(t, origin.ports.http, CREDENTIALS);
			const upstreams = [`${protocol}://${USER_INFO}@127.0.0.1:${door.port}`];
			const gateway = await startServer(t, {
				role: 'flv-gateway',
				config: { ...DEBUG, gateway: { ...BRISK, upstreams } },
			});
			await watch(t, gateway.httpUrl('live/p.flv')).more(50);
			assert.equal(door.refused, 0);
			const streams = await (await fetch(gateway.adminUrl('api/v1/streams'))).text();
			assert.match(streams, new RegExp(`127.0.0.1:${door.port}`), 'the API shows where a stream comes from');
			assertSilent('the gateway', await shownBy(gateway));
			gateway.writeConfig({ ...DEBUG, gateway: { ...BRISK, upstreams: [`ftp://${USER_INFO}@127.0.0.1`] } });
			gateway.signal('SIGHUP');
			await until('it has refused the configuration', () => gateway.output.includes('configuration refused'));
			assertSilent('a refused configuration', gateway.output);
		});
	}

	it('are wrong: the viewer reads neither that nor where', async (t) => {
		const origin = await startServer(t);
		await publish(t, origin.rtmpUrl('live/p'));
		const door = await lockedDoor(t, origin.ports.http, CREDENTIALS);
		const upstreams = [`http://${encodeURIComponent(CREDENTIALS.user)}:other@127.0.0.1:${door.port}`];
		const config = { gateway: { ...BRISK, upstreams } };
		for (const role of ['flv-gateway', 'file-gateway']) {
			const gateway = await startServer(t, { role, config });
			const url = role === 'flv-gateway' ? gateway.httpUrl('live/p.flv') : filesUrl(gateway, 'hls/live/p/index.m3u8');
			await assertRefused(url, 502, 'UPSTREAM_FAILED');
			await until('the log says why', () => /127\.0\.0\.1:\d+.*401/.test(gateway.output));
		}
	});

	it('open the door for a file gateway, whose viewers need none', async (t) => {
		const origin = await startServer(t, { role: 'file-gateway' });
		mkdirSync(path.join(origin.media, 'hls/live/p'), { recursive: true });
		writeFileSync(path.join(origin.media, 'hls/live/p/segment_1.ts'), 'a segment');
		writeFileSync(path.join(origin.media, 'large.bin'), Buffer.alloc(3_000_000, 'x'));
		const door = await lockedDoor(t, origin.ports.files, CREDENTIALS);
		const upstreams = [`http://${USER_INFO}@127.0.0.1:${door.port}`];
		const config = { ...DEBUG, cache: { maxObject: '1MiB' }, gateway: { ...BRISK, upstreams } };
		const gateway = await startServer(t, { role: 'file-gateway', config });
		const kept = await fetch(filesUrl(gateway, 'hls/live/p/segment_1.ts'));
		assert.equal(await kept.text(), 'a segment');
		const passed = await fetch(filesUrl(gateway, 'large.bin'), { headers: { Authorization: 'Bearer of-a-viewer' } });
		assert.equal((await passed.text()).length, 3_000_000);
		assert.equal(door.refused, 0);
		assertSilent('the gateway', await shownBy(gateway));
	});

	it('are masked where the configuration is printed, or refused', async (t) => {
		const address = `http://${USER_INFO}@origin:8501`;
		const args = [SUPERVISOR, '--role', 'flv-gateway', '--print-config', '--upstream'];
		const printed = await new Program(t, process.execPath, [...args, address]).succeed();
		assert.match(printed, /upstreams: \["http:\/\/\*\*\*@origin:8501"\]/);
		assertSilent('--print-config', printed);
		const refused = new Program(t, process.execPath, [...args, `gopher://${USER_INFO}@origin`]);
		assert.equal(await refused.exit(), 2);
		assert.match(refused.stderr, /gopher:\/\/\*\*\*@origin/);
		assertSilent('a message', refused.stderr);
	});

	it('work for the tools, which do not print them either', async (t) => {
		const origin = await startServer(t, { config: { play: { missing: 'wait', waitTimeout: '60s' } } });
		const door = await lockedDoor(t, origin.ports.http, CREDENTIALS);
		const at = (protocol: string, stream: string): string =>
			`${protocol}://${USER_INFO}@127.0.0.1:${door.port}/${stream}`;
		const viewer = watch(t, origin.httpUrl('to/a.flv'));
		const pushes = [tool(t, 'push', [BAR_CLIP, at('http', 'live/h'), '--loop'])];
		pushes.push(tool(t, 'push', [BAR_CLIP, at('ws', 'live/w'), '--loop']));
		const forward = tool(t, 'forward', [at('http', 'live/h.flv'), at('ws', 'to/a')]);
		await viewer.more(50);
		const doctor = tool(t, 'doctor', [at('ws', 'live/w.flv'), '--duration', '1']);
		await doctor.exit();
		assert.match(doctor.stdout, /h264/);
		assert.equal(door.refused, 0);
		for (const program of [...pushes, forward, doctor]) {
			assertSilent('a tool', program.stderr + program.stdout);
		}
	});
});

describe('a gateway whose upstream is out of order', () => {
	it('answers 502 to garbage, 504 to silence, and tells nothing of the inside', async (t) => {
		const garbage = await rawServer(t, (socket) => socket.end('SSH-2.0-OpenSSH_9.2p1\r\n'));
		const noFlv = await rawServer(t, (socket) =>
			socket.end('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nthis is no FLV file.'),
		);
		const silent = await rawServer(t, () => undefined);
		const cases: [role: string, port: number, status: number, code: string][] = [
			['flv-gateway', garbage, 502, 'UPSTREAM_FAILED'],
			['flv-gateway', noFlv, 502, 'UPSTREAM_FAILED'],
			['flv-gateway', silent, 504, 'UPSTREAM_TIMEOUT'],
			['file-gateway', garbage, 502, 'UPSTREAM_FAILED'],
			['file-gateway', silent, 504, 'UPSTREAM_TIMEOUT'],
		];
		for (const [role, port, status, code] of cases) {
			const gateway = { ...BRISK, stallTimeout: `${slowed(500)}ms`, upstreams: [`http://127.0.0.1:${port}`] };
			const server = await startServer(t, { role, config: { gateway } });
			const url = role === 'flv-gateway' ? server.httpUrl('live/p.flv') : filesUrl(server, 'hls/live/p/index.m3u8');
			await assertRefused(url, status, code);
		}
	});
});

function filesUrl(server: ServerProcess, file: string): string {
	return `http://127.0.0.1:${server.ports.files}/${file}`;
}

/** Holds that an answer has the code, and nothing in head or body that a stranger need not know. */
async function assertRefused(url: string, status: number, code: string): Promise<void> {
	const answer = await fetch(url);
	const body = await answer.text();
	assert.deepEqual([answer.status, JSON.parse(body).code], [status, code], url);
	const told = `${[...answer.headers].join('\n')}\n${body}`;
	assert.doesNotMatch(told, /127\.0\.0\.1|ECONN|401|realm|[a-z]+:\/\//i, url);
}

async function rawServer(t: TestContext, serve: (socket: net.Socket) => void): Promise<number> {
	const server = net.createServer((socket) => {
		socket.on('error', () => undefined);
		socket.once('data', () => serve(socket));
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.after(() => server.close());
	return (server.address() as AddressInfo).port;
}
