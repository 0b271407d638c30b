import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RecordKind } from '#src/ring/layout.js';
import { RingReader } from '#src/ring/ring-reader.js';
import { RingWriter } from '#src/ring/ring-writer.js';
import { type PublicationOwner, StreamRegistry } from '#src/stream/registry.js';
import type { PublishGrant, PublishVerdict, StreamInfo } from '#src/stream/thread-messages.js';
import { type StreamName, streamName } from '#src/stream-name.js';
import { testConfig } from '../support/config.js';

const APPS = { reject: 'reject', over: 'takeover', stale: 'takeover-if-stale' } as const;
const AUDIO = new Uint8Array([0xaf, 1, 2, 3]);
const RELEASE_MS = 100;
const BIGGER_RING_BYTES = 2 * 1024 ** 2;

type Writer = { grant: PublishGrant; writer: RingWriter; owner: Thread; released: boolean };
type Request = { owner: Thread; verdict: PublishVerdict | null };
type Step =
	| { do: 'publish'; app: keyof typeof APPS; name: string; thread: number }
	| { do: 'leave' | 'write' | 'grow' | 'growAndDie'; writer: number }
	| { do: 'kill' | 'hang'; thread: number }
	| { do: 'evict'; app: keyof typeof APPS; name: string }
	| { do: 'wait'; ms: number };

/** An ingest thread as the registry sees it: it releases what is revoked a little later, or never when it hangs. */
class Thread implements PublicationOwner {
	hangs = false;
	readonly #world: World;

	constructor(world: World) {
		this.#world = world;
	}

	revoke(publicationId: number): void {
		if (!this.hangs) {
			this.#world.later(() => this.#world.release(publicationId));
		}
	}
}

/** Two names in three apps, three threads, a clock, and everything that must hold whatever they do. */
class World {
	readonly #threads = Array.from({ length: 3 }, () => new Thread(this));
	readonly #writers: Writer[] = [];
	readonly #requests: Request[] = [];
	readonly #open = new Map<number, StreamInfo>();
	readonly #ended = new Set<number>();
	readonly #timers = new Set<{ at: number; action: () => void }>();
	readonly #registry: StreamRegistry;
	#now = 1_000_000;

	constructor() {
		const apps = Object.entries(APPS).map(([app, conflict]) => [app, { publish: { conflict } }]);
		let slots = 0;
		this.#registry = new StreamRegistry({
			config: testConfig({ limits: { streams: 5 }, apps: Object.fromEntries(apps) }),
			clock: {
				now: () => this.#now,
				schedule: (delayMs, action) => {
					const timer = { at: this.#now + delayMs, action };
					this.#timers.add(timer);
					return () => this.#timers.delete(timer);
				},
			},
			listener: {
				opened: (stream) => {
					const twin = [...this.#open.values()].find(({ name }) => name.key === stream.name.key);
					assert.equal(twin, undefined, 'a name is open once');
					this.#open.set(stream.streamId, stream);
				},
				ringReplaced: ({ streamId }) => assert.ok(this.#open.has(streamId)),
				publisherChanged: ({ streamId }) => assert.ok(this.#open.has(streamId)),
				contested: ({ streamId }) => assert.ok(this.#open.has(streamId)),
				ended: (stream) => {
					assert.ok(this.#open.delete(stream.streamId), 'only what is open ends');
					assert.equal(this.#ended.has(stream.streamId), false, 'a stream ends once');
					this.#ended.add(stream.streamId);
					assert.equal(lastKind(stream.ring), RecordKind.end);
				},
			},
			slots: { openStream: () => ++slots, closeStream: () => --slots },
		});
	}

	later(action: () => void): void {
		this.#timers.add({ at: this.#now + RELEASE_MS, action });
	}

	release(publicationId: number): void {
		for (const writer of this.#writers) {
			if (writer.grant.publicationId === publicationId) {
				writer.released = true;
			}
		}
		this.#registry.publicationEnded(publicationId);
	}

	take(step: Step): void {
		switch (step.do) {
			case 'publish':
				this.#publish(streamName(step.app, step.name), this.#threads[step.thread % 3]!);
				break;
			case 'kill': {
				const dead = this.#threads[step.thread % 3]!;
				this.#threads[step.thread % 3] = new Thread(this);
				this.#die(dead);
				break;
			}
			case 'hang':
				this.#threads[step.thread % 3]!.hangs = true;
				break;
			case 'evict':
				this.#registry.evict(streamName(step.app, step.name));
				break;
			case 'wait':
				this.wait(step.ms);
				break;
			default:
				this.#act(step.do, this.#writers[step.writer % Math.max(1, this.#writers.length)]);
		}
		this.#check();
	}

	wait(ms: number): void {
		const until = this.#now + ms;
		for (;;) {
			const [next] = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
			if (next === undefined) {
				break;
			}
			this.#timers.delete(next);
			this.#now = Math.max(this.#now, next.at);
			next.action();
		}
		this.#now = until;
	}

	/** Nothing is left when everybody has gone. */
	finish(): void {
		for (const thread of this.#threads) {
			this.#die(thread);
		}
		this.wait(60_000);
		assert.equal(this.#open.size, 0);
		assert.deepEqual([...this.#registry.streams()], []);
		for (const { verdict } of this.#requests) {
			assert.ok(verdict !== null, 'every request of a living thread is answered');
		}
	}

	#publish(name: StreamName, owner: Thread): void {
		const request: Request = { owner, verdict: null };
		this.#requests.push(request);
		const publisher = { protocol: 'rtmp', address: 'peer', query: '' } as const;
		this.#registry.request(owner, { name, publisher }, (verdict) => {
			assert.equal(request.verdict, null, 'one verdict for one request');
			request.verdict = verdict;
			if (verdict.granted) {
				const { grant } = verdict;
				const writer = RingWriter.attach(grant.stream.ring, grant.writerEpoch);
				assert.equal(writer.fenced, false, 'whoever is granted a ring may write it');
				this.#writers.push({ grant, writer, owner, released: false });
			}
		});
	}

	#act(action: 'leave' | 'write' | 'grow' | 'growAndDie', held: Writer | undefined): void {
		if (held === undefined || held.released) {
			return;
		}
		const { grant, owner } = held;
		switch (action) {
			case 'leave':
				this.release(grant.publicationId);
				break;
			case 'write':
				held.writer.write(RecordKind.audio, 0, 0, 0, AUDIO);
				break;
			default:
				if (held.writer.capacityBytes < BIGGER_RING_BYTES) {
					held.writer = held.writer.grow(BIGGER_RING_BYTES);
					if (action === 'grow') {
						this.#registry.ringGrown(grant.publicationId, held.writer.ring);
					} else {
						this.#threads[this.#threads.indexOf(owner)] = new Thread(this);
						this.#die(owner);
					}
				}
		}
	}

	#die(owner: Thread): void {
		for (const writer of this.#writers) {
			writer.released ||= writer.owner === owner;
		}
		for (const request of this.#requests.filter(({ verdict, owner: asker }) => verdict === null && asker === owner)) {
			this.#requests.splice(this.#requests.indexOf(request), 1);
		}
		this.#registry.ownerGone(owner);
	}

	/**
	 * At most one of the writers that were ever granted a stream's ring can write it. The last one can as long as it
	 * publishes.
	 */
	#check(): void {
		for (const { stream, publisher } of this.#registry.streams()) {
			const able = this.#writers.filter(({ writer }) => writer.ring === stream.ring && !writer.fenced);
			assert.ok(able.length <= 1, `${able.length} writers of ${stream.name.key}`);
			const last = this.#writers.findLast(({ grant }) => grant.stream === stream);
			assert.equal(publisher !== null && last?.writer.fenced, false, 'whoever publishes may write');
			const holders = this.#writers.filter(({ grant, released }) => grant.stream === stream && !released);
			assert.ok(
				publisher !== null || holders.every(({ owner }) => owner.hangs),
				'a publisher is lost only when it left',
			);
		}
	}
}

function lastKind(ring: SharedArrayBuffer): number | undefined {
	const batch = new RingReader(ring).read(0, 1024 ** 2);
	return batch !== null && batch !== 'lapped' ? batch.records.at(-1)?.kind : undefined;
}

describe('stream registry, whatever happens', () => {
	const app = fc.constantFrom(...(Object.keys(APPS) as (keyof typeof APPS)[]));
	const name = fc.constantFrom('a', 'b');
	const thread = fc.nat({ max: 2 });
	const writer = fc.nat({ max: 20 });
	const step: fc.Arbitrary<Step> = fc.oneof(
		{ weight: 6, arbitrary: fc.record({ do: fc.constant('publish' as const), app, name, thread }) },
		{ weight: 3, arbitrary: fc.record({ do: fc.constantFrom('leave', 'write', 'grow', 'growAndDie'), writer }) },
		{ weight: 1, arbitrary: fc.record({ do: fc.constantFrom('kill', 'hang'), thread }) },
		{ weight: 1, arbitrary: fc.record({ do: fc.constant('evict' as const), app, name }) },
		{
			weight: 3,
			arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(10, 100, 1_000, 5_000, 10_000) }),
		},
	);

	it('never has two writers, and ends every stream that it opened exactly once', () => {
		fc.assert(
			fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
				const world = new World();
				for (const next of steps) {
					world.take(next);
				}
				world.finish();
			}),
			{ interruptAfterTimeLimit: 1000, numRuns: 2000 },
		);
	});
});
