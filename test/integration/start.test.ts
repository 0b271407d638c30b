import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { slowed } from '../support/patience.js';
import { Program } from '../support/program.js';
import { frames, publish, viewersOf } from '../support/publish.js';
import { freePort } from '../support/server-process.js';
import { startServer } from '../support/test-server.js';
import { until } from '../support/until.js';
import { watch } from '../support/watch.js';

const SUPERVISOR = fileURLToPath(new URL('../../supervisor.js', import.meta.url));

type Mistake = { name: string; args?: string[]; config?: string; expected: RegExp };

const mistakes: Mistake[] = [
	{ name: 'an unknown flag', args: ['--rtmp-prot', '1935'], expected: /--rtmp-prot/ },
	{ name: 'an unknown role', args: ['--role', 'orogin'], expected: /orogin/ },
	{ name: 'a port that is no number', args: ['--rtmp-port', 'abc'], expected: /abc/ },
	{ name: 'a port that is taken', args: ['--rtmp-port', 'TAKEN'], expected: /TAKEN/ },
	{ name: 'an unknown key', config: 'rtmp:\n  prot: 1935\n', expected: /config\.yaml:2.*prot/s },
	{ name: 'a bad value', config: 'publish:\n  jitter: wild\n', expected: /config\.yaml:2.*jitter.*wild/s },
	{ name: 'a file that is no YAML', config: 'rtmp: [', expected: /config\.yaml:1/ },
	{ name: 'a file that is not there', args: ['--config', '/nonexistent/x.yaml'], expected: /\/nonexistent\/x\.yaml/ },
	{
		name: 'a certificate that is not there',
		config: 'rtmp: { tlsPort: 29999 }\ntls: { cert: /nonexistent/c.pem, key: /nonexistent/k.pem }',
		expected: /\/nonexistent\/c\.pem/,
	},
	{ name: 'a media directory that is a file', config: 'media: /dev/null', expected: /\/dev\/null/ },
];

for (const { name, args = [], config = '', expected } of mistakes) {
	test(`${name} is one clear line and exit code 2`, async (t) => {
		const file = join(temporaryDirectory(t), 'config.yaml');
		writeFileSync(file, config);
		const taken = String(await occupiedPort(t));
		const given = args.map((argument) => argument.replace('TAKEN', taken));
		const env = {
			MILLRACE_RTMP_PORT: String(await freePort()),
			MILLRACE_HTTP_PORT: String(await freePort()),
			MILLRACE_FILES_PORT: String(await freePort()),
			MILLRACE_ADMIN_PORT: String(await freePort()),
		};
		const program = new Program(t, process.execPath, [SUPERVISOR, '--config', file, ...given], { env });
		assert.equal(await program.exit(), 2, program.stdout + program.stderr);
		const said = (program.stderr + program.stdout).trim();
		assert.match(said.replaceAll(taken, 'TAKEN'), expected);
		assert.ok(said.split('\n').length <= 2, `more than one line:\n${said}`);
	});
}

test('--help and --version answer on standard output with 0', async (t) => {
	for (const flag of ['--help', '--version']) {
		const program = new Program(t, process.execPath, [SUPERVISOR, flag]);
		assert.match(await program.succeed(), flag === '--help' ? /--role/ : /^\d+\.\d+\.\d+/);
	}
});

test('SIGHUP takes a new configuration without dropping anybody, and refuses a bad one', async (t) => {
	const server = await startServer(t, { config: { play: { missing: 'wait', waitTimeout: '10m' } } });
	const publisher = await publish(t, server.rtmpUrl('live/kept'));
	const watchers = viewersOf(t, server, 'live/kept');
	await frames(watchers, 30);

	server.writeConfig({ play: { missing: 'sometimes' } });
	server.signal('SIGHUP');
	await until('the bad file is refused', () => server.output.includes('sometimes'));
	await frames(watchers, 30);

	server.writeConfig({ play: { missing: '404' }, publish: { conflict: 'takeover' } });
	server.signal('SIGHUP');
	await until('the new file is in force', async () => {
		const signal = AbortSignal.timeout(slowed(1000));
		const answer = fetch(server.httpUrl('live/nobody.flv'), { signal });
		return answer.then(
			({ status }) => status === 404,
			() => false,
		);
	});
	await frames(watchers, 30);
	assert.deepEqual(publisher.failures, []);
	for (const watcher of watchers) {
		assert.equal(watcher.failure, null);
		assert.deepEqual(watcher.viewer.check.faults, { backwardSteps: 0, missingFrames: 0, undecodable: 0 });
	}
	await publish(t, server.rtmpUrl('live/kept'));
	await until('the new policy: the first publisher is sent away', () => publisher.failures.length === 1);
	await watch(t, server.httpUrl('live/kept.flv')).more(30);
});

function temporaryDirectory(t: TestContext): string {
	const directory = mkdtempSync(join(tmpdir(), 'millrace-start-'));
	t.after(() => rmSync(directory, { recursive: true, force: true }));
	return directory;
}

async function occupiedPort(t: TestContext): Promise<number> {
	const holder = createServer();
	const port = await freePort();
	await new Promise<void>((resolve) => holder.listen(port, '::', resolve));
	t.after(() => holder.close());
	return port;
}
