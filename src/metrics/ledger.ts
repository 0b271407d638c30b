import { ERROR_CODES, type ErrorCode } from '../errors.js';
import { VIEWER_PROTOCOLS, type ViewerProtocol } from '../protocol/protocols.js';
import { Figure, HEADER_BYTES, StreamFlag } from '../ring/layout.js';
import { RingReader } from '../ring/ring-reader.js';
import { type StreamName, streamName } from '../stream-name.js';
import { Counters, FILE_COUNTERS, type FileCounter, MAX_COUNTED_STREAMS } from './counters.js';
import { mergeStreams } from './merge-streams.js';
import type { ProcessSnapshot, PullCounts, StreamSnapshot, ThreadSnapshot } from './snapshot.js';
import {
	addByProtocol,
	addCounts,
	byProtocol,
	ringCounts,
	type StreamCounts,
	sum,
	zeroCounts,
} from './stream-counts.js';

/** A stream as the coordinator knows it. */
export type LedgerStream = {
	name: StreamName;
	ring: SharedArrayBuffer;
	counterSlot: number;
	publisher: StreamSnapshot['publisher'];
};

/** One thread of a process over all its lives. `past` holds the counts of the lives that are over. */
type ThreadAccount = { live: Counters | null; past: Counters; restarts: number };

const SHARED_SLOT = 0;
/** Stands for all streams that share counter slot 0. */
const SHARED_SLOT_NAME = streamName('_other', '_other');
/** Ended streams whose counts go on where they were if they come back. */
const MAX_REMEMBERED_STREAMS = 1024;

/**
 * Keeps a process's counts from going backwards: what a dead thread or an ended stream has counted stays in the sums. The
 * coordinator tells it of every thread and stream; everything is added up only when a snapshot is asked for.
 */
export class CounterLedger {
	readonly #threads = new Map<string, ThreadAccount>();
	readonly #freeSlots = Array.from({ length: MAX_COUNTED_STREAMS - 1 }, (_, index) => index + 1);
	/** Counts that a live stream brought along from its earlier lives, by slot. */
	readonly #carried = new Map<number, StreamCounts>();
	/** Counts of streams that ended, by `app/name`; the oldest is forgotten first. */
	readonly #remembered = new Map<string, StreamCounts>();
	readonly #ended = zeroCounts();
	readonly #sharedEnded = zeroCounts();
	#streamsStarted = 0;

	/** A thread starts, perhaps in place of one that died: @returns the slab that it will write. */
	openThread(thread: string): Counters {
		const live = new Counters();
		const account = this.#threads.get(thread);
		if (account === undefined) {
			this.#threads.set(thread, { live, past: new Counters(), restarts: 0 });
		} else {
			this.closeThread(thread);
			account.live = live;
			account.restarts++;
		}
		return live;
	}

	/** A thread is gone and writes no more. */
	closeThread(thread: string): void {
		const account = this.#threads.get(thread);
		if (account?.live) {
			account.past.absorb(account.live);
			account.live = null;
		}
	}

	/** A stream opens. @returns its counter slot; SHARED_SLOT when all are taken. */
	openStream(name: StreamName): number {
		this.#streamsStarted++;
		const slot = this.#freeSlots.shift() ?? SHARED_SLOT;
		if (slot !== SHARED_SLOT) {
			for (const slab of this.#slabs()) {
				slab.clearStream(slot);
			}
			const key = name.key;
			this.#carried.set(slot, this.#remembered.get(key) ?? zeroCounts());
			this.#remembered.delete(key);
		}
		return slot;
	}

	/** A stream ended: its ring and its slot are written no more. */
	closeStream(stream: Omit<LedgerStream, 'publisher'>): void {
		const { counterSlot: slot } = stream;
		const counts = ringCounts(new RingReader(stream.ring));
		if (slot === SHARED_SLOT) {
			addCounts(this.#sharedEnded, counts);
			return;
		}
		this.#addSlot(counts, slot);
		addCounts(this.#ended, counts);
		const remembered = this.#carried.get(slot) ?? zeroCounts();
		addCounts(remembered, counts);
		this.#carried.delete(slot);
		this.#remembered.set(stream.name.key, remembered);
		for (const oldest of this.#remembered.keys()) {
			if (this.#remembered.size <= MAX_REMEMBERED_STREAMS) {
				break;
			}
			this.#remembered.delete(oldest);
		}
		this.#freeSlots.push(slot);
	}

	snapshot(
		process: Pick<ProcessSnapshot, 'role' | 'index'>,
		streams: Iterable<LedgerStream>,
		recorders: ProcessSnapshot['recorders'],
		pulls: PullCounts = { active: 0, upstreams: {} },
	): ProcessSnapshot {
		const totals = { counts: structuredClone(this.#ended), subscribers: byProtocol(() => 0) };
		const own: StreamSnapshot[] = [];
		let shared: StreamSnapshot | null = null;
		for (const stream of streams) {
			const seen = this.#streamSnapshot(stream);
			addCounts(totals.counts, seen.counts);
			if (stream.counterSlot === SHARED_SLOT) {
				shared = shared === null ? { ...seen, name: SHARED_SLOT_NAME } : mergeStreams(shared, seen);
			} else {
				addCounts(seen.counts, this.#carried.get(stream.counterSlot) ?? zeroCounts());
				addByProtocol(totals.subscribers, seen.subscribers);
				own.push(seen);
			}
		}
		const slotZero = structuredClone(this.#sharedEnded);
		this.#addSlot(slotZero, SHARED_SLOT);
		addCounts(totals.counts, slotZero);
		if (shared !== null) {
			addCounts(shared.counts, slotZero);
			shared.subscribers = this.#subscribers(SHARED_SLOT);
			addByProtocol(totals.subscribers, shared.subscribers);
			own.push(shared);
		}
		const slabs = [...this.#slabs()];
		return {
			...process,
			streams: own,
			threads: [...this.#threads].map(([thread, account]) => threadSnapshot(thread, account)),
			totals: {
				streamsStarted: this.#streamsStarted,
				sessionsAccepted: sum(slabs, (slab) => slab.get('sessionsAccepted')),
				sessionsClosed: sumClosed(slabs),
				files: sumFiles(slabs),
				pullLosses: sum(slabs, (slab) => slab.get('pullLosses')),
				pullContinuations: sum(slabs, (slab) => slab.get('pullContinuations')),
				pullSplices: sum(slabs, (slab) => slab.get('pullSplices')),
				...totals,
			},
			recorders,
			pulls,
		};
	}

	/** Without what the stream carries from earlier lives; of a stream in the shared slot, what its ring counts. */
	#streamSnapshot(stream: LedgerStream): StreamSnapshot {
		const { counterSlot: slot } = stream;
		const ring = new RingReader(stream.ring);
		const counts = ringCounts(ring);
		if (slot !== SHARED_SLOT) {
			this.#addSlot(counts, slot);
		}
		return {
			name: stream.name,
			publisher: stream.publisher,
			startedAtMs: ring.figure(Figure.startedAtMs),
			lastMediaAtMs: ring.figure(Figure.lastMediaAtMs),
			hasAudio: (ring.flags & StreamFlag.hasAudio) !== 0,
			hasVideo: (ring.flags & StreamFlag.hasVideo) !== 0,
			bitsPerSecond: ring.figure(Figure.bitsPerSecond),
			gopMs: ring.figure(Figure.gopMs),
			ringBytes: stream.ring.byteLength - HEADER_BYTES,
			subscribers: slot === SHARED_SLOT ? byProtocol(() => 0) : this.#subscribers(slot),
			counts,
		};
	}

	#addSlot(counts: StreamCounts, slot: number): void {
		for (const slab of this.#slabs()) {
			for (const protocol of VIEWER_PROTOCOLS) {
				counts.bytesOut[protocol] += slab.stream(slot, `bytesOut:${protocol}`);
			}
			counts.skips += slab.stream(slot, 'skips');
			counts.lagClosed += slab.stream(slot, 'lagClosed');
		}
	}

	#subscribers(slot: number): Record<ViewerProtocol, number> {
		const slabs = [...this.#slabs()];
		return byProtocol((protocol) => sum(slabs, (slab) => slab.stream(slot, `current:${protocol}`)));
	}

	*#slabs(): Iterable<Counters> {
		for (const { live, past } of this.#threads.values()) {
			yield past;
			if (live !== null) {
				yield live;
			}
		}
	}
}

function threadSnapshot(thread: string, { live, past, restarts }: ThreadAccount): ThreadSnapshot {
	const slabs = live === null ? [past] : [past, live];
	return {
		thread,
		restarts,
		connections: sum(slabs, (slab) => slab.get('currentConnections')),
		flushes: sum(slabs, (slab) => slab.get('flushes')),
		flushMs: sum(slabs, (slab) => slab.get('flushMs')),
		mergeWindowMs: sum(slabs, (slab) => slab.get('currentMergeWindowMs')),
		eventLoopBusyMs: sum(slabs, (slab) => slab.get('eventLoopBusyMs')),
	};
}

function sumFiles(slabs: readonly Counters[]): Record<FileCounter, number> {
	const counts = FILE_COUNTERS.map((name) => [name, sum(slabs, (slab) => slab.get(name))]);
	return Object.fromEntries(counts) as Record<FileCounter, number>;
}

function sumClosed(slabs: readonly Counters[]): Record<ErrorCode, number> {
	const codes = Object.keys(ERROR_CODES) as ErrorCode[];
	const counts = codes.map((code) => [code, sum(slabs, (slab) => slab.closed(code))]);
	return Object.fromEntries(counts) as Record<ErrorCode, number>;
}
