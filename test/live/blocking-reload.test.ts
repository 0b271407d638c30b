import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideReload, type LiveEdge, parseDirectives } from '#src/live/blocking-reload.js';

/** Segments up to 10 are complete, each of 6 parts; 3 parts of segment 11 are there. 3 s are 10 parts. */
const edge: LiveEdge = {
	lastMsn: 10,
	openParts: 3,
	partsOf: (msn) => (msn >= 5 && msn <= 10 ? 6 : null),
	partTarget: 0.3,
};
const atBoundary: LiveEdge = { ...edge, openParts: 0 };
const longParts: LiveEdge = { ...edge, partTarget: 1.5 };

const cases: [query: string, edge: LiveEdge, expected: ReturnType<typeof decideReload> | 'bad'][] = [
	['', edge, 'answer'],
	['_HLS_skip=YES', edge, 'answer'],
	['_HLS_msn=10', edge, 'answer'],
	['_HLS_msn=3', edge, 'answer'],
	['_HLS_msn=11', edge, 'wait'],
	['_HLS_msn=12', edge, 'wait'],
	['_HLS_msn=13', edge, 'refuse'],
	['_HLS_msn=11&_HLS_part=2', edge, 'answer'],
	['_HLS_msn=11&_HLS_part=3', edge, 'wait'],
	['_HLS_msn=11&_HLS_part=12', edge, 'wait'],
	['_HLS_msn=11&_HLS_part=13', edge, 'refuse'],
	['_HLS_msn=12&_HLS_part=0', edge, 'wait'],
	['_HLS_msn=12&_HLS_part=9', edge, 'wait'],
	['_HLS_msn=12&_HLS_part=10', edge, 'refuse'],
	['_HLS_msn=13&_HLS_part=0', edge, 'refuse'],
	['_HLS_msn=10&_HLS_part=5', edge, 'answer'],
	['_HLS_msn=10&_HLS_part=6', edge, 'answer'],
	['_HLS_msn=10&_HLS_part=5', atBoundary, 'answer'],
	['_HLS_msn=10&_HLS_part=6', atBoundary, 'wait'],
	['_HLS_msn=9&_HLS_part=6', atBoundary, 'answer'],
	['_HLS_msn=3&_HLS_part=99', atBoundary, 'answer'],
	['_HLS_msn=11&_HLS_part=5', longParts, 'wait'],
	['_HLS_msn=11&_HLS_part=6', longParts, 'refuse'],
	['_HLS_part=0', edge, 'bad'],
	['_HLS_msn=-1', edge, 'bad'],
	['_HLS_msn=1.5', edge, 'bad'],
	['_HLS_msn=', edge, 'bad'],
	['_HLS_msn=11&_HLS_part=x', edge, 'bad'],
	['_HLS_msn=99999999999999999999', edge, 'bad'],
];

for (const [query, at, expected] of cases) {
	test(`${query || 'no directive'} with ${at.openParts} parts of ${at.partTarget} s there: ${expected}`, () => {
		const directives = parseDirectives(query);
		assert.equal(directives === null ? 'bad' : decideReload(directives, at), expected);
	});
}

test('a delta update is asked for by YES or v2, and by nothing else', () => {
	for (const [query, skip] of [
		['_HLS_skip=YES', true],
		['_HLS_skip=v2', true],
		['_HLS_skip=no', false],
		['a=b', false],
	]) {
		assert.equal(parseDirectives(String(query))?.skip, skip);
	}
});
