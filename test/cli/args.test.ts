import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { readArguments } from '#src/cli/args.js';
import { FLAGS } from '#src/cli/flags.js';
import { usage, version } from '#src/cli/usage.js';
import { keyNamed } from '#src/config/keys.js';

describe('command line', () => {
	it('runs an origin without any flag', () => {
		const sources = { file: null, environment: {}, flags: [] };
		assert.deepEqual(readArguments([], {}), { action: 'run', role: 'origin', sources });
	});

	it('turns flags into settings that say where they came from', () => {
		const invocation = readArguments(['--rtmp-port', '1936', '--media=/m', '--debug', '--http-port=off'], {});
		assert.ok('sources' in invocation);
		assert.deepEqual(
			invocation.sources.flags.map(({ key, value, origin }) => [key.name, value, origin.label]),
			[
				['rtmp.port', 1936, '--rtmp-port'],
				['media', '/m', '--media'],
				['log.level', 'debug', '--debug'],
				['http.port', 'off', '--http-port'],
			],
		);
	});

	const FILES: readonly [argv: readonly string[], environment: Record<string, string>, file: string | null][] = [
		[['--config', 'a.yaml'], { MILLRACE_CONFIG: 'b.yaml' }, 'a.yaml'],
		[[], { MILLRACE_CONFIG: 'b.yaml' }, 'b.yaml'],
		[[], {}, null],
	];
	for (const [argv, environment, file] of FILES) {
		it(`takes the file ${file} from ${JSON.stringify([argv, environment])}`, () => {
			const invocation = readArguments(argv, environment);
			assert.equal('sources' in invocation && invocation.sources.file, file);
		});
	}

	const ACTIONS: readonly [argv: readonly string[], action: string][] = [
		[['--help'], 'help'],
		[['--role', 'nonsense', '--help'], 'help'],
		[['--version'], 'version'],
		[['--print-config', '--role', 'origin'], 'print-config'],
	];
	for (const [argv, action] of ACTIONS) {
		it(`does ${action} for ${argv.join(' ')}`, () => {
			assert.equal(readArguments(argv, {}).action, action);
		});
	}

	const REFUSED: readonly [argv: readonly string[], problems: readonly string[]][] = [
		[
			['--rtmp-prt', '1'],
			['--rtmp-prt: unknown flag; did you mean --rtmp-port?', '1: unexpected argument'],
		],
		[['--qqqqqqqq'], ['--qqqqqqqq: unknown flag; --help lists them']],
		[['-d'], ['-d: unknown flag; --help lists them']],
		[['start'], ['start: unexpected argument']],
		[['--media'], ['--media: expected DIR']],
		[['--media='], ['--media: expected DIR']],
		[['--media', '--debug'], ['--media: expected DIR']],
		[['--debug=yes'], ['--debug: takes no value']],
		[['--role', 'edge'], ['--role: expected one of origin, flv-gateway, file-gateway, got "edge"']],
		[
			['--upstream', 'http://a', '--port', '2'],
			['--upstream: the role origin does not take it', '--port: the role origin does not take it'],
		],
	];
	for (const [argv, problems] of REFUSED) {
		it(`refuses ${argv.join(' ')}`, () => {
			assert.throws(() => readArguments(argv, {}), { problems });
		});
	}

	it('has a configuration key behind every flag that names one', () => {
		for (const { key } of Object.values(FLAGS)) {
			assert.ok(key === null || keyNamed(key).name === key);
		}
	});

	it('explains every flag of the roles that there are', () => {
		const text = usage();
		for (const name of ['role', 'config', 'rtmp-port', 'http-port', 'files-port', 'admin-port', 'media', 'debug']) {
			assert.match(text, new RegExp(`^  --${name}\\b`, 'm'));
		}
		assert.ok(text.split('\n').every((line) => line.length <= 120));
	});

	it('knows the version of the package', () => {
		const { version: expected } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
		assert.equal(version(), expected);
	});
});
