import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Upstreams } from '#src/relay/upstreams.js';

describe('upstreams', () => {
	it('are asked in their order, those that failed lately last', () => {
		let nowMs = 0;
		const upstreams = new Upstreams(['a', 'b', 'c'], () => nowMs);
		assert.deepEqual(upstreams.order(), ['a', 'b', 'c']);
		upstreams.failed('a');
		upstreams.failed('b');
		assert.deepEqual(upstreams.order(), ['c', 'a', 'b']);
		assert.equal(upstreams.anyTrusted, true);
		upstreams.failed('c');
		assert.equal(upstreams.anyTrusted, false);
		assert.deepEqual(upstreams.order(), ['a', 'b', 'c']);
		upstreams.worked('c');
		upstreams.worked('b');
		assert.deepEqual(upstreams.order(), ['b', 'c', 'a']);
		nowMs = 10_001;
		assert.deepEqual(upstreams.order(), ['a', 'b', 'c']);
		upstreams.configure(['c', 'a']);
		assert.deepEqual(upstreams.order(), ['c', 'a']);
	});
});
