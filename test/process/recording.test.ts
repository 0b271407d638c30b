import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MessagePort } from 'node:worker_threads';
import { pino } from 'pino';
import { Recording } from '#src/process/recording.js';
import { type RemuxPool, RemuxTaskError } from '#src/process/remux-pool.js';
import type { RemuxTask } from '#src/process/remux-worker.js';
import { RecorderFigures } from '#src/record/recorder-figures.js';
import type { RecorderMessage } from '#src/record/recording-task.js';
import { streamName } from '#src/stream-name.js';
import { testConfig } from '../support/config.js';
import { RingFeed } from '../support/ring-feed.js';

type Attempt = {
	task: RemuxTask;
	settle: (error?: Error) => void;
	heard: unknown[];
	say: (message: RecorderMessage) => void;
};

describe('recording', () => {
	function setUp() {
		const attempts: Attempt[] = [];
		const waiting: (() => void)[] = [];
		const killed: number[] = [];
		const run = (task: RemuxTask, transfer: readonly MessagePort[] = []): Promise<unknown> =>
			new Promise((resolve, reject) => {
				const heard: unknown[] = [];
				for (const port of transfer) {
					port.on('message', (message: { type: string }) => heard.push(message.type));
				}
				const settle = (error?: Error): void => {
					for (const port of transfer) {
						port.close();
					}
					if (error === undefined) {
						resolve(null);
					} else {
						reject(error);
					}
				};
				const say = (message: RecorderMessage): void => transfer[0]?.postMessage(message);
				attempts.push({ task, settle, heard, say });
				for (const check of waiting.splice(0)) {
					check();
				}
			});
		const { ring } = new RingFeed();
		const ended: string[] = [];
		const recording = new Recording({
			stream: { streamId: 1, name: streamName('live', 'a'), ring, counterSlot: 1 },
			output: 'flv',
			config: testConfig(),
			takeEnded: (take) => ended.push(take),
			directory: '/nowhere',
			disk: new SharedArrayBuffer(16),
			pool: { run, killThread: (threadId: number) => killed.push(threadId) } as unknown as RemuxPool,
			log: pino({ level: 'silent' }),
		});
		/** The attempt number `index`, once it is made. */
		const attempt = async (index: number): Promise<Attempt> => {
			for (;;) {
				const made = attempts[index];
				if (made !== undefined) {
					return made;
				}
				await new Promise<void>((resolve) => waiting.push(resolve));
			}
		};
		return { recording, attempts, attempt, killed, ended };
	}

	const failure = new RemuxTaskError({ code: 'THREAD_LOST', message: 'gone', stack: '' });

	it('is over when its task is', async () => {
		const { recording, attempt, attempts } = setUp();
		const over = recording.run();
		(await attempt(0)).settle();
		await over;
		assert.equal(attempts.length, 1);
	});

	it('is started again after a failure, which is counted', async () => {
		const { recording, attempt } = setUp();
		const over = recording.run();
		recording.figures.set('active', 1);
		(await attempt(0)).settle(failure);
		const second = await attempt(1);
		assert.equal(second.task.type, 'record');
		assert.equal(recording.figures.get('failures'), 1);
		assert.equal(recording.figures.get('active'), 0);
		second.settle();
		await over;
	});

	it('starts again from the bigger ring', async () => {
		const { recording, attempt } = setUp();
		const over = recording.run();
		const first = await attempt(0);
		const bigger = new RingFeed(2 * 1024 ** 2).ring;
		recording.stream.ring = bigger;
		recording.replaceRing(bigger);
		first.settle(failure);
		const { task, settle } = await attempt(1);
		assert.equal(task.type === 'record' && task.ring, bigger);
		settle();
		await over;
	});

	it('tells its task that the stream has ended, also a task that is started later', async () => {
		const { recording, attempt } = setUp();
		recording.ended();
		const over = recording.run();
		const first = await attempt(0);
		await new Promise((resolve) => setImmediate(resolve));
		recording.stop();
		while (first.heard.length < 2) {
			await new Promise((resolve) => setImmediate(resolve));
		}
		assert.deepEqual(first.heard, ['ended', 'stop']);
		first.settle();
		await over;
	});

	it('hands on takes that are to be finished, also when their task fails', async () => {
		const { recording, attempt, ended } = setUp();
		const over = recording.run();
		const first = await attempt(0);
		first.say({ type: 'take-began', take: 'one' });
		first.say({ type: 'take-ended' });
		first.say({ type: 'take-began', take: 'two' });
		while (recording.openTake !== 'two') {
			await new Promise((resolve) => setImmediate(resolve));
		}
		assert.deepEqual(ended, ['one']);
		first.settle(failure);
		(await attempt(1)).settle();
		await over;
		assert.deepEqual(ended, ['one', 'two']);
		assert.equal(recording.openTake, null);
	});

	it('has an unfinished take recovered when its task fails as the stream ends', async () => {
		const { recording, attempt } = setUp();
		const over = recording.run();
		const first = await attempt(0);
		recording.ended();
		first.settle(failure);
		const second = await attempt(1);
		assert.deepEqual(second.task, { type: 'recover', output: 'flv', directory: '/nowhere' });
		second.settle(failure);
		await over;
	});

	it('does not wait for its next attempt when the stream ends meanwhile', async () => {
		const { recording, attempt } = setUp();
		const over = recording.run();
		(await attempt(0)).settle(failure);
		(await attempt(1)).settle(failure);
		await new Promise((resolve) => setImmediate(resolve));
		recording.ended();
		const last = await attempt(2);
		assert.equal(last.task.type, 'recover');
		last.settle();
		await over;
	});

	it('kills the thread of a task whose beats have stopped', async () => {
		const { recording, attempt, killed } = setUp();
		const over = recording.run();
		const { settle } = await attempt(0);
		const figures = new RecorderFigures(recording.figures.shared);
		figures.set('threadId', 7);
		for (let beat = 0; beat < 2; beat++) {
			figures.add('beats', 1);
			for (let check = 0; check < 10; check++) {
				recording.checkBeat();
			}
		}
		assert.deepEqual(killed, []);
		recording.checkBeat();
		assert.deepEqual(killed, [7]);
		settle();
		await over;
	});
});
