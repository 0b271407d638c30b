import { ERROR_CODES, type ErrorCode } from '../errors.js';
import { type PlayProtocol, PROTOCOLS, VIEWER_PROTOCOLS, type ViewerProtocol } from '../protocol/protocols.js';

/**
 * Counters that live in shared memory: every thread has a slab of its own and is its only writer, so counting is a plain
 * float64 add (4 ns). The coordinator sums the slabs when somebody scrapes.
 */

/** The counters of a thread that are about files. */
export const FILE_COUNTERS = [
	'fileRequests2xx',
	'fileRequests3xx',
	'fileRequests4xx',
	'fileRequests5xx',
	'fileBytesOut',
	'fileCacheHits',
	'fileCacheMisses',
	'fileCacheStale',
	'fileCacheRevalidated',
	'fileUpstreamRequests',
	'fileUpstreamFailures',
	'fileUpstreamBytes',
	'currentFileCacheBytes',
	'currentFileDiskBytes',
] as const;
export type FileCounter = (typeof FILE_COUNTERS)[number];

/**
 * Counters and gauges of a thread. A gauge goes down again; its name starts with `current`. Times are sums of milliseconds;
 * runThread keeps `eventLoopBusyMs`.
 */
export const THREAD_COUNTERS = [
	'sessionsAccepted',
	'currentConnections',
	'flushes',
	'flushMs',
	'currentMergeWindowMs',
	'eventLoopBusyMs',
	...FILE_COUNTERS,
	'pullLosses',
	'pullContinuations',
	'pullSplices',
] as const;
export type ThreadCounter = (typeof THREAD_COUNTERS)[number];

/** A kind of receiver of a stream, with a pair of counters of its own. `internal` = another process of this server, which is no viewer. */
type Receiver = ViewerProtocol | 'internal';
const RECEIVERS: readonly Receiver[] = [...VIEWER_PROTOCOLS, 'internal'];

/** Counters and gauges of a stream as one thread sees it. */
export type StreamCounter = `bytesOut:${Receiver}` | `current:${Receiver}` | 'skips' | 'lagClosed';
export const STREAM_COUNTERS: readonly StreamCounter[] = [
	...RECEIVERS.flatMap((receiver): StreamCounter[] => [`bytesOut:${receiver}`, `current:${receiver}`]),
	'skips',
	'lagClosed',
];

/** The counters of one kind of receiver. */
export type ReceiverCounters = { readonly bytesOut: StreamCounter; readonly current: StreamCounter };

/** One object for each kind: subscribers of one kind are told by it. */
const RECEIVER_COUNTERS = Object.fromEntries(
	RECEIVERS.map((receiver) => [receiver, { bytesOut: `bytesOut:${receiver}`, current: `current:${receiver}` }]),
) as Record<Receiver, ReceiverCounters>;

/** The counters of viewers by `protocol`, or of what goes to another process of this server. */
export function receiverCounters(protocol: PlayProtocol | 'internal'): ReceiverCounters {
	return RECEIVER_COUNTERS[protocol === 'internal' ? protocol : PROTOCOLS[protocol].viewers];
}

/** Streams with a counter slot of their own; the others share slot 0, shown as app "_other". */
export const MAX_COUNTED_STREAMS = 1024;

const ERROR_CODE_LIST = Object.keys(ERROR_CODES) as ErrorCode[];
const THREAD_OFFSET = 0;
const ERROR_OFFSET = THREAD_OFFSET + THREAD_COUNTERS.length;
const STREAM_OFFSET = ERROR_OFFSET + ERROR_CODE_LIST.length;
const SLAB_LENGTH = STREAM_OFFSET + MAX_COUNTED_STREAMS * STREAM_COUNTERS.length;

const threadIndex = indexOf(THREAD_COUNTERS, THREAD_OFFSET);
const streamIndex = indexOf(STREAM_COUNTERS, STREAM_OFFSET);
const errorIndex = indexOf(ERROR_CODE_LIST, ERROR_OFFSET);
/** The places of gauges among the thread's values and those of the first stream. */
const gaugeIndexes = new Set(
	Object.entries({ ...threadIndex, ...streamIndex })
		.filter(([name]) => name.startsWith('current'))
		.map(([, index]) => index),
);

/** One thread's slab. **One writer**: the thread; the coordinator reads, and clears a stream's slot before it gives it out again. */
export class Counters {
	readonly slab: SharedArrayBuffer;
	readonly #values: Float64Array;

	constructor(slab: SharedArrayBuffer = new SharedArrayBuffer(SLAB_LENGTH * 8)) {
		this.slab = slab;
		this.#values = new Float64Array(slab);
	}

	add(counter: ThreadCounter, amount: number): void {
		this.#values[threadIndex[counter]]! += amount;
	}

	set(counter: ThreadCounter, value: number): void {
		this.#values[threadIndex[counter]] = value;
	}

	get(counter: ThreadCounter): number {
		return this.#values[threadIndex[counter]]!;
	}

	/** Counts one session that ended with `code`. */
	countClosed(code: ErrorCode): void {
		this.#values[errorIndex[code]]! += 1;
	}

	closed(code: ErrorCode): number {
		return this.#values[errorIndex[code]]!;
	}

	addStream(slot: number, counter: StreamCounter, amount: number): void {
		this.#values[streamIndex[counter] + slot * STREAM_COUNTERS.length]! += amount;
	}

	stream(slot: number, counter: StreamCounter): number {
		return this.#values[streamIndex[counter] + slot * STREAM_COUNTERS.length]!;
	}

	/** Adds every counter of `other`, a thread that is gone, and none of its gauges. */
	absorb(other: Counters): void {
		for (let index = 0; index < SLAB_LENGTH; index++) {
			if (
				!gaugeIndexes.has(
					index < STREAM_OFFSET ? index : STREAM_OFFSET + ((index - STREAM_OFFSET) % STREAM_COUNTERS.length),
				)
			) {
				this.#values[index]! += other.#values[index]!;
			}
		}
	}

	clearStream(slot: number): void {
		const start = STREAM_OFFSET + slot * STREAM_COUNTERS.length;
		this.#values.fill(0, start, start + STREAM_COUNTERS.length);
	}
}

function indexOf<Name extends string>(names: readonly Name[], offset: number): Record<Name, number> {
	return Object.fromEntries(names.map((name, index) => [name, offset + index])) as Record<Name, number>;
}
