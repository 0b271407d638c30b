import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinQueries, type QueriedName, splitName } from '#src/ingest/rtmp-names.js';

const CASES: { text: string; split: QueriedName }[] = [
	{ text: 'live', split: { name: 'live', query: '' } },
	{ text: '/live/', split: { name: 'live', query: '' } },
	{ text: 'live/?a=/b?c', split: { name: 'live', query: 'a=/b?c' } },
	{ text: 'name?', split: { name: 'name', query: '' } },
	{ text: '', split: { name: '', query: '' } },
	{ text: '?key=1', split: { name: '', query: 'key=1' } },
	{ text: '//', split: { name: '', query: '' } },
	{ text: 'a b/c~=%', split: { name: 'a b/c~=%', query: '' } },
];

for (const { text, split } of CASES) {
	test(`${JSON.stringify(text)} is the name ${JSON.stringify(split.name)}, unchecked`, () => {
		assert.deepEqual(splitName(text), split);
	});
}

test('queries of app and name are joined, each may be missing', () => {
	assert.equal(joinQueries('a=1', 'b=2'), 'a=1&b=2');
	assert.equal(joinQueries('', 'b=2'), 'b=2');
	assert.equal(joinQueries('a=1', ''), 'a=1');
	assert.equal(joinQueries('', ''), '');
});
