import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

it('alerts only on metrics that there are', () => {
	const named = new Set(read('ops/prometheus/alerts.yml').match(/\bmillrace_\w+/g));
	const there = read('test/fixtures/metrics.golden.txt');
	assert.ok(named.size > 5);
	for (const name of named) {
		assert.ok(there.includes(`# TYPE ${name} `), name);
	}
});
