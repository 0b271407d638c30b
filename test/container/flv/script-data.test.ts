import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scriptName, scriptTagBody } from '#src/container/flv/script-data.js';
import { hex } from '../../support/hex.js';

describe('a script tag', () => {
	it('is named by the string it starts with', () => {
		assert.equal(scriptName(hex('02 000a "onMetaData" 08')), 'onMetaData');
		assert.equal(scriptName(hex('02 0000')), '');
	});

	for (const body of ['', '02', '02 00', '02 0005 "abcd"', '00 4000000000000000', '0c 0000000a "onMetaData"']) {
		it(`has no name when it starts otherwise: ${body}`, () => {
			assert.equal(scriptName(hex(body)), null);
		});
	}

	it('loses the @setDataFrame of the data message it came in', () => {
		const metadata = hex('02 000a "onMetaData" 05');
		assert.deepEqual(scriptTagBody(hex('02 000d "@setDataFrame" 02 000a "onMetaData" 05'), false), metadata);
		assert.deepEqual(scriptTagBody(hex('00 02 000d "@setDataFrame" 02 000a "onMetaData" 05'), true), metadata);
		assert.deepEqual(scriptTagBody(metadata, false), metadata);
		assert.deepEqual(scriptTagBody(metadata, true), metadata);
	});
});
