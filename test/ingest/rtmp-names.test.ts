import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinQueries, parseName, type QueriedName } from '#src/ingest/rtmp-names.js';

const CASES: { text: string; parsed: QueriedName | null }[] = [
	{ text: 'live', parsed: { name: 'live', query: '' } },
	{ text: '/live/', parsed: { name: 'live', query: '' } },
	{ text: 'live/?a=/b?c', parsed: { name: 'live', query: 'a=/b?c' } },
	{ text: 'name?', parsed: { name: 'name', query: '' } },
	{ text: 'A-z_0', parsed: { name: 'A-z_0', query: '' } },
	{ text: 'x'.repeat(128), parsed: { name: 'x'.repeat(128), query: '' } },
	{ text: 'x'.repeat(129), parsed: null },
	{ text: '', parsed: null },
	{ text: '?key=1', parsed: null },
	{ text: '//', parsed: null },
	{ text: 'live/extra', parsed: null },
	{ text: '..', parsed: null },
	{ text: 'a.flv', parsed: null },
	{ text: 'mp4:name', parsed: null },
	{ text: 'na\nme', parsed: null },
	{ text: 'name\n', parsed: null },
	{ text: 'naïve', parsed: null },
];

for (const { text, parsed } of CASES) {
	test(`${JSON.stringify(text.slice(0, 20))} is ${parsed === null ? 'no name' : `the name ${parsed.name.slice(0, 20)}`}`, () => {
		if (parsed === null) {
			assert.throws(() => parseName(text), { code: 'NAME_INVALID' });
		} else {
			assert.deepEqual(parseName(text), parsed);
		}
	});
}

test('queries of app and name are joined, each may be missing', () => {
	assert.equal(joinQueries('a=1', 'b=2'), 'a=1&b=2');
	assert.equal(joinQueries('', 'b=2'), 'b=2');
	assert.equal(joinQueries('a=1', ''), 'a=1');
	assert.equal(joinQueries('', ''), '');
});
