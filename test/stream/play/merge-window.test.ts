import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MergeWindow, unknownCost } from '#src/stream/play/merge-window.js';

const costs = new WeakMap<MergeWindow, ReturnType<typeof unknownCost>[]>();

/** Runs a thread of `hubs` streams with `recordsPerSecond` each, whose flushes cost what `costMs` says. */
function run(options: {
	window: MergeWindow;
	fromMs: number;
	seconds: number;
	hubs: number;
	recordsPerSecond: number;
	costMs: number;
}): number {
	const { window, fromMs, seconds, hubs, recordsPerSecond, costMs } = options;
	const intervalMs = 1000 / recordsPerSecond;
	const known = costs.get(window) ?? Array.from({ length: hubs }, unknownCost);
	costs.set(window, known);
	let nowMs = fromMs;
	while (nowMs < fromMs + seconds * 1000) {
		const stepMs = Math.max(intervalMs, window.windowMs);
		for (let hub = 0; hub < hubs; hub++) {
			const records = Math.max(1, Math.round(stepMs / intervalMs));
			window.account(known[hub]!, costMs, records, nowMs + (stepMs * hub) / hubs);
		}
		nowMs += stepMs;
	}
	return nowMs;
}

const FRAMES = 70;

describe('the automatic merge window', () => {
	const calm = (): MergeWindow => new MergeWindow(0, () => 0.3);

	it('is zero while flushing every record costs less than a fifth of the time', () => {
		const window = calm();
		run({ window, fromMs: 0, seconds: 10, hubs: 1, recordsPerSecond: FRAMES, costMs: 0.03 });
		assert.equal(window.windowMs, 0);
	});

	for (const [viewers, least, most] of [
		[2000, 64, 96],
		[8000, 256, 350],
		[19_000, 350, 350],
	] as const) {
		it(`is ${least} to ${most} ms for ${viewers} viewers of one stream at 8 µs a write`, () => {
			const window = calm();
			run({ window, fromMs: 0, seconds: 20, hubs: 1, recordsPerSecond: FRAMES, costMs: viewers * 0.008 });
			assert.ok(window.windowMs >= least && window.windowMs <= most, `${window.windowMs} ms`);
		});
	}

	it('opens within half a second when thousands of viewers come at once', () => {
		const window = calm();
		const atMs = run({ window, fromMs: 0, seconds: 5, hubs: 1, recordsPerSecond: FRAMES, costMs: 0.05 });
		run({ window, fromMs: atMs, seconds: 0.5, hubs: 1, recordsPerSecond: FRAMES, costMs: 24 });
		assert.ok(window.windowMs >= 60, `${window.windowMs} ms`);
	});

	it('stays zero when the thread is held up once', () => {
		const window = calm();
		let atMs = run({ window, fromMs: 0, seconds: 5, hubs: 1, recordsPerSecond: FRAMES, costMs: 0.05 });
		window.account(costs.get(window)![0]!, 100, 1, atMs);
		atMs = run({ window, fromMs: atMs, seconds: 0.2, hubs: 1, recordsPerSecond: FRAMES, costMs: 0.05 });
		assert.equal(window.windowMs, 0);
	});

	it('counts all streams of the thread together', () => {
		const window = calm();
		run({ window, fromMs: 0, seconds: 20, hubs: 1000, recordsPerSecond: FRAMES, costMs: 0.03 });
		assert.ok(window.windowMs >= 120 && window.windowMs <= 180, `${window.windowMs} ms`);
	});

	it('goes back to zero when the viewers leave', () => {
		const window = calm();
		const atMs = run({ window, fromMs: 0, seconds: 10, hubs: 1, recordsPerSecond: FRAMES, costMs: 16 });
		assert.ok(window.windowMs > 0);
		run({ window, fromMs: atMs, seconds: 10, hubs: 1, recordsPerSecond: FRAMES, costMs: 0.05 });
		assert.equal(window.windowMs, 0);
	});

	it('does not delay what it would not merge', () => {
		const window = calm();
		run({ window, fromMs: 0, seconds: 10, hubs: 1, recordsPerSecond: 10, costMs: 16 });
		assert.equal(window.windowMs, 0, '16 ms every 100 ms are less than a fifth');
	});

	it('grows to a second when the thread is saturated, and no further', () => {
		let busy = 0.99;
		const window = new MergeWindow(0, () => busy);
		const atMs = run({ window, fromMs: 0, seconds: 30, hubs: 1, recordsPerSecond: FRAMES, costMs: 300 });
		assert.equal(window.windowMs, 1000);
		busy = 0.5;
		run({ window, fromMs: atMs, seconds: 30, hubs: 1, recordsPerSecond: FRAMES, costMs: 80 });
		assert.equal(window.windowMs, 350);
	});
});
