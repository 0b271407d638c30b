import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServerAddress } from '#src/protocol/credentials.js';
import { Upstreams } from '#src/relay/upstreams.js';

describe('upstreams', () => {
	it('are asked in their order, those that failed lately last', () => {
		let nowMs = 0;
		const upstreams = new Upstreams(named('a', 'b', 'c'), () => nowMs);
		const order = (): string[] => upstreams.order().map(({ address }) => address);
		assert.deepEqual(order(), ['a', 'b', 'c']);
		upstreams.failed('a');
		upstreams.failed('b');
		assert.deepEqual(order(), ['c', 'a', 'b']);
		assert.equal(upstreams.anyTrusted, true);
		upstreams.failed('c');
		assert.equal(upstreams.anyTrusted, false);
		assert.deepEqual(order(), ['a', 'b', 'c']);
		upstreams.worked('c');
		upstreams.worked('b');
		assert.deepEqual(order(), ['b', 'c', 'a']);
		nowMs = 10_001;
		assert.deepEqual(order(), ['a', 'b', 'c']);
		upstreams.configure(named('c', 'a'));
		assert.deepEqual(order(), ['c', 'a']);
	});
});

function named(...addresses: string[]): ServerAddress[] {
	return addresses.map((address) => ({ address, credentials: null }));
}
