import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Backoff } from '#src/web/assets/web/backoff.js';
import { TrackClock } from '#src/web/assets/web/track-clock.js';

describe('Backoff of the pages', () => {
	it('doubles up to its limit, keeps jitter within half a step, and starts over', () => {
		const longest = new Backoff(1000, 15_000, () => 1);
		assert.deepEqual(
			Array.from({ length: 6 }, () => longest.next()),
			[1000, 2000, 4000, 8000, 15_000, 15_000],
		);
		longest.reset();
		assert.equal(longest.next(), 1000);
		assert.equal(new Backoff(1000, 15_000, () => 0).next(), 500);
	});
});

describe('TrackClock', () => {
	it('anchors a track to its first arrival and then follows its own even times', () => {
		const clock = new TrackClock();
		assert.equal(clock.timeOf(77_000_000, 1000), 1000);
		assert.equal(clock.timeOf(77_040_000, 1063), 1040);
		assert.equal(clock.timeOf(77_080_000, 1075), 1080);
	});

	it('starts anew when the source jumps, and never goes back', () => {
		const clock = new TrackClock();
		clock.timeOf(0, 1000);
		assert.equal(clock.timeOf(9_000_000, 1040), 1040);
		assert.equal(clock.timeOf(9_040_000, 1080), 1080);
		assert.equal(clock.timeOf(0, 1070), 1080);
	});
});
