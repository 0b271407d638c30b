import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ERROR_CODES, type ErrorCode, PeerError, reasonOf } from '#src/errors.js';

describe('a reason', () => {
	for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
		it(`says the sentence of ${code} once, however often it is passed on`, () => {
			const first = reasonOf(code, 'because of a detail');
			assert.equal(first.message, `${ERROR_CODES[code]}: because of a detail`);
			assert.deepEqual(reasonOf(code, first.message), first);
			assert.equal(new PeerError(code, new PeerError(code).message).message, ERROR_CODES[code]);
		});
	}
});
