import { mergeViews } from '../metrics/merge-streams.js';
import type { ProcessSnapshot, StreamSnapshot } from '../metrics/snapshot.js';

/** A stream as /api/v1/streams shows it. */
export type StreamView = {
	app: string;
	name: string;
	publisher: { protocol: string; address: string } | null;
	startedAt: string;
	lastMediaAt: string | null;
	audio: boolean;
	video: boolean;
	bitsPerSecond: number;
	keyframeIntervalMs: number;
	ringBytes: number;
	viewers: StreamSnapshot['subscribers'];
	bytesReceived: number;
	bytesSent: StreamSnapshot['subscribers'];
	frames: { audio: number; video: number; key: number; dropped: number };
	repairedTimestamps: number;
	splices: number;
	skips: number;
	lagCloses: number;
};

/** The streams of all processes; one that lives in several of them is shown once, with its viewers added up. */
export function streamViews(snapshots: readonly ProcessSnapshot[]): StreamView[] {
	const merged = new Map<string, StreamSnapshot>();
	for (const stream of snapshots.flatMap((snapshot) => snapshot.streams)) {
		const key = stream.name.key;
		const known = merged.get(key);
		merged.set(key, known === undefined ? structuredClone(stream) : mergeViews(known, stream));
	}
	return [...merged.values()].map(viewOf);
}

function viewOf(stream: StreamSnapshot): StreamView {
	const { counts } = stream;
	return {
		app: stream.name.app,
		name: stream.name.name,
		publisher: stream.publisher,
		startedAt: new Date(stream.startedAtMs).toISOString(),
		lastMediaAt: stream.lastMediaAtMs === 0 ? null : new Date(stream.lastMediaAtMs).toISOString(),
		audio: stream.hasAudio,
		video: stream.hasVideo,
		bitsPerSecond: Math.round(stream.bitsPerSecond),
		keyframeIntervalMs: stream.gopMs,
		ringBytes: stream.ringBytes,
		viewers: stream.subscribers,
		bytesReceived: counts.bytesIn,
		bytesSent: counts.bytesOut,
		frames: {
			audio: counts.audioFrames,
			video: counts.videoFrames,
			key: counts.keyframes,
			dropped: counts.droppedFrames,
		},
		repairedTimestamps: counts.repairedTimestamps,
		splices: counts.splices,
		skips: counts.skips,
		lagCloses: counts.lagClosed,
	};
}
