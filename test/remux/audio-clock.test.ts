import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AudioClock } from '#src/remux/audio-clock.js';

const RATE = 44_100;
const FRAME = 1024;

/** Places frames that are stamped by `stampMs` and gives the largest distance from `trueMs`. */
function worstErrorMs(frames: number, stampMs: (frame: number) => number, trueMs: (frame: number) => number): number {
	const clock = new AudioClock(RATE);
	let worst = 0;
	let earliest = 0;
	for (let frame = 0; frame < frames; frame++) {
		const at = clock.place(stampMs(frame), FRAME, earliest);
		earliest = at + 1;
		worst = Math.max(worst, Math.abs((at * 1000) / RATE - trueMs(frame)));
	}
	return worst;
}

const exactMs = (frame: number): number => (frame * FRAME * 1000) / RATE;
const FRAMES_PER_HOUR = Math.ceil((3600 * RATE) / FRAME);

describe('the audio clock', () => {
	test('stays within a millisecond of the source over an hour of whole milliseconds', () => {
		for (const round of [Math.floor, Math.round, Math.ceil]) {
			assert(worstErrorMs(FRAMES_PER_HOUR, (frame) => round(exactMs(frame)), exactMs) < 1, round.name);
		}
	});

	test('places frames back to back, to the sample', () => {
		const clock = new AudioClock(RATE);
		for (let frame = 0; frame < 10_000; frame++) {
			assert.equal(clock.place(Math.round(exactMs(frame)), FRAME, 0), frame * FRAME);
		}
		assert.equal(clock.reanchors, 0);
	});

	test('ignores jitter of single timestamps', () => {
		const jitter = [0, 7, -6, 12, -13, 3, 20, -23];
		const clock = new AudioClock(RATE);
		for (let frame = 0; frame < 10_000; frame++) {
			const stampMs = Math.max(0, exactMs(frame) + jitter[frame % jitter.length]!);
			assert.equal(clock.place(stampMs, FRAME, 0), frame * FRAME);
		}
	});

	test('follows a source whose sampling rate is not what it says', () => {
		const drifting = (frame: number): number => exactMs(frame) * 1.0003; // 300 ppm: more than a second in an hour
		const worst = worstErrorMs(FRAMES_PER_HOUR, (frame) => Math.round(drifting(frame)), drifting);
		assert(worst < 15, `${worst} ms`);
	});

	test('takes a gap over at once', () => {
		const clock = new AudioClock(RATE);
		clock.place(0, FRAME, 0);
		assert.equal(clock.place(5000, FRAME, 0), 5 * RATE);
		assert.equal(clock.reanchors, 1);
	});

	test('never places a frame before the end of what is already out', () => {
		const clock = new AudioClock(RATE);
		clock.place(5000, FRAME, 0);
		assert.equal(clock.place(1000, FRAME, 6 * RATE), 6 * RATE);
	});

	test('starts anew after a restart', () => {
		const clock = new AudioClock(RATE);
		clock.place(0, FRAME, 0);
		clock.restart();
		assert.equal(clock.place(50, FRAME, 0), 2205);
		assert.equal(clock.reanchors, 0);
	});
});
