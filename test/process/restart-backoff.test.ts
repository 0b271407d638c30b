import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RestartBackoff } from '#src/process/restart-backoff.js';

describe('restart back-off', () => {
	it('restarts at once, then after growing delays up to half a minute', () => {
		const backoff = new RestartBackoff();
		const delays = Array.from({ length: 9 }, () => backoff.delayAfter(10));
		assert.deepEqual(delays, [0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
	});

	it('comes back soon from each of many deaths, when every life had served', () => {
		const backoff = new RestartBackoff();
		const delays = Array.from({ length: 60 }, () => backoff.delayAfter(4000, 3000));
		assert.deepEqual(new Set(delays), new Set([0]));
	});

	it('takes one step back for each life that served', () => {
		const backoff = new RestartBackoff();
		for (let death = 0; death < 4; death++) {
			backoff.delayAfter(10);
		}
		const delays = Array.from({ length: 5 }, () => backoff.delayAfter(4000, 3000));
		assert.deepEqual(delays, [2000, 1000, 500, 0, 0]);
		assert.equal(backoff.delayAfter(10), 0);
		assert.equal(backoff.delayAfter(10), 500);
	});

	it('never waits for longer than two seconds after a life that was ready, however short', () => {
		const backoff = new RestartBackoff();
		const delays = Array.from({ length: 8 }, () => backoff.delayAfter(900, 10));
		assert.deepEqual(delays, [0, 500, 1000, 2000, 2000, 2000, 2000, 2000]);
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
