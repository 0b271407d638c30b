import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pulls } from '#src/relay/pulls.js';
import type { CoordinatorToThread, StreamInfo } from '#src/stream/thread-messages.js';
import { streamName } from '#src/stream-name.js';
import { testConfig } from '../support/config.js';

class FakeThread {
	running = true;
	readonly heard: string[] = [];

	post(message: CoordinatorToThread): void {
		const via = 'via' in message ? ` via ${message.via.join()}` : '';
		const code = 'code' in message ? ` ${message.code}` : '';
		const stream = 'name' in message ? ` ${message.name.key}` : '';
		this.heard.push(`${message.type}${stream}${via}${code}`);
	}

	/** Returns what came since the last call. */
	news(): string[] {
		return this.heard.splice(0);
	}
}

/** A book with two ingest threads, a delivery thread, and a clock that is wound by hand. */
function newBook(overrides: Record<string, unknown> = {}) {
	const ingest = [new FakeThread(), new FakeThread()];
	const delivery = new FakeThread();
	const ended: string[] = [];
	let nowMs = 0;
	let timers: { atMs: number; action: () => void }[] = [];
	const book = new Pulls({
		refusalKeptMs: 1000,
		config: testConfig({ gateway: { upstreams: ['http://origin:8501'], linger: '500ms' }, ...overrides }),
		clock: {
			now: () => nowMs,
			schedule: (delayMs, action) => {
				const timer = { atMs: nowMs + delayMs, action };
				timers.push(timer);
				return () => {
					timers = timers.filter((other) => other !== timer);
				};
			},
		},
		ingest,
		broadcast: (message) => {
			for (const thread of [...ingest, delivery]) {
				thread.post(message);
			}
		},
		endStream: (name) => ended.push(name.key),
	});
	const pass = (ms: number): void => {
		nowMs += ms;
		for (const timer of timers.filter(({ atMs }) => atMs <= nowMs)) {
			timers = timers.filter((other) => other !== timer);
			timer.action();
		}
	};
	return { book, ingest: ingest as [FakeThread, FakeThread], delivery, ended, pass };
}

const ALICE = 'aaaaaaaa';
const BOB = 'bbbbbbbb';
const PULLED: StreamInfo = {
	streamId: 7,
	name: streamName('live', 'x'),
	ring: new SharedArrayBuffer(0),
	counterSlot: 1,
};

describe('the book of pulls', () => {
	it('begins one pull for all who want a stream, in the thread that has the fewest', () => {
		const { book, ingest, delivery } = newBook();
		book.wanted(delivery, streamName('live', 'x'), { via: [] });
		book.wanted(delivery, streamName('live', 'x'), { via: [] });
		book.wanted(delivery, streamName('live', 'y'), { via: [] });
		assert.deepEqual(ingest[0].news(), ['pull-start live/x via ']);
		assert.deepEqual(ingest[1].news(), ['pull-start live/y via ']);
		assert.equal(book.counts().active, 2);
	});

	it('tells a pull of every relay that it is for, once', () => {
		const { book, ingest, delivery } = newBook();
		book.wanted(delivery, streamName('live', 'x'), { via: [ALICE] });
		book.wanted(delivery, streamName('live', 'x'), { via: [ALICE] });
		book.opened(PULLED);
		book.wanted(delivery, streamName('live', 'x'), { via: [BOB, ALICE] });
		assert.deepEqual(ingest[0].news(), [`pull-start live/x via ${ALICE}`, `pull-start live/x via ${ALICE},${BOB}`]);
	});

	it('ends a pull some time after the last viewer, in whichever thread that was', () => {
		const { book, ingest, delivery, ended, pass } = newBook();
		book.wanted(delivery, streamName('live', 'x'), { via: [] });
		book.opened(PULLED);
		book.audience(delivery, 7, true);
		book.audience(ingest[1], 7, true);
		pass(10_000);
		book.audience(delivery, 7, false);
		pass(10_000);
		book.audience(ingest[1], 7, false);
		pass(499);
		book.audience(delivery, 7, true);
		book.audience(delivery, 7, false);
		pass(499);
		assert.deepEqual(ended, []);
		pass(1);
		assert.deepEqual(ended, ['live/x']);
		assert.deepEqual(ingest[0].news(), ['pull-start live/x via ', 'pull-stop live/x']);
	});

	it('ends a pull that never came to anything when nobody can be waiting for it any more', () => {
		const { book, ingest, delivery, ended, pass } = newBook({ play: { missing: 'wait', waitTimeout: '3000ms' } });
		book.wanted(delivery, streamName('live', 'x'), { via: [] });
		book.missing(streamName('live', 'x'), { code: 'STREAM_NOT_FOUND', message: 'no' });
		pass(2000);
		book.wanted(delivery, streamName('live', 'x'), { via: [] });
		pass(3999);
		assert.deepEqual(delivery.news(), ['stream-missing live/x STREAM_NOT_FOUND']);
		assert.equal(book.counts().active, 1);
		pass(1);
		assert.equal(book.counts().active, 0);
		assert.deepEqual(ended, []);
		assert.equal(ingest[0].news().at(-1), 'pull-stop live/x');
	});

	it('answers "not there" to all who wait, and from memory for a second', () => {
		const { book, ingest, delivery, pass } = newBook();
		book.wanted(delivery, streamName('live', 'x'), { via: [] });
		book.missing(streamName('live', 'x'), { code: 'STREAM_NOT_FOUND', message: 'no' });
		assert.deepEqual(delivery.news(), ['stream-missing live/x STREAM_NOT_FOUND']);
		ingest[0].news();
		pass(999);
		book.wanted(delivery, streamName('live', 'x'), { via: [] });
		assert.deepEqual(delivery.news(), ['stream-missing live/x STREAM_NOT_FOUND']);
		assert.deepEqual(ingest[0].news(), []);
		pass(1);
		book.wanted(delivery, streamName('live', 'x'), { via: [] });
		assert.deepEqual(ingest[0].news(), ['pull-start live/x via ']);
	});

	it('moves the pulls of a thread that died, and forgets its viewers', () => {
		const { book, ingest, delivery, ended, pass } = newBook();
		book.wanted(delivery, streamName('live', 'x'), { via: [ALICE] });
		book.opened(PULLED);
		book.audience(ingest[0], 7, true);
		ingest[0].news();
		ingest[0].running = false;
		book.threadLost(ingest[0]);
		assert.deepEqual(ingest[1].news(), [`pull-start live/x via ${ALICE}`]);
		ingest[1].running = false;
		book.threadLost(ingest[1]);
		ingest[0].running = true;
		book.threadStarted(ingest[0]);
		assert.deepEqual(ingest[0].news(), [`pull-start live/x via ${ALICE}`]);
		pass(500);
		assert.deepEqual(ended, ['live/x']);
	});

	it('forgets a stream that has ended, and begins anew with the next viewer', () => {
		const { book, ingest, delivery } = newBook();
		book.wanted(delivery, streamName('live', 'x'), { via: [] });
		book.opened(PULLED);
		book.ended({ ...PULLED, streamId: 6 });
		assert.equal(book.counts().active, 1);
		book.ended(PULLED);
		assert.equal(book.counts().active, 0);
		book.wanted(delivery, streamName('live', 'x'), { via: [] });
		assert.deepEqual(ingest[0].news(), ['pull-start live/x via ', 'pull-stop live/x', 'pull-start live/x via ']);
	});

	it('refuses with a code what is too much or too late', () => {
		const { book, delivery } = newBook({ limits: { streams: 1 } });
		book.wanted(delivery, streamName('live', 'x'), { via: [] });
		book.wanted(delivery, streamName('live', 'y'), { via: [] });
		book.close();
		book.wanted(delivery, streamName('live', 'z'), { via: [] });
		assert.deepEqual(delivery.news(), ['stream-missing live/y STREAM_LIMIT', 'stream-missing live/z SERVER_STOPPING']);
	});

	it('counts by upstream what is delivered', () => {
		const { book, delivery } = newBook();
		book.wanted(delivery, streamName('live', 'x'), { via: [] });
		book.wanted(delivery, streamName('live', 'y'), { via: [] });
		book.upstream(streamName('live', 'x'), 'http://origin:8501');
		book.upstream(streamName('live', 'y'), 'http://left-over');
		assert.deepEqual(book.counts(), { active: 2, upstreams: { 'http://origin:8501': 1, 'http://left-over': 1 } });
		book.upstream(streamName('live', 'y'), null);
		assert.deepEqual(book.counts().upstreams, { 'http://origin:8501': 1 });
	});
});
