import { ERROR_CODES, type ErrorCode } from '#src/errors.js';
import { FILE_COUNTERS, type FileCounter } from '#src/metrics/counters.js';
import type { ProcessSnapshot, StreamSnapshot } from '#src/metrics/snapshot.js';
import { streamName } from '#src/stream-name.js';

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];

/** A stream with a different figure in every place, so that none can be mistaken for another. */
export function fakeStream(name: string, base: number): StreamSnapshot {
	return {
		name: streamName('live', name),
		publisher: { protocol: 'rtmp', address: `192.0.2.${base % 250}:50000` },
		startedAtMs: 1_700_000_000_000 + base,
		lastMediaAtMs: 1_700_000_060_000 + base,
		hasAudio: true,
		hasVideo: true,
		bitsPerSecond: 309_000.4,
		gopMs: 2000,
		ringBytes: 1024 * 1024,
		subscribers: { rtmp: base + 1, 'http-flv': base + 2, 'ws-flv': base + 3 },
		counts: {
			bytesIn: base + 4,
			audioFrames: base + 5,
			videoFrames: base + 6,
			keyframes: base + 7,
			repairedTimestamps: base + 8,
			droppedFrames: base + 9,
			splices: base + 10,
			skips: base + 11,
			lagClosed: base + 12,
			bytesOut: { rtmp: base + 13, 'http-flv': base + 14, 'ws-flv': base + 15 },
		},
	};
}

/** A snapshot such as an origin with two threads and `streams` might make. */
export function fakeSnapshot(streams: StreamSnapshot[] = []): ProcessSnapshot {
	return {
		role: 'origin',
		index: 0,
		streams,
		threads: [
			{ thread: 'ingest-0', restarts: 0, connections: 21, ...flushes(0), eventLoopBusyMs: 1500 },
			{ thread: 'delivery-0', restarts: 1, connections: 22, ...flushes(350), eventLoopBusyMs: 2500 },
		],
		totals: {
			streamsStarted: 31,
			sessionsAccepted: 32,
			sessionsClosed: Object.fromEntries(CODES.map((code) => [code, code === 'PEER_GONE' ? 33 : 0])) as Record<
				ErrorCode,
				number
			>,
			counts: fakeStream('sums', 1000).counts,
			subscribers: { rtmp: 34, 'http-flv': 35, 'ws-flv': 36 },
			files: Object.fromEntries(FILE_COUNTERS.map((name, index) => [name, 51 + index])) as Record<FileCounter, number>,
			pullLosses: 37,
			pullContinuations: 38,
			pullSplices: 39,
		},
		recorders: {
			flv: { active: 41, takes: 42, bytesWritten: 43, failures: 44, skips: 45 },
			hls: { active: 46, takes: 47, bytesWritten: 48, failures: 49, skips: 50 },
		},
		pulls: { active: 46, upstreams: { 'http://origin:8501': 47 } },
	};
}

function flushes(mergeWindowMs: number) {
	return { flushes: mergeWindowMs * 2, flushMs: mergeWindowMs * 3, mergeWindowMs };
}
