import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkPreconditions, isRangeValid } from '#src/files/preconditions.js';

const MODIFIED = 'Tue, 15 Nov 1994 12:45:26 GMT';
const EARLIER = 'Tue, 15 Nov 1994 12:45:25 GMT';
const LATER = 'Tue, 15 Nov 1994 12:45:27 GMT';
const version = { etag: '"abc"', lastModifiedMs: Date.parse(MODIFIED) };

describe('preconditions', () => {
	for (const [headers, status] of [
		[{}, 200],
		[{ 'if-none-match': '"abc"' }, 304],
		[{ 'if-none-match': 'W/"abc"' }, 304],
		[{ 'if-none-match': '"x", W/"abc"' }, 304],
		[{ 'if-none-match': '*' }, 304],
		[{ 'if-none-match': '"abcd"' }, 200],
		[{ 'if-none-match': 'abc' }, 200],
		[{ 'if-modified-since': MODIFIED }, 304],
		[{ 'if-modified-since': LATER }, 304],
		[{ 'if-modified-since': EARLIER }, 200],
		[{ 'if-modified-since': 'yesterday' }, 200],
		[{ 'if-none-match': '"old"', 'if-modified-since': LATER }, 200],
		[{ 'if-match': '"abc"' }, 200],
		[{ 'if-match': '*' }, 200],
		[{ 'if-match': 'W/"abc"' }, 412],
		[{ 'if-match': '"old"' }, 412],
		[{ 'if-match': '"abc"', 'if-none-match': '"abc"' }, 304],
		[{ 'if-unmodified-since': EARLIER }, 412],
		[{ 'if-unmodified-since': MODIFIED }, 200],
		[{ 'if-match': '"abc"', 'if-unmodified-since': EARLIER }, 200],
	] as const) {
		it(`come to ${status} with ${JSON.stringify(headers)}`, () => {
			assert.equal(checkPreconditions(headers, version), status);
		});
	}

	it('go by the entity tag alone when the time is not known', () => {
		const timeless = { etag: '"abc"', lastModifiedMs: null };
		assert.equal(checkPreconditions({ 'if-modified-since': LATER }, timeless), 200);
		assert.equal(checkPreconditions({ 'if-unmodified-since': EARLIER }, timeless), 200);
	});
});

describe('If-Range', () => {
	for (const [value, valid] of [
		[undefined, true],
		['"abc"', true],
		['W/"abc"', false],
		['"old"', false],
		[MODIFIED, true],
		[EARLIER, false],
		[LATER, false],
		['nonsense', false],
	] as const) {
		it(`${valid ? 'keeps' : 'drops'} the range with ${value}`, () => {
			assert.equal(isRangeValid(value === undefined ? {} : { 'if-range': value }, version), valid);
		});
	}
});
