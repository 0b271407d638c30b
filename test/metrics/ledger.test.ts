import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MAX_COUNTED_STREAMS } from '#src/metrics/counters.js';
import { CounterLedger, type LedgerStream } from '#src/metrics/ledger.js';
import type { ProcessSnapshot } from '#src/metrics/snapshot.js';
import { Figure } from '#src/ring/layout.js';
import { RingWriter } from '#src/ring/ring-writer.js';
import { type StreamName, streamName } from '#src/stream-name.js';

const NO_RECORDERS = {};

describe('CounterLedger', () => {
	it('keeps what a dead thread has counted and forgets its gauges', () => {
		const ledger = new CounterLedger();
		const stream = open(ledger, streamName('live', 'a'));
		const first = ledger.openThread('delivery-0');
		first.add('sessionsAccepted', 3);
		first.add('currentConnections', 2);
		first.add('flushes', 10);
		first.set('currentMergeWindowMs', 100);
		first.countClosed('PEER_GONE');
		first.addStream(stream.counterSlot, 'bytesOut:http-flv', 500);
		first.addStream(stream.counterSlot, 'current:http-flv', 2);
		const second = ledger.openThread('delivery-0');
		second.add('sessionsAccepted', 1);
		second.add('currentConnections', 1);
		second.addStream(stream.counterSlot, 'bytesOut:http-flv', 50);

		const { totals, threads, streams } = ledger.snapshot({ role: 'origin', index: 0 }, [stream], NO_RECORDERS);
		assert.equal(totals.sessionsAccepted, 4);
		assert.equal(totals.sessionsClosed.PEER_GONE, 1);
		assert.equal(totals.counts.bytesOut['http-flv'], 550);
		assert.equal(totals.subscribers['http-flv'], 0);
		assert.equal(streams[0]?.counts.bytesOut['http-flv'], 550);
		assert.deepEqual(threads, [
			{
				...{ thread: 'delivery-0', restarts: 1, connections: 1 },
				...{ flushes: 10, flushMs: 0, mergeWindowMs: 0, eventLoopBusyMs: 0 },
			},
		]);
	});

	it('keeps the counts of an ended stream in the totals and shows its series no more', () => {
		const ledger = new CounterLedger();
		const thread = ledger.openThread('ingest-0');
		const stream = open(ledger, streamName('live', 'a'));
		count(stream, 1000);
		thread.addStream(stream.counterSlot, 'bytesOut:rtmp', 700);
		ledger.closeStream(stream);
		const { streams, totals } = ledger.snapshot({ role: 'origin', index: 0 }, [], NO_RECORDERS);
		assert.deepEqual(streams, []);
		assert.equal(totals.streamsStarted, 1);
		assert.equal(totals.counts.bytesIn, 1000);
		assert.equal(totals.counts.bytesOut.rtmp, 700);
	});

	it('goes on counting a stream that comes back under its name', () => {
		const ledger = new CounterLedger();
		for (const bytes of [10, 20, 30]) {
			const stream = open(ledger, streamName('live', 'a'));
			count(stream, bytes);
			ledger.closeStream(stream);
		}
		const stream = open(ledger, streamName('live', 'a'));
		count(stream, 5);
		const { streams, totals } = ledger.snapshot({ role: 'origin', index: 0 }, [stream], NO_RECORDERS);
		assert.equal(streams[0]?.counts.bytesIn, 65);
		assert.equal(totals.counts.bytesIn, 65);
	});

	it('clears a slot before another stream gets it', () => {
		const ledger = new CounterLedger();
		const thread = ledger.openThread('delivery-0');
		const first = open(ledger, streamName('live', 'first'));
		thread.addStream(first.counterSlot, 'bytesOut:ws-flv', 9);
		ledger.closeStream(first);
		for (let index = 1; ; index++) {
			const next = open(ledger, streamName('live', `n${index}`));
			if (next.counterSlot === first.counterSlot) {
				const { streams, totals } = ledger.snapshot({ role: 'origin', index: 0 }, [next], NO_RECORDERS);
				assert.equal(streams[0]?.counts.bytesOut['ws-flv'], 0);
				assert.equal(totals.counts.bytesOut['ws-flv'], 9);
				return;
			}
			ledger.closeStream(next);
		}
	});

	it('sums the streams without a slot of their own as app _other', () => {
		const ledger = new CounterLedger();
		const thread = ledger.openThread('delivery-0');
		const ring = RingWriter.allocate(1024 * 1024);
		const streams: LedgerStream[] = [];
		for (let index = 1; index < MAX_COUNTED_STREAMS; index++) {
			streams.push({ ...open(ledger, streamName('live', `n${index}`)), ring });
		}
		const extra = [open(ledger, streamName('live', 'x')), open(ledger, streamName('live', 'y'))];
		assert.deepEqual(
			extra.map((stream) => stream.counterSlot),
			[0, 0],
		);
		count(extra[0]!, 100);
		count(extra[1]!, 11);
		thread.addStream(0, 'bytesOut:rtmp', 40);
		thread.addStream(0, 'current:rtmp', 4);
		const before = ledger.snapshot({ role: 'origin', index: 0 }, [...streams, ...extra], NO_RECORDERS);
		assert.equal(before.streams.length, MAX_COUNTED_STREAMS);
		const other = before.streams.find((stream) => stream.name.app === '_other');
		assert.equal(other?.name.name, '_other');
		assert.equal(other?.counts.bytesIn, 111);
		assert.equal(other?.counts.bytesOut.rtmp, 40);
		assert.equal(other?.subscribers.rtmp, 4);
		assert.equal(before.totals.subscribers.rtmp, 4);

		ledger.closeStream(extra[0]!);
		const after = ledger.snapshot({ role: 'origin', index: 0 }, [...streams, extra[1]!], NO_RECORDERS);
		assert.equal(after.streams.find((stream) => stream.name.app === '_other')?.counts.bytesIn, 111);
		assert.equal(after.totals.counts.bytesIn, before.totals.counts.bytesIn);
	});

	it('never lets a count go backwards, whatever threads and streams do', () => {
		const step = fc.record({
			what: fc.constantFrom('open', 'close', 'media', 'send', 'replace', 'lose'),
			name: fc.constantFrom('a', 'b', 'c'),
			thread: fc.constantFrom('ingest-0', 'delivery-0'),
		});
		fc.assert(
			fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
				const ledger = new CounterLedger();
				const live = new Map<string, LedgerStream>();
				const threads = new Map([['ingest-0', ledger.openThread('ingest-0')]]);
				let before = new Map<string, number>();
				for (const { what, name, thread } of steps) {
					const stream = live.get(name);
					if (what === 'open' && stream === undefined) {
						live.set(name, open(ledger, streamName('live', name)));
					} else if (what === 'close' && stream !== undefined) {
						ledger.closeStream(stream);
						live.delete(name);
					} else if (what === 'media' && stream !== undefined) {
						count(stream, 100);
					} else if (what === 'send' && stream !== undefined) {
						threads.get(thread)?.addStream(stream.counterSlot, 'bytesOut:rtmp', 7);
						threads.get(thread)?.add('sessionsAccepted', 1);
					} else if (what === 'replace') {
						threads.set(thread, ledger.openThread(thread));
					} else if (what === 'lose') {
						ledger.closeThread(thread);
						threads.delete(thread);
					}
					const now = countsOf(ledger.snapshot({ role: 'origin', index: 0 }, live.values(), NO_RECORDERS));
					for (const [series, value] of before) {
						assert.ok((now.get(series) ?? value) >= value, `${series} went from ${value} to ${now.get(series)}`);
					}
					before = new Map([...before, ...now]);
				}
			}),
			{ numRuns: 60 },
		);
	});
});

function open(ledger: CounterLedger, stream: StreamName): LedgerStream {
	const ring = RingWriter.allocate(1024 * 1024);
	return { name: stream, ring, counterSlot: ledger.openStream(stream), publisher: null };
}

function count(stream: LedgerStream, bytes: number): void {
	RingWriter.attach(stream.ring, 0).addFigure(Figure.bytesIn, bytes);
}

function countsOf({ totals, streams }: ProcessSnapshot): Map<string, number> {
	return new Map([
		['sessionsAccepted', totals.sessionsAccepted],
		['streamsStarted', totals.streamsStarted],
		['bytesIn', totals.counts.bytesIn],
		['bytesOut', totals.counts.bytesOut.rtmp],
		...streams.flatMap(({ name, counts }): [string, number][] => [
			[`${name.key} bytesIn`, counts.bytesIn],
			[`${name.key} bytesOut`, counts.bytesOut.rtmp],
		]),
	]);
}
