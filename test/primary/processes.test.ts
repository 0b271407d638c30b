import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readArguments } from '#src/cli/args.js';
import { loadConfig } from '#src/config/load.js';
import { planProcesses } from '#src/primary/processes.js';
import { testConfig } from '../support/config.js';

const GATEWAY = ['--role', 'flv-gateway', '--upstream', 'http://a'];
const FILES = ['--role', 'file-gateway'];

function configOf(argv: readonly string[]) {
	const invocation = readArguments(argv, {});
	assert.ok('sources' in invocation);
	return loadConfig(invocation.sources).config;
}

describe('processes of a role', () => {
	it('are as many as --processes says', () => {
		assert.equal(configOf([...GATEWAY, '--processes', '3']).gateway.processes, 3);
		assert.equal(configOf([...FILES, '--processes', '3']).gateway.processes, 3);
	});

	it('are of an origin its own and those that only deliver, which have neither RTMP nor its upstreams', () => {
		assert.deepEqual(
			planProcesses('origin', configOf(['--processes', '0'])).map(({ kind }) => kind),
			['origin'],
		);
		const config = configOf(['--processes', '2']);
		assert.equal(config.delivery.processes, 2);
		assert.deepEqual(
			planProcesses('origin', config).map(({ kind, index, fedByOrigin }) => [kind, index, fedByOrigin]),
			[
				['origin', 0, false],
				['delivery', 1, true],
				['delivery', 2, true],
			],
		);
		const [, delivery] = planProcesses('origin', config);
		const { gateway } = delivery!.configure({
			...config,
			gateway: { ...config.gateway, upstreams: [{ address: 'http://other', credentials: null }] },
		});
		assert.deepEqual(gateway.upstreams, [{ address: 'http://origin', credentials: null }]);
	});

	const REFUSED = [
		[[...GATEWAY, '--processes', '0'], '--processes gateway.processes: expected a whole number from 1 to 64'],
		[[...FILES, '--processes=-1'], '--processes gateway.processes: expected a whole number from 1 to 64'],
		[[...GATEWAY, '--processes', '65'], '--processes gateway.processes: expected a whole number from 1 to 64'],
		[[...GATEWAY, '--processes', '1.5'], '--processes gateway.processes: expected a whole number from 1 to 64'],
		[[...GATEWAY, '--processes', 'two'], '--processes gateway.processes: expected a whole number from 1 to 64'],
		[['--processes', '65'], '--processes delivery.processes: expected a whole number from 0 to 64'],
		[['--processes', '-1'], '--processes delivery.processes: expected a whole number from 0 to 64'],
	] as const;
	for (const [argv, problem] of REFUSED) {
		it(`are not ${argv.slice(-2).join(' ')}`, () => {
			assert.throws(
				() => configOf(argv),
				({ problems }: { problems: string[] }) => problems.length === 1 && problems[0]!.startsWith(problem),
			);
		});
	}

	it('are one that has all there is, unless more are wanted', () => {
		const config = testConfig({ cache: { directory: '/cache' } });
		for (const role of ['origin', 'flv-gateway', 'file-gateway'] as const) {
			const [plan, ...more] = planProcesses(role, config);
			assert.deepEqual(more, []);
			assert.equal(plan!.configure(config), config);
		}
	});

	it('have a part of the cache each, and write nowhere together', () => {
		const config = testConfig({
			gateway: { processes: 4 },
			cache: { directory: '/cache', memory: '100MiB', disk: '1GiB' },
		});
		const shares = planProcesses('file-gateway', config).map((plan) => plan.configure(config).cache);
		assert.deepEqual(
			shares.map(({ directory }) => directory),
			[0, 1, 2, 3].map((index) => `/cache/process-${index}`),
		);
		for (const { memory, disk } of shares) {
			assert.deepEqual([memory, disk], [25 * 1024 ** 2, 256 * 1024 ** 2]);
		}
	});

	it('share the cores as far as those are not given out by hand', () => {
		const config = testConfig({ gateway: { processes: 64 }, threads: { delivery: 3 } });
		const [plan] = planProcesses('flv-gateway', config);
		assert.deepEqual(plan!.configure(config).threads, { ingest: 1, delivery: 3, remux: 1 });
	});
});
