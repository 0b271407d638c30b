import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StallWatch } from '#src/record/disk/stall-watch.js';
import type { RecorderEvent } from '#src/record/output.js';

test('a disk that does not answer is an alarm, once, and its end is told', async () => {
	const events: RecorderEvent[] = [];
	let nowMs = 1000;
	const watch = new StallWatch(
		(event) => events.push(event),
		() => nowMs,
	);
	assert.equal(await watch.during(Promise.resolve(7)), 7);
	nowMs += 60_000;
	watch.look();
	let answer: () => void = () => undefined;
	const step = watch.during(
		new Promise<void>((resolve) => {
			answer = resolve;
		}),
	);
	nowMs += 4000;
	watch.look();
	assert.deepEqual(events, [], 'four seconds are no alarm');
	for (let second = 0; second < 10; second++) {
		nowMs += 1000;
		watch.look();
	}
	answer();
	await step;
	nowMs += 60_000;
	watch.look();
	assert.deepEqual(events, [
		{ level: 'error', message: 'the disk for recordings does not answer', fields: { stalledMs: 6000 } },
		{ level: 'warn', message: 'the disk for recordings answers again', fields: { stalledMs: 14_000 } },
	]);
	await assert.rejects(watch.during(Promise.reject(new Error('broken'))), /broken/);
});
