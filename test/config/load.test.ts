import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ConfigError } from '#src/config/config-error.js';
import { CONFIG_KEYS, keyNamed } from '#src/config/keys.js';
import { loadConfig, printConfig } from '#src/config/load.js';
import { policyOf } from '#src/config/policy.js';
import type { Config } from '#src/config/schema.js';
import { type Setting, textSetting } from '#src/config/sources.js';

const directory = mkdtempSync(join(tmpdir(), 'millrace-config-'));
after(() => rmSync(directory, { recursive: true }));
let files = 0;

describe('configuration', () => {
	it('takes defaults, file, environment and flags in rising order', () => {
		const file = fileWith('rtmp:\n  port: 1001\n  chunkSize: 4096\n  ackWindow: 1MiB\n');
		const { config, origins } = loadConfig({
			file,
			environment: { MILLRACE_RTMP_PORT: '1002', MILLRACE_RTMP_CHUNK_SIZE: '8192', OTHER: 'x' },
			flags: [flag('rtmp.port', '1003')],
		});
		assert.deepEqual(
			[config.rtmp.port, config.rtmp.chunkSize, config.rtmp.ackWindow, config.rtmp.pingInterval],
			[1003, 8192, 1024 ** 2, 30_000],
		);
		assert.deepEqual(
			['rtmp.port', 'rtmp.chunkSize', 'rtmp.ackWindow', 'rtmp.pingInterval'].map((name) => origins.get(name)?.label),
			['--flag', 'MILLRACE_RTMP_CHUNK_SIZE', `${file}:4:14`, 'default'],
		);
	});

	const ACCEPTED: readonly [
		text: string,
		environment: Record<string, string>,
		read: (config: Config) => unknown,
		value: unknown,
	][] = [
		['', {}, ({ rtmp }) => rtmp.port, 1935],
		['# nothing\n', {}, ({ rtmp }) => rtmp.port, 1935],
		['rtmp:\nhttp:\n', {}, ({ http }) => http.port, 8501],
		['rtmp: {port: off}', {}, ({ rtmp }) => rtmp.port, 'off'],
		['rtmp: {port: 0}', {}, ({ rtmp }) => rtmp.port, 0],
		['play: {missing: 404}', {}, ({ play }) => play.missing, '404'],
		['apps: {live: {play: {missing: 404}}}', {}, ({ apps }) => apps['live']?.play?.missing, '404'],
		['media: 2024', {}, ({ media }) => media, '2024'],
		['play: {mergeWindow: 350}', {}, ({ play }) => play.mergeWindow, 350],
		['publish: {grace: 250ms}', {}, ({ publish }) => publish.grace, 250],
		['publish: {grace: 0}', {}, ({ publish }) => publish.grace, 0],
		['', { MILLRACE_PUBLISH_GRACE: '0' }, ({ publish }) => publish.grace, 0],
		['publish: {grace: 1.5m}', {}, ({ publish }) => publish.grace, 90_000],
		['ring: {minSize: 512 KiB}', {}, ({ ring }) => ring.minSize, 512 * 1024],
		['record: &off {flv: false}', {}, ({ record }) => record.flv, false],
		['', { MILLRACE_RECORD_FLV: 'false' }, ({ record }) => record.flv, false],
		['', { MILLRACE_PLAY_MISSING: '404' }, ({ play }) => play.missing, '404'],
		['', { MILLRACE_RTMP_TLS_PORT: 'off' }, ({ rtmp }) => rtmp.tlsPort, 'off'],
		[
			'',
			{ MILLRACE_HTTP_CORS_ORIGINS: 'https://a, https://b' },
			({ http }) => http.corsOrigins,
			['https://a', 'https://b'],
		],
		['', { MILLRACE_HTTP_CORS_ORIGINS: '["https://a"]' }, ({ http }) => http.corsOrigins, ['https://a']],
		['', { MILLRACE_APPS: '{live: {record: {flv: false}}}' }, ({ apps }) => apps, { live: { record: { flv: false } } }],
		['http: {port: 80}', {}, ({ files }) => files.port, 80],
	];
	for (const [text, environment, read, value] of ACCEPTED) {
		it(`reads ${JSON.stringify(text)} with ${JSON.stringify(environment)}`, () => {
			assert.deepEqual(read(load(text, environment)), value);
		});
	}

	/** A line that ends in … may go on: with keys yet to come, or in OpenSSL's words. */
	const REFUSED: readonly [text: string, problems: readonly string[], environment?: Record<string, string>][] = [
		['publish:\n  grace: 10\n', ['F:2:10 publish.grace: 10: write 10s or 10ms']],
		['publish:\n  grace: "1.5"\n', ['F:2:10 publish.grace: 1.5: write 1.5s or 1.5ms']],
		['apps:\n  live:\n    play:\n      maxLag: 30\n', ['F:4:15 apps.live.play.maxLag: 30: write 30s or 30ms']],
		['', ['MILLRACE_SHUTDOWN_DEADLINE shutdown.deadline: 20: write 20s or 20ms'], { MILLRACE_SHUTDOWN_DEADLINE: '20' }],
		['rtmp:\n  port: x\n', ['F:2:9 rtmp.port: expected off or a whole number from 0 to 65535, got "x"']],
		['rtmp:\n  port: 70000\n', ['F:2:9 rtmp.port: expected off or a whole number from 0 to 65535, got 70000']],
		['rtmp:\n  port:\n', ['F:2:8 rtmp.port: expected off or a whole number from 0 to 65535, got nothing']],
		['rtmp: 5', ['F:1:7 rtmp: expected a section (port, tlsPort, …']],
		['- a', ['F configuration: expected a section (host, media, …']],
		[
			'publish:\n  grace: soon\n',
			['F:2:10 publish.grace: expected a duration such as 500ms, 10s, 5m, 1h or 7d, got "soon"'],
		],
		[
			'publish: {grace: -1s}',
			['F:1:18 publish.grace: expected a duration such as 500ms, 10s, 5m, 1h or 7d, got "-1s"'],
		],
		[
			'record: {minFree: 1GB}',
			['F:1:19 record.minFree: expected a size such as 4096, 512KiB, 64MiB or 1GiB, got "1GB"'],
		],
		['record: {flv: "no"}', ['F:1:15 record.flv: expected true or false, got "no"']],
		['play: {missing: 405}', ['F:1:17 play.missing: expected one of 404, wait, got "405"']],
		['host: localhost', ['F:1:7 host: expected an IPv4 or IPv6 address, got "localhost"']],
		['http: {corsOrigins: all}', ['F:1:21 http.corsOrigins: expected a list, each text, got "all"']],
		['http: {corsOrigins: [a, [b]]}', ['F:1:21 http.corsOrigins.1: expected text, got ["b"]']],
		['rtmp: {prot: 1}', ['F:1:8 rtmp.prot: unknown key; did you mean rtmp.port?']],
		['zzzzzz: 1', ['F:1:1 zzzzzz: unknown key; expected one of host, media, …']],
		['apps: {live: {record: {maxAge: 1d}}}', ['F:1:24 apps.live.record.maxAge: unknown key; expected one of flv…']],
		[
			'apps: {live: {play: {mergeWindow: fast}}}',
			['F:1:35 apps.live.play.mergeWindow: expected auto or a whole number from 0 to 1000, got "fast"'],
		],
		['apps: {a b: {}}', ['F:1:8 apps.a b: expected 1 to 128 of A-Z a-z 0-9 _ -, got "a b"']],
		['rtmp: {port: 1\n', ['F:2:1 Flow map in block collection must be sufficiently indented and end with a }']],
		['rtmp: {port: 1}\nrtmp: {port: 2}\n', ['F:2:1 Map keys must be unique']],
		[
			'rtmp: {port: x}\nhttp: {port: y}',
			[
				'F:1:14 rtmp.port: expected off or a whole number from 0 to 65535, got "x"',
				'F:2:14 http.port: expected off or a whole number from 0 to 65535, got "y"',
			],
		],
		[
			'',
			['MILLRACE_RTMP_PORT rtmp.port: expected off or a whole number from 0 to 65535, got "x"'],
			{ MILLRACE_RTMP_PORT: 'x' },
		],
		[
			'',
			['MILLRACE_RTMP_PORT rtmp.port: expected off or a whole number from 0 to 65535, got nothing'],
			{ MILLRACE_RTMP_PORT: '' },
		],
		['', ['MILLRACE_RTMP_PROT: unknown variable; did you mean MILLRACE_RTMP_PORT?'], { MILLRACE_RTMP_PROT: '1' }],
		['', ['MILLRACE_Q: unknown variable'], { MILLRACE_Q: '1' }],
		['rtmp: {port: 8501}', ['http.port: port 8501 is rtmp.port already']],
		['rtmp: {port: 8000}\nfiles: {port: 8000}', ['F:2:15 files.port: port 8000 is rtmp.port already']],
		[
			'rtmp: {port: off}\nhttp: {port: off}\nfiles: {port: off}',
			['F:1:14 rtmp.port: off, like every other port: there is nothing to do'],
		],
		['admin: {port: 1935}', ['F:1:15 admin.port: port 1935 is rtmp.port already']],
		['ring: {maxSize: 64MiB}', ['F:1:17 ring.maxSize: expected at most 32MiB, got 64MiB']],
		['ring: {minSize: 2MiB, maxSize: 1MiB}', ['F:1:17 ring.minSize: expected at most ring.maxSize']],
		['media: /dev/null/x', ['F:1:8 media: /dev/null/x cannot be written: …']],
		['media: /dev/null', ['F:1:8 media: /dev/null cannot be written: /dev/null is not a directory']],
		[
			'rtmp: {tlsPort: 1936}',
			['tls.cert: expected a PEM file for RTMPS, got nothing', 'tls.key: expected a PEM file for RTMPS, got nothing'],
		],
		[
			'tls: {cert: /nowhere, key: /dev/null}',
			["F:1:13 tls.cert: cannot be read: ENOENT: no such file or directory, open '/nowhere'"],
		],
		[
			'tls: {cert: /dev/null, key: /dev/null}',
			['F:1:13 tls.cert: /dev/null and /dev/null are no certificate with its key: …'],
		],
	];
	for (const [text, problems, environment = {}] of REFUSED) {
		it(`refuses ${JSON.stringify(text)} with ${JSON.stringify(environment)}`, () => {
			const told = problemsOf(text, environment);
			assert.deepEqual(
				told.map((line, index) => (problems[index]?.endsWith('…') ? cut(line, problems[index]) : line)),
				problems,
			);
		});
	}

	it('refuses a file that cannot be read', () => {
		assert.throws(() => loadConfig({ file: '/nowhere.yaml', environment: {}, flags: [] }), {
			problems: ["/nowhere.yaml: cannot be read: ENOENT: no such file or directory, open '/nowhere.yaml'"],
		});
	});

	it('prints what reads back to the same configuration', () => {
		const loaded = loadConfig({
			file: fileWith('publish: {grace: 90s}\napps: {live: {play: {maxLag: 5s}}}\n'),
			environment: { MILLRACE_MEDIA: 'a "b" # c' },
			flags: [],
		});
		const printed = printConfig(loaded);
		assert.deepEqual(load(printed, {}), loaded.config);
		assert.equal(printed.split('\n').filter((line) => line.includes(' # ')).length, CONFIG_KEYS.length);
	});

	it('gives each environment name to one key', () => {
		assert.equal(new Set(CONFIG_KEYS.map((key) => key.environment)).size, CONFIG_KEYS.length);
	});

	it('lays only the given overrides of an app over the sections', () => {
		const config = load('play: {maxLag: 7s}\napps: {live: {play: {missing: wait}}}\n', {});
		assert.deepEqual(policyOf(config, { app: 'live' }).play, { ...config.play, missing: 'wait' });
		assert.deepEqual(policyOf(config, { app: 'live' }).publish, config.publish);
		assert.deepEqual(policyOf(config, { app: 'toString' }).play, config.play);
	});
});

function flag(name: string, text: string): Setting {
	return textSetting(keyNamed(name), text, { source: 'flag', label: '--flag' });
}

function fileWith(text: string): string {
	files += 1;
	const file = join(directory, `${files}.yaml`);
	writeFileSync(file, text);
	return file;
}

function load(text: string, environment: Record<string, string>): Config {
	return loadConfig({ file: fileWith(text), environment, flags: [] }).config;
}

/** As much of `line` as the beginning that is expected, marked in the same way. */
function cut(line: string, expected: string): string {
	return `${line.slice(0, expected.length - 1)}…`;
}

/** The lines of the error, with F for the name of the file. */
function problemsOf(text: string, environment: Record<string, string>): string[] {
	const file = fileWith(text);
	try {
		loadConfig({ file, environment, flags: [] });
	} catch (error) {
		assert.ok(error instanceof ConfigError, String(error));
		return error.problems.map((problem) => problem.replaceAll(file, 'F'));
	}
	assert.fail('was accepted');
}
