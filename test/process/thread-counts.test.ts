import assert from 'node:assert/strict';
import { it } from 'node:test';
import { threadCounts } from '#src/process/thread-counts.js';
import { ORIGIN } from '#src/process/topology.js';
import { testConfig } from '../support/config.js';

const CASES = [
	{ cores: 1, threads: {}, counts: { ingest: 1, delivery: 1, remux: 1 } },
	{ cores: 2, threads: {}, counts: { ingest: 1, delivery: 1, remux: 1 } },
	{ cores: 8, threads: {}, counts: { ingest: 4, delivery: 4, remux: 2 } },
	{ cores: 7, threads: {}, counts: { ingest: 3, delivery: 3, remux: 1 } },
	{ cores: 2, threads: { ingest: 3, remux: 5 }, counts: { ingest: 3, delivery: 1, remux: 5 } },
];

for (const { cores, threads, counts } of CASES) {
	it(`has ${JSON.stringify(counts)} with ${cores} cores and ${JSON.stringify(threads)} configured`, () => {
		assert.deepEqual(threadCounts(testConfig({ threads }), ORIGIN, cores), counts);
	});
}

it('has delivery threads and nothing else where there are only files', () => {
	const counts = threadCounts(testConfig(), { filesOnly: true }, 4);
	assert.deepEqual(counts, { ingest: 0, delivery: 4, remux: 0 });
});
