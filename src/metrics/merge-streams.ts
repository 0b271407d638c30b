import type { StreamSnapshot } from './snapshot.js';
import { addByProtocol, addCounts, byProtocol, RING_COUNTS, type StreamCounts } from './stream-counts.js';

/** Several streams shown as one, with their counts added up; named as `into`, whose counts are changed. */
export function mergeStreams(into: StreamSnapshot, stream: StreamSnapshot): StreamSnapshot {
	addCounts(into.counts, stream.counts);
	return { ...joined(into, stream), bitsPerSecond: into.bitsPerSecond + stream.bitsPerSecond };
}

/**
 * Joins the views of two processes on one stream. Each process has received all of it and counted the same; only the
 * viewers are its own. The counts of `into` are changed.
 */
export function mergeViews(into: StreamSnapshot, stream: StreamSnapshot): StreamSnapshot {
	mergeViewCounts(into.counts, stream.counts);
	return { ...joined(into, stream), bitsPerSecond: Math.max(into.bitsPerSecond, stream.bitsPerSecond) };
}

function mergeViewCounts(into: StreamCounts, counts: StreamCounts): void {
	for (const name of RING_COUNTS) {
		into[name] = Math.max(into[name], counts[name]);
	}
	into.skips += counts.skips;
	into.lagClosed += counts.lagClosed;
	addByProtocol(into.bytesOut, counts.bytesOut);
}

function joined(into: StreamSnapshot, stream: StreamSnapshot): StreamSnapshot {
	return {
		...into,
		publisher: into.publisher ?? stream.publisher,
		startedAtMs: Math.min(into.startedAtMs, stream.startedAtMs),
		lastMediaAtMs: Math.max(into.lastMediaAtMs, stream.lastMediaAtMs),
		hasAudio: into.hasAudio || stream.hasAudio,
		hasVideo: into.hasVideo || stream.hasVideo,
		gopMs: Math.max(into.gopMs, stream.gopMs),
		ringBytes: into.ringBytes + stream.ringBytes,
		subscribers: byProtocol((protocol) => into.subscribers[protocol] + stream.subscribers[protocol]),
	};
}
