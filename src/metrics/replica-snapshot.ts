import type { ProcessSnapshot, StreamSnapshot } from './snapshot.js';
import { type StreamCounts, zeroCounts } from './stream-counts.js';

/**
 * The share of a process that relays the streams of another process of the same server: its viewers, and the bytes sent
 * to them. Those streams came from outside only once, so the bytes that this process received do not count.
 */
export function replicaSnapshot(snapshot: ProcessSnapshot): ProcessSnapshot {
	const { totals } = snapshot;
	return {
		...snapshot,
		streams: snapshot.streams.map(ofViewers),
		totals: { ...totals, streamsStarted: 0, counts: countsOfViewers(totals.counts) },
		pulls: { active: 0, upstreams: {} },
	};
}

function ofViewers(stream: StreamSnapshot): StreamSnapshot {
	return { ...stream, publisher: null, bitsPerSecond: 0, counts: countsOfViewers(stream.counts) };
}

function countsOfViewers({ bytesOut, skips, lagClosed }: StreamCounts): StreamCounts {
	return { ...zeroCounts(), bytesOut, skips, lagClosed };
}
