import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseCoding } from '#src/files/content-coding.js';

describe('the content coding', () => {
	for (const [accepted, coding] of [
		[undefined, null],
		['', null],
		['identity', null],
		['gzip', 'gzip'],
		['gzip, deflate, br', 'br'],
		['GZIP', 'gzip'],
		['br;q=0, gzip', 'gzip'],
		['br;q=0.5, gzip;q=0.8', 'gzip'],
		['br; q=0.8, gzip; q=0.8', 'br'],
		['*', 'br'],
		['*;q=0', null],
		['br;q=0, *', 'gzip'],
		['gzip;q=nonsense', null],
		['deflate', null],
	] as const) {
		it(`is ${coding} for ${accepted}`, () => {
			assert.equal(chooseCoding(accepted), coding);
		});
	}
});
