import type { StreamSnapshot } from './snapshot.js';
import { addCounts, byProtocol } from './stream-counts.js';

/**
 * Two views of one stream, or two streams shown as one, with their counts added up; named as `into`, whose counts are changed.
 */
export function mergeStreams(into: StreamSnapshot, stream: StreamSnapshot): StreamSnapshot {
	addCounts(into.counts, stream.counts);
	return {
		...into,
		publisher: into.publisher ?? stream.publisher,
		startedAtMs: Math.min(into.startedAtMs, stream.startedAtMs),
		lastMediaAtMs: Math.max(into.lastMediaAtMs, stream.lastMediaAtMs),
		hasAudio: into.hasAudio || stream.hasAudio,
		hasVideo: into.hasVideo || stream.hasVideo,
		bitsPerSecond: into.bitsPerSecond + stream.bitsPerSecond,
		gopMs: Math.max(into.gopMs, stream.gopMs),
		ringBytes: into.ringBytes + stream.ringBytes,
		subscribers: byProtocol((protocol) => into.subscribers[protocol] + stream.subscribers[protocol]),
	};
}
