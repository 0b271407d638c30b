import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RestartBackoff } from '#src/process/restart-backoff.js';

describe('restart back-off', () => {
	it('restarts at once, then after growing delays up to half a minute', () => {
		const backoff = new RestartBackoff();
		const delays = Array.from({ length: 9 }, () => backoff.delayAfter(10));
		assert.deepEqual(delays, [0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
	});

	it('forgets what was, once something has run for a minute', () => {
		const backoff = new RestartBackoff();
		for (let death = 0; death < 5; death++) {
			backoff.delayAfter(10);
		}
		assert.equal(backoff.delayAfter(60_000), 0);
		assert.equal(backoff.delayAfter(10), 500);
	});
});
