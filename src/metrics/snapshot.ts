import type { ErrorCode } from '../errors.js';
import type { ViewerProtocol } from '../protocol/protocols.js';
import type { StreamName } from '../stream-name.js';
import type { FileCounter } from './counters.js';
import type { StreamCounts } from './stream-counts.js';

/**
 * The state of a role process at one moment, as plain data. The coordinator makes it when somebody asks, the primary
 * gets it for the admin port, and metrics/catalogue.ts turns it into metrics. A count never goes down while the process
 * lives.
 */
export type ProcessSnapshot = {
	role: string;
	/** Among the processes of the role. */
	index: number;
	/** Streams that are live or in grace, each with a counter slot of its own; those without one are summed as app `_other`. */
	streams: StreamSnapshot[];
	threads: ThreadSnapshot[];
	/** Sums over all streams and threads that there have ever been. */
	totals: ProcessTotals;
	/** By output. */
	recorders: Readonly<Record<string, RecorderCounts>>;
	pulls: PullCounts;
};

export type StreamSnapshot = {
	name: StreamName;
	/** Null while the stream waits for its publisher to come back. */
	publisher: { protocol: string; address: string } | null;
	/** Milliseconds since 1970. */
	startedAtMs: number;
	/** Milliseconds since 1970; 0 before the first frame. */
	lastMediaAtMs: number;
	hasAudio: boolean;
	hasVideo: boolean;
	bitsPerSecond: number;
	gopMs: number;
	ringBytes: number;
	subscribers: Record<ViewerProtocol, number>;
	counts: StreamCounts;
};

export type ThreadSnapshot = {
	/** `ingest-0`. */
	thread: string;
	restarts: number;
	connections: number;
	flushes: number;
	flushMs: number;
	mergeWindowMs: number;
	eventLoopBusyMs: number;
};

export type ProcessTotals = {
	streamsStarted: number;
	sessionsAccepted: number;
	sessionsClosed: Record<ErrorCode, number>;
	counts: StreamCounts;
	subscribers: Record<ViewerProtocol, number>;
	files: Record<FileCounter, number>;
	/** Connections to upstreams that were lost. */
	pullLosses: number;
	/** Sources that went on where another had ended, to the very tag. */
	pullContinuations: number;
	/** Sources that were spliced. */
	pullSplices: number;
};

/** The pulls of a gateway: streams that are wanted, and by upstream those that it delivers. Other roles have none. */
export type PullCounts = { active: number; upstreams: Record<string, number> };

/** The work of the recorders of one output. `skips` counts jumps to a keyframe because the disk was too slow. */
export type RecorderCounts = { active: number; takes: number; bytesWritten: number; failures: number; skips: number };
