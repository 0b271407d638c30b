import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { Figure, Lifecycle, RecordKind } from '#src/ring/layout.js';
import { RingReader } from '#src/ring/ring-reader.js';
import { RingWriter } from '#src/ring/ring-writer.js';
import { RELEASE_DEADLINE_MS, type RegistryParts, StreamRegistry } from '#src/stream/registry.js';
import type { PublishGrant, PublishVerdict } from '#src/stream/thread-messages.js';
import { parseStreamName, type StreamName, streamName } from '#src/stream-name.js';
import { testConfig } from '../support/config.js';

const AUDIO = new Uint8Array([0xaf, 1, 2, 3]);

type Setup = ReturnType<typeof setUp>;

describe('stream registry', () => {
	let t: Setup;
	beforeEach(() => {
		t = setUp();
	});

	it('opens a stream for its first publisher and grants the ring', () => {
		const grant = t.publish('live/a');
		assert.deepEqual(t.log, ['opened live/a']);
		assert.equal(grant.resumed, false);
		assert.equal(RingWriter.attach(grant.stream.ring, grant.writerEpoch).fenced, false);
		assert.deepEqual(t.streams(), ['live/a live']);
	});

	it('keeps a stream in grace when its publisher is lost, and ends it when the grace is over', () => {
		const grant = t.publish('live/a');
		t.registry.publicationEnded(grant.publicationId);
		assert.equal(new RingReader(grant.stream.ring).lifecycle, Lifecycle.grace);
		t.advance(9_999);
		assert.deepEqual(t.streams(), ['live/a grace']);
		t.advance(1);
		assert.deepEqual(t.streams(), []);
		assert.deepEqual(t.log, ['opened live/a', 'absent live/a', 'ended live/a']);
	});

	it('writes the end record and fences every earlier writer when a stream ends', () => {
		const grant = t.publish('live/a');
		const writer = RingWriter.attach(grant.stream.ring, grant.writerEpoch);
		writer.write(RecordKind.audio, 0, 0, 40, AUDIO);
		t.registry.publicationEnded(grant.publicationId);
		t.advance(10_000);
		const reader = new RingReader(grant.stream.ring);
		assert.deepEqual(kinds(reader), [RecordKind.audio, RecordKind.end]);
		assert.equal(reader.ended, true);
		assert.equal(writer.write(RecordKind.audio, 0, 0, 60, AUDIO), false);
	});

	it('gives a publisher that returns within the grace the same stream, resumed, under a new epoch', () => {
		const first = t.publish('live/a');
		RingWriter.attach(first.stream.ring, first.writerEpoch).write(RecordKind.audio, 0, 0, 0, AUDIO);
		t.registry.publicationEnded(first.publicationId);
		t.advance(5_000);
		const second = t.publish('live/a');
		assert.equal(second.stream.streamId, first.stream.streamId);
		assert.equal(second.stream.ring, first.stream.ring);
		assert.equal(second.resumed, true);
		assert.notEqual(second.writerEpoch, first.writerEpoch);
		t.advance(60_000);
		assert.deepEqual(t.log, ['opened live/a', 'absent live/a', 'present live/a']);
		assert.equal(new RingReader(first.stream.ring).lifecycle, Lifecycle.live);
	});

	it('does not call a ring resumed that nobody has written to', () => {
		t.registry.publicationEnded(t.publish('live/a').publicationId);
		assert.equal(t.publish('live/a').resumed, false);
	});

	it('gives a name that comes back after its end a new stream', () => {
		const first = t.publish('live/a');
		t.registry.publicationEnded(first.publicationId);
		t.advance(10_000);
		const second = t.publish('live/a');
		assert.notEqual(second.stream.streamId, first.stream.streamId);
		assert.notEqual(second.stream.ring, first.stream.ring);
	});

	it('ends a stream at once when its app has no grace', () => {
		t = setUp({ apps: { quick: { publish: { grace: 0 } } } });
		t.registry.publicationEnded(t.publish('quick/a').publicationId);
		assert.deepEqual(t.log, ['opened quick/a', 'ended quick/a']);
	});

	it('ends a stream at once when nobody will come back, and when it is told to', () => {
		t.registry.publicationEnded(t.publish('live/a').publicationId, true);
		assert.deepEqual(t.log, ['opened live/a', 'ended live/a']);
		const { stream, writerEpoch } = t.publish('live/b');
		t.registry.end(streamName('live', 'b'));
		assert.equal(t.log.at(-1), 'ended live/b');
		assert.equal(RingWriter.attach(stream.ring, writerEpoch).fenced, true);
		t.registry.publicationEnded(t.publish('live/c').publicationId);
		t.registry.end(streamName('live', 'c'));
		t.registry.end(streamName('live', 'nobody'));
		assert.deepEqual(t.log.slice(-2), ['absent live/c', 'ended live/c']);
	});

	it('refuses a second publisher by policy, and names the holder to the log only', () => {
		t = setUp({ publish: { conflict: 'reject' } });
		t.publish('live/a', 'holder');
		t.advance(60_000);
		const verdict = t.request('live/a', 'second');
		assert.deepEqual(verdict(), {
			granted: false,
			code: 'PUBLISH_CONFLICT',
			message: 'live/a has been published since 1970-01-12T13:46:40.000Z',
		});
		assert.deepEqual(t.contests, ['live/a: holder and second, the second refused']);
		assert.deepEqual(t.revoked, []);
	});

	it('lets the second publisher take over as soon as the first has released the ring', () => {
		t = setUp({ publish: { conflict: 'takeover' } });
		const first = t.publish('live/a', 'first');
		const verdict = t.request('live/a', 'second');
		assert.equal(verdict(), null);
		assert.deepEqual(t.revoked, [`${first.publicationId} PUBLISH_REPLACED live/a was taken over by another publisher`]);
		assert.deepEqual(t.contests, ['live/a: first and second, the second takes over']);
		t.registry.publicationEnded(first.publicationId);
		const second = granted(verdict());
		assert.equal(second.stream, first.stream);
		assert.notEqual(second.writerEpoch, first.writerEpoch);
		t.advance(60_000);
		assert.deepEqual(t.log, ['opened live/a']);
		assert.deepEqual(t.streams(), ['live/a live']);
	});

	it('does not wait for a publisher that does not let go, and fences it', () => {
		t = setUp({ publish: { conflict: 'takeover' } });
		const first = t.publish('live/a', 'first');
		const writer = RingWriter.attach(first.stream.ring, first.writerEpoch);
		const verdict = t.request('live/a', 'second');
		t.advance(RELEASE_DEADLINE_MS);
		granted(verdict());
		assert.equal(writer.fenced, true);
		t.registry.publicationEnded(first.publicationId);
		assert.deepEqual(t.streams(), ['live/a live']);
	});

	it('lets go of a stale publisher only, by default', () => {
		const first = t.publish('live/a', 'first');
		const writer = RingWriter.attach(first.stream.ring, first.writerEpoch);
		t.advance(4_999);
		assert.equal(t.request('live/a', 'early')()?.granted, false);
		writer.setFigure(Figure.lastMediaAtMs, t.now());
		t.advance(4_999);
		assert.equal(t.request('live/a', 'after media')()?.granted, false);
		t.advance(1);
		const verdict = t.request('live/a', 'late');
		t.registry.publicationEnded(first.publicationId);
		granted(verdict());
	});

	it('refuses a third publisher while a takeover is under way', () => {
		t = setUp({ publish: { conflict: 'takeover-if-stale' } });
		const first = t.publish('live/a', 'first');
		t.advance(5_000);
		const second = t.request('live/a', 'second');
		assert.deepEqual(t.request('live/a', 'third')(), {
			granted: false,
			code: 'PUBLISH_CONFLICT',
			message: 'live/a is being taken over',
		});
		assert.equal(t.contests.at(-1), 'live/a: second and third, the second refused');
		t.registry.publicationEnded(first.publicationId);
		granted(second());
	});

	it('lets the last of several claims win under the takeover policy', () => {
		t = setUp({ publish: { conflict: 'takeover' } });
		const first = t.publish('live/a', 'first');
		const second = t.request('live/a', 'second');
		const third = t.request('live/a', 'third');
		assert.equal(t.revoked.length, 1);
		t.registry.publicationEnded(first.publicationId);
		assert.deepEqual(second(), {
			granted: false,
			code: 'PUBLISH_REPLACED',
			message: 'live/a was claimed by another publisher',
		});
		assert.equal(t.contests.at(-1), 'live/a: second and third, the second takes over');
		granted(third());
	});

	it('puts the streams of a dead thread in grace and forgets what it claimed', () => {
		t = setUp({ publish: { conflict: 'takeover' } });
		const first = t.publish('live/a', 'first', 'thread 0');
		t.publish('live/b', 'other', 'thread 1');
		const claim = t.request('live/b', 'claimant', 'thread 0');
		t.registry.ownerGone(t.owner('thread 0'));
		t.advance(RELEASE_DEADLINE_MS);
		assert.deepEqual(t.streams(), ['live/a grace', 'live/b grace']);
		assert.equal(claim(), null);
		const writer = RingWriter.attach(first.stream.ring, first.writerEpoch);
		t.publish('live/a', 'again', 'thread 0, restarted');
		assert.equal(writer.fenced, true);
	});

	it('follows a stream into its bigger ring and keeps its own words there', () => {
		const grant = t.publish('live/a');
		const bigger = RingWriter.attach(grant.stream.ring, grant.writerEpoch).grow(2 * 1024 ** 2);
		t.registry.ringGrown(grant.publicationId, bigger.ring);
		assert.equal(grant.stream.ring, bigger.ring);
		assert.equal(bigger.fenced, false);
		t.registry.publicationEnded(grant.publicationId);
		assert.equal(new RingReader(bigger.ring).lifecycle, Lifecycle.grace);
		t.advance(10_000);
		assert.equal(new RingReader(bigger.ring).ended, true);
	});

	it('goes on with the ring it knows when its writer died before it could name the bigger one', () => {
		const grant = t.publish('live/a');
		const writer = RingWriter.attach(grant.stream.ring, grant.writerEpoch);
		writer.write(RecordKind.audio, 0, 0, 0, AUDIO);
		writer.grow(2 * 1024 ** 2);
		t.registry.publicationEnded(grant.publicationId);
		const next = t.publish('live/a');
		const nextWriter = RingWriter.attach(next.stream.ring, next.writerEpoch);
		assert.equal(nextWriter.write(RecordKind.audio, 0, 0, 20, AUDIO), true);
	});

	it('does not let a fenced writer that grows its ring take it from its successor', () => {
		t = setUp({ publish: { conflict: 'takeover' } });
		const first = t.publish('live/a', 'first');
		const old = RingWriter.attach(first.stream.ring, first.writerEpoch);
		const verdict = t.request('live/a', 'second');
		t.advance(RELEASE_DEADLINE_MS);
		const second = granted(verdict());
		t.registry.ringGrown(first.publicationId, old.grow(2 * 1024 ** 2).ring);
		const writer = RingWriter.attach(second.stream.ring, second.writerEpoch);
		assert.equal(writer.fenced, false);
	});

	it('evicts a publisher: the stream is in grace, and the name free for the next', () => {
		const grant = t.publish('live/a');
		assert.equal(t.registry.evict(streamName('live', 'a')), true);
		assert.equal(t.registry.evict(streamName('live', 'a')), true);
		assert.deepEqual(t.revoked, [`${grant.publicationId} SESSION_KICKED live/a was evicted by an operator`]);
		t.registry.publicationEnded(grant.publicationId);
		assert.deepEqual(t.streams(), ['live/a grace']);
		assert.equal(t.registry.evict(streamName('live', 'a')), false);
		assert.equal(t.registry.evict(streamName('live', 'b')), false);
		t.publish('live/a');
	});

	it('grants an evicted publisher its ring to the next one only when the evicted has let go', () => {
		const first = t.publish('live/a');
		t.registry.evict(streamName('live', 'a'));
		const verdict = t.request('live/a', 'next');
		assert.equal(verdict(), null);
		t.registry.publicationEnded(first.publicationId);
		granted(verdict());
	});

	it('refuses new streams beyond the limit but not the return of one in grace', () => {
		t = setUp({ limits: { streams: 1 } });
		const grant = t.publish('live/a');
		assert.deepEqual(t.request('live/b')(), { granted: false, code: 'STREAM_LIMIT', message: 'limits.streams is 1' });
		t.registry.publicationEnded(grant.publicationId);
		t.publish('live/a');
	});

	it('gives every stream a counter slot and takes it back at the end', () => {
		t = setUp({ publish: { grace: 0 } });
		const grant = t.publish('live/a');
		assert.equal(grant.stream.counterSlot, 1);
		t.registry.publicationEnded(grant.publicationId);
		assert.deepEqual(t.slots, ['open live/a', 'close live/a']);
	});

	it('decides by the reloaded configuration', () => {
		t.publish('live/a');
		t.advance(60_000);
		t.registry.config = testConfig({ publish: { conflict: 'reject' } });
		assert.equal(t.request('live/a')()?.granted, false);
	});

	it('grants nothing while draining and ends streams without a grace', () => {
		const live = t.publish('live/a');
		t.registry.publicationEnded(t.publish('live/b').publicationId);
		t.registry.drain();
		assert.deepEqual(t.streams(), ['live/a live']);
		const refused = t.request('live/c')();
		assert.equal(refused?.granted === false && refused.code, 'SERVER_STOPPING');
		t.registry.publicationEnded(live.publicationId);
		assert.deepEqual(t.streams(), []);
	});

	it('refuses the claimant when the server stops before the holder has let go', () => {
		t = setUp({ publish: { conflict: 'takeover' } });
		const first = t.publish('live/a', 'first');
		const verdict = t.request('live/a', 'second');
		t.registry.drain();
		t.registry.publicationEnded(first.publicationId);
		const refused = verdict();
		assert.equal(refused?.granted === false && refused.code, 'SERVER_STOPPING');
		assert.deepEqual(t.streams(), []);
	});
});

function setUp(overrides: Record<string, unknown> = {}) {
	let now = 1_000_000_000;
	const timers = new Set<{ at: number; action: () => void }>();
	const log: string[] = [];
	const revoked: string[] = [];
	const contests: string[] = [];
	const slots: string[] = [];
	const owners = new Map<string, { revoke(id: number, code: string, message: string): void }>();
	const key = ({ name }: { name: StreamName }): string => name.key;
	const parts: RegistryParts = {
		config: testConfig(overrides),
		clock: {
			now: () => now,
			schedule: (delayMs, action) => {
				const timer = { at: now + delayMs, action };
				timers.add(timer);
				return () => timers.delete(timer);
			},
		},
		listener: {
			opened: (stream) => log.push(`opened ${key(stream)}`),
			ringReplaced: (stream) => log.push(`ring ${key(stream)}`),
			publisherChanged: (stream, present) => log.push(`${present ? 'present' : 'absent'} ${key(stream)}`),
			ended: (stream) => log.push(`ended ${key(stream)}`),
			contested: (stream, { holder, newcomer, outcome }) =>
				contests.push(`${key(stream)}: ${holder.address} and ${newcomer.address}, the second ${outcome}`),
		},
		slots: {
			openStream: (name) => slots.push(`open ${name.key}`),
			closeStream: (stream) => slots.push(`close ${key(stream)}`),
		},
	};
	const registry = new StreamRegistry(parts);
	const owner = (name: string) => {
		const known = owners.get(name) ?? {
			revoke: (id: number, code: string, message: string) => revoked.push(`${id} ${code} ${message}`),
		};
		owners.set(name, known);
		return known;
	};
	/** @returns the verdict so far. */
	const request = (stream: string, address = 'peer', thread = 'thread 0'): (() => PublishVerdict | null) => {
		let verdict: PublishVerdict | null = null;
		const publisher = { protocol: 'rtmp', address, query: '' } as const;
		registry.request(owner(thread), { name: parseStreamName(stream), publisher }, (given) => {
			assert.equal(verdict, null, 'one verdict for one request');
			verdict = given;
		});
		return () => verdict;
	};
	return {
		registry,
		log,
		revoked,
		contests,
		slots,
		owner,
		request,
		now: () => now,
		publish: (stream: string, address?: string, thread?: string) => granted(request(stream, address, thread)()),
		advance: (ms: number) => {
			const until = now + ms;
			for (const timer of [...timers].sort((a, b) => a.at - b.at)) {
				if (timer.at <= until && timers.delete(timer)) {
					now = timer.at;
					timer.action();
				}
			}
			now = until;
		},
		streams: () =>
			[...registry.streams()].map(({ stream, publisher }) => `${key(stream)} ${publisher === null ? 'grace' : 'live'}`),
	};
}

function granted(verdict: PublishVerdict | null): PublishGrant {
	assert.ok(verdict?.granted, `expected a grant, got ${JSON.stringify(verdict)}`);
	return verdict.grant;
}

function kinds(reader: RingReader): number[] {
	const batch = reader.read(0, 1024 ** 2);
	assert.ok(batch !== null && batch !== 'lapped');
	return batch.records.map((record) => record.kind);
}
