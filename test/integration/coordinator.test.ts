import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { BroadcastChannel } from 'node:worker_threads';
import { pino } from 'pino';
import { Coordinator, type CoordinatorOptions } from '#src/process/coordinator.js';
import { testConfig } from '../support/config.js';
import type { FakeCommand, FakeReport } from '../support/fake-role.js';
import { until } from '../support/until.js';

const ENTRY = new URL('../support/fake-role.js', import.meta.url);

describe('coordinator', () => {
	let open: (() => Promise<void>)[] = [];
	let media: string;
	beforeEach(async () => {
		media = await mkdtemp(path.join(tmpdir(), 'millrace-coordinator-'));
	});
	afterEach(async () => {
		await Promise.all(open.map((close) => close()));
		open = [];
		await rm(media, { recursive: true });
	});

	async function start(overrides: Record<string, unknown> = {}, options: Partial<CoordinatorOptions> = {}) {
		const channel = new BroadcastChannel(String(process.pid));
		const reports: FakeReport[] = [];
		const waiting = new Set<() => void>();
		channel.onmessage = (event) => {
			const message = (event as { data: FakeReport | FakeCommand }).data;
			if ('from' in message) {
				reports.push(message);
				for (const check of waiting) {
					check();
				}
			}
		};
		const fatal: string[] = [];
		const coordinator = new Coordinator({
			role: 'origin',
			server: { role: 'origin', ports: {} },
			config: testConfig({ media, record: { minFree: 0 }, ...overrides }),
			listeners: {},
			log: pino({ level: 'silent' }),
			onFatal: (reason) => fatal.push(reason),
			threads: { ingest: 2, delivery: 1, remux: 1 },
			entries: { ingest: ENTRY, delivery: ENTRY },
			...options,
		});
		open.push(async () => {
			await coordinator.drain(1000);
			channel.close();
		});
		await coordinator.start();
		/** Resolves with the first unseen report of `from` that says `heard`. */
		const heard = (from: string, what: string): Promise<FakeReport> =>
			new Promise((resolve) => {
				const check = (): void => {
					const at = reports.findIndex((report) => report.from === from && report.heard === what);
					if (at >= 0) {
						waiting.delete(check);
						resolve(reports.splice(at, 1)[0] as FakeReport);
					}
				};
				waiting.add(check);
				check();
			});
		const tell = (to: string, act: FakeCommand['do']): void => channel.postMessage({ to, do: act });
		return { coordinator, heard, tell, fatal, channel };
	}

	it('gives each thread its descriptors and tells every thread of a stream', async () => {
		// A descriptor that no thread has taken is closed at the end of the test.
		const spare = openSync('/dev/null', 'r');
		const { heard, tell } = await start({}, { listeners: { rtmp: [100, 101, spare], http: [103], files: [] } });
		assert.deepEqual((await heard('ingest-0', 'started with 0 streams')).listeners, { rtmp: 100 });
		assert.deepEqual((await heard('ingest-1', 'started with 0 streams')).listeners, { rtmp: 101 });
		assert.deepEqual((await heard('delivery-0', 'started with 0 streams')).listeners, { http: 103 });
		tell('ingest-0', 'publish');
		await heard('ingest-0', 'granted');
		for (const thread of ['ingest-0', 'ingest-1', 'delivery-0']) {
			await heard(thread, 'stream-opened');
		}
	});

	it('replaces a crashed ingest thread, keeps its stream in grace and lets another thread resume it', async () => {
		const { heard, tell, coordinator } = await start();
		tell('ingest-0', 'publish');
		await heard('ingest-0', 'granted');
		tell('ingest-0', 'write');
		await heard('ingest-0', 'written');
		tell('ingest-0', 'throw');
		await heard('delivery-0', 'stream-publisher false');
		await heard('ingest-0', 'started with 1 streams');
		assert.equal(coordinator.snapshot().streams[0]?.publisher, null);
		tell('ingest-1', 'publish');
		await heard('ingest-1', 'granted resumed');
		await heard('delivery-0', 'stream-publisher true');
		assert.equal(coordinator.snapshot().threads.find(({ thread }) => thread === 'ingest-0')?.restarts, 1);
	});

	it('replaces a thread that hangs', async () => {
		const { heard, tell } = await start();
		const first = await heard('ingest-1', 'started with 0 streams');
		tell('ingest-1', 'hang');
		const second = await heard('ingest-1', 'started with 0 streams');
		assert.notEqual(second.life, first.life);
	});

	it('passes a stream from one thread to another when it is taken over', async () => {
		const { heard, tell } = await start({ publish: { conflict: 'takeover' } });
		tell('ingest-0', 'publish');
		await heard('ingest-0', 'granted');
		tell('ingest-0', 'write');
		await heard('ingest-0', 'written');
		tell('ingest-1', 'publish');
		await heard('ingest-0', 'revoked PUBLISH_REPLACED');
		await heard('ingest-1', 'granted resumed');
		tell('ingest-1', 'write');
		await heard('ingest-1', 'written');
		tell('ingest-0', 'write');
		await heard('ingest-0', 'fenced');
	});

	it('tells every thread where a grown ring is', async () => {
		const { heard, tell, coordinator } = await start();
		tell('ingest-0', 'publish');
		await heard('ingest-0', 'granted');
		tell('ingest-0', 'grow');
		await heard('delivery-0', 'stream-ring');
		assert.equal(coordinator.snapshot().streams[0]?.ringBytes, 2 * 1024 ** 2);
	});

	it('connects every delivery thread with every ingest thread, again after a restart', async () => {
		const { heard, tell } = await start();
		await heard('delivery-0', 'port says ingest-0');
		await heard('delivery-0', 'port says ingest-1');
		await heard('ingest-0', 'port says delivery-0');
		tell('ingest-0', 'exit');
		await heard('delivery-0', 'push-port-closed');
		await heard('delivery-0', 'port says ingest-0');
		tell('delivery-0', 'exit');
		await heard('ingest-0', 'port says delivery-0');
		await heard('ingest-1', 'port says delivery-0');
	});

	it('asks to be replaced when no descriptor is left for a restart', async () => {
		const { heard, tell, fatal } = await start({}, { listeners: { rtmp: [100, 101, 102] } });
		const restarted = async (): Promise<void> => {
			tell('ingest-0', 'exit');
			await heard('delivery-0', 'push-port-closed');
		};
		await heard('ingest-0', 'started with 0 streams');
		await restarted();
		assert.deepEqual((await heard('ingest-0', 'started with 0 streams')).listeners, { rtmp: 102 });
		await restarted();
		await until(() => fatal.length > 0);
		assert.deepEqual(fatal, ['no listening descriptors are left to restart ingest-0']);
	});

	it('does not start when a thread dies on the way', async () => {
		const entries = { ingest: new URL('./missing.js', import.meta.url), delivery: ENTRY };
		await assert.rejects(start({}, { entries }), /a thread did not start/);
	});

	it('drains: streams end, threads stop and are not replaced', async () => {
		const { heard, tell, coordinator } = await start();
		tell('ingest-0', 'publish');
		await heard('ingest-0', 'granted');
		await coordinator.drain(5000);
		assert.deepEqual(coordinator.snapshot().streams, []);
	});

	it('drains within its deadline though a thread hangs', async () => {
		const { heard, tell, coordinator } = await start();
		tell('ingest-0', 'publish');
		await heard('ingest-0', 'granted');
		tell('ingest-0', 'hang');
		await heard('ingest-0', 'hanging');
		await coordinator.drain(200);
		assert.deepEqual(coordinator.snapshot().streams, []);
	});
});
