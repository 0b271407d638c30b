import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { describe, it } from 'node:test';
import { DescriptorStock } from '#src/process/descriptor-stock.js';

describe('descriptor stock', () => {
	it('gives every thread descriptors of its own', () => {
		const stock = new DescriptorStock({ rtmp: [10, 11], rtmps: [20, 21], http: [30] });
		assert.deepEqual(stock.take(['rtmp', 'rtmps']), { rtmp: 10, rtmps: 20 });
		assert.deepEqual(stock.take(['rtmp', 'rtmps']), { rtmp: 11, rtmps: 21 });
	});

	it('leaves out a listener that is off', () => {
		const stock = new DescriptorStock({ http: [30], files: [] });
		assert.deepEqual(stock.take(['http', 'files']), { http: 30 });
	});

	it('takes nothing when one of several has run out', () => {
		const stock = new DescriptorStock({ http: [30, 31], files: [40] });
		stock.take(['http', 'files']);
		assert.equal(stock.take(['http', 'files']), null);
		assert.deepEqual(stock.take(['http']), { http: 31 });
	});

	it('closes what nobody took, and has none left', () => {
		const [taken, spare] = [openSync('/dev/null', 'r'), openSync('/dev/null', 'r')];
		const stock = new DescriptorStock({ http: [taken, spare] });
		stock.take(['http']);
		stock.close();
		assert.throws(() => fstatSync(spare), { code: 'EBADF' });
		assert.equal(stock.take(['http']), null);
		closeSync(taken);
	});
});
