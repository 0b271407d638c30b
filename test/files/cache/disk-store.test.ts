import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { FakeUpstream, serveText, TestTier } from '../../support/cache-tier.js';
import { until } from '../../support/until.js';

const SEGMENT = '/hls/live/test/segment_1.ts';
const IMMUTABLE = { 'Content-Type': 'video/mp2t', 'Cache-Control': 'max-age=3600', ETag: '"s1"' };

/** A directory for the test, and gateways that keep their cache there; all of them are closed before it is removed. */
function makeCache(t: TestContext) {
	const directory = mkdtempSync(path.join(tmpdir(), 'millrace-cache-'));
	const started: TestTier[] = [];
	t.after(async () => {
		await Promise.all(started.flatMap(({ tiers }) => tiers.map((tier) => tier.close())));
		rmSync(directory, { recursive: true, force: true });
	});
	const start = async (upstream: FakeUpstream, { threads = 1, disk = 2 ** 30 } = {}): Promise<TestTier> => {
		const tier = await TestTier.start(t, [upstream.url], { cache: { directory, disk }, threads });
		started.push(tier);
		return tier;
	};
	return { directory, start };
}

function wholeFiles(directory: string): string[] {
	return readdirSync(directory).filter((name) => !name.endsWith('.tmp'));
}

describe('the cache on disk', () => {
	it('has segments after a restart, also when the upstream is gone', async (t) => {
		const { directory, start } = makeCache(t);
		const upstream = await FakeUpstream.start(t, serveText('0123456789', IMMUTABLE));
		const first = await start(upstream, { threads: 2 });
		await first.ask(SEGMENT);
		await until(() => wholeFiles(directory).length === 1);
		await upstream.kill();
		const second = await start(upstream, { threads: 3 });
		for (const thread of [0, 1, 2]) {
			const { body, headers } = await second.ask(SEGMENT, {}, { thread });
			assert.equal(body.toString(), '0123456789');
			assert.equal(headers['content-type'], 'video/mp2t');
		}
	});

	it('removes what was not used for longest when it is full', async (t) => {
		const { directory, start } = makeCache(t);
		const upstream = await FakeUpstream.start(t, serveText('x'.repeat(10_000), IMMUTABLE));
		const tier = await start(upstream, { disk: 55_000 });
		for (let number = 0; number < 12; number++) {
			await tier.ask(`/segment_${number}.ts`);
			await until(() => wholeFiles(directory).length === Math.min(number + 1, 5));
		}
		assert.ok(tier.counters[0]!.get('currentFileDiskBytes') <= 55_000);
	});

	it('takes no notice of files that are not whole, and leaves those of others alone', async (t) => {
		const { directory, start } = makeCache(t);
		const upstream = await FakeUpstream.start(t, serveText('0123456789', IMMUTABLE));
		const first = await start(upstream);
		await first.ask(SEGMENT);
		await until(() => wholeFiles(directory).length === 1);
		const [name = ''] = wholeFiles(directory);
		writeFileSync(path.join(directory, name), `{"key":"${SEGMENT}","bodyBytes":10}\nhalf`);
		writeFileSync(path.join(directory, `${'a'.repeat(64)}.tmp`), 'half');
		writeFileSync(path.join(directory, 'notes.txt'), 'mine');
		const second = await start(upstream);
		assert.equal((await second.ask(SEGMENT)).body.toString(), '0123456789');
		assert.equal(upstream.requests.length, 2);
		assert.ok(readdirSync(directory).includes('notes.txt'));
		assert.ok(!readdirSync(directory).includes(`${'a'.repeat(64)}.tmp`));
	});

	it('is done without when it cannot be written', async (t) => {
		const { directory, start } = makeCache(t);
		const upstream = await FakeUpstream.start(t, serveText('0123456789', IMMUTABLE));
		const tier = await start(upstream);
		rmSync(directory, { recursive: true });
		assert.equal((await tier.ask(SEGMENT)).status, 200);
		await until(() => tier.faults.some((fault) => fault.includes('cannot be written')));
		assert.equal((await tier.ask(SEGMENT)).status, 200);
	});
});
