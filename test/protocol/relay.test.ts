import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatPublisher, formatVia, parsePublisher, parseResume, parseVia } from '#src/protocol/relay.js';

describe('what relays tell each other', () => {
	it('names processes, and forgets what is none', () => {
		const ids = ['0123abcd', 'ffffffffffffffff'];
		assert.deepEqual(parseVia(formatVia(ids)), ids);
		assert.deepEqual(parseVia(' 0123abcd ,, ../etc, 12345678901234567890123456789012345,ABCDEFGH'), ['0123abcd']);
		assert.deepEqual(parseVia(undefined), []);
		assert.deepEqual(parseVia(['0123abcd', '4567cdef']), ['0123abcd', '4567cdef']);
		assert.equal(parseVia(Array.from({ length: 1000 }, () => '0123abcd').join()).length, 64);
	});

	it('says whose push it is, in words that the other side knows', () => {
		const publisher = { protocol: 'ws-flv', address: '[2001:db8::1]:4321' } as const;
		assert.deepEqual(parsePublisher(formatPublisher(publisher)), publisher);
		for (const text of [undefined, '', 'ws-flv', 'rtmp 192.0.2.1:1', ' 192.0.2.1:1']) {
			assert.equal(parsePublisher(text), null);
		}
	});

	const TIMES: readonly [text: string | undefined, timeMs: number | undefined][] = [
		['0', 0],
		['4294967295', 4_294_967_295],
		['9999999999', 9_999_999_999 >>> 0],
		['', undefined],
		['-1', undefined],
		['1.5', undefined],
		['99999999999', undefined],
		[undefined, undefined],
	];
	for (const [text, timeMs] of TIMES) {
		it(`reads the time ${JSON.stringify(text)} as ${timeMs}`, () => {
			assert.equal(parseResume(text), timeMs);
		});
	}
});
