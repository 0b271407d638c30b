import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeyedQueue } from '#src/process/keyed-queue.js';

describe('keyed queue', () => {
	it('runs the actions of a key in order, each after the one before has settled', async () => {
		const queue = new KeyedQueue();
		const log: string[] = [];
		const action = (name: string) => async () => {
			log.push(`${name} begins`);
			await new Promise((resolve) => setImmediate(resolve));
			log.push(`${name} ends`);
			return name;
		};
		assert.deepEqual(await Promise.all([queue.run('k', action('a')), queue.run('k', action('b'))]), ['a', 'b']);
		assert.deepEqual(log, ['a begins', 'a ends', 'b begins', 'b ends']);
	});

	it('runs different keys side by side', async () => {
		const queue = new KeyedQueue();
		let release = (): void => undefined;
		const blocked = queue.run('k', () => new Promise<void>((resolve) => (release = resolve)));
		assert.equal(await queue.run('other', async () => 'done'), 'done');
		release();
		await blocked;
	});

	it('goes on after an action that failed, whose caller hears of it', async () => {
		const queue = new KeyedQueue();
		const failed = queue.run('k', () => Promise.reject(new Error('no')));
		const next = queue.run('k', async () => 'done');
		await assert.rejects(failed, /no/);
		assert.equal(await next, 'done');
	});

	it('knows what is busy, and forgets keys that are not', async () => {
		const queue = new KeyedQueue();
		const run = queue.run('k', async () => undefined);
		assert.equal(queue.busy('k'), true);
		await run;
		await new Promise((resolve) => setImmediate(resolve));
		assert.equal(queue.busy('k'), false);
	});
});
