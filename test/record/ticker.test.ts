import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { Ticker } from '#src/record/ticker.js';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('ticker', () => {
	it('takes a step at once and at every tick until it is over, with one timer for all', async (t) => {
		t.mock.timers.enable({ apis: ['setInterval'] });
		const ticker = new Ticker();
		const steps: string[] = [];
		const repeat = (name: string, times: number) => {
			let left = times;
			return ticker.repeat(
				async () => {
					steps.push(name);
					return --left === 0;
				},
				() => undefined,
			);
		};
		const a = repeat('a', 2);
		const b = repeat('b', 3);
		await settle();
		t.mock.timers.tick(1000);
		await settle();
		await a.over;
		t.mock.timers.tick(1000);
		await settle();
		await b.over;
		t.mock.timers.tick(5000);
		assert.deepEqual(steps, ['a', 'b', 'a', 'b', 'b']);
	});

	it('does not step again while a step takes its time, but beats', async (t) => {
		t.mock.timers.enable({ apis: ['setInterval'] });
		let finish: (over: boolean) => void = () => undefined;
		let steps = 0;
		let beats = 0;
		const { over, now } = new Ticker().repeat(
			() => {
				steps++;
				return new Promise((resolve) => (finish = resolve));
			},
			() => beats++,
		);
		t.mock.timers.tick(4000);
		now();
		assert.deepEqual([steps, beats], [1, 6]);
		finish(false);
		await settle();
		assert.equal(steps, 2, 'now() asked for another step, which follows at once');
		finish(true);
		await over;
	});

	it('is over when a step throws', async (t) => {
		t.mock.timers.enable({ apis: ['setInterval'] });
		const step = mock.fn(() => Promise.reject(new Error('broken')));
		await assert.rejects(new Ticker().repeat(step, () => undefined).over, /broken/);
		t.mock.timers.tick(5000);
		assert.equal(step.mock.callCount(), 1);
	});
});
