import { VIEWER_PROTOCOLS, type ViewerProtocol } from '../protocol/protocols.js';
import type { FileCounter } from './counters.js';
import type { ProcessSnapshot, RecorderCounts, StreamSnapshot, ThreadSnapshot } from './snapshot.js';
import { type RING_COUNTS, sum } from './stream-counts.js';

/** One series of a metric: its labels, in the metric's order, and its value. */
export type Sample = readonly [labels: readonly string[], value: number];

/** A metric of a role process, computed from a snapshot. `across` says how the values of several processes become one. */
export type MetricSpec = {
	name: string;
	type: 'counter' | 'gauge';
	help: string;
	labels: readonly string[];
	across: 'sum' | 'max' | 'min';
	samples: (snapshot: ProcessSnapshot) => Iterable<Sample>;
};

const PREFIX = 'millrace_';
const STREAMS = 'streams';
const PUBLISHERS = 'publishers';
const STREAM_PUBLISHERS = 'stream_publishers';
/** Names of metrics that count streams, and of the one with a series for each: a stream may be in several processes. */
export const STREAM_METRICS = {
	streams: PREFIX + STREAMS,
	publishers: PREFIX + PUBLISHERS,
	ofStream: PREFIX + STREAM_PUBLISHERS,
};

type Of<T> = (of: T) => number;

/**
 * Every metric that a role process has of its media, in the order of the output. Labels are app and stream, or one of a small
 * closed set (protocol, code, thread): their number is bounded by limits.streams, never by the number of viewers.
 */
export const CATALOGUE: readonly MetricSpec[] = [
	gauge(STREAMS, 'Streams that are live or wait for their publisher to come back', (s) => s.streams.length),
	gauge(PUBLISHERS, 'Streams that have a publisher now', (s) => sum(s.streams, (stream) => (stream.publisher ? 1 : 0))),
	counter('streams_started_total', 'Streams that have begun', (s) => s.totals.streamsStarted),
	byProtocol('gauge', 'subscribers', 'Viewers now', (s) => s.totals.subscribers),
	counter('received_bytes_total', 'Bytes of media received from publishers', (s) => s.totals.counts.bytesIn),
	byProtocol('counter', 'sent_bytes_total', 'Bytes of media sent to viewers', (s) => s.totals.counts.bytesOut),
	counter('audio_frames_total', 'Audio frames received', (s) => s.totals.counts.audioFrames),
	counter('video_frames_total', 'Video frames received', (s) => s.totals.counts.videoFrames),
	counter('keyframes_total', 'Video keyframes received', (s) => s.totals.counts.keyframes),
	counter(
		'repaired_timestamps_total',
		'Frames whose timestamp was repaired',
		(s) => s.totals.counts.repairedTimestamps,
	),
	counter('dropped_frames_total', 'Frames that could not be kept', (s) => s.totals.counts.droppedFrames),
	counter('splices_total', 'Sources joined to a running timeline', (s) => s.totals.counts.splices),
	counter('skips_total', 'Jumps of slow viewers to the newest keyframe', (s) => s.totals.counts.skips),
	counter('lag_closes_total', 'Viewers closed because they stayed behind', (s) => s.totals.counts.lagClosed),

	counter('sessions_accepted_total', 'Connections accepted', (s) => s.totals.sessionsAccepted),
	{
		...counter('sessions_closed_total', 'Sessions that ended, by error code', () => 0),
		labels: ['code'],
		samples: (s) => Object.entries(s.totals.sessionsClosed).map(([code, count]): Sample => [[code], count]),
	},

	{
		...perStream('gauge', STREAM_PUBLISHERS, 'Whether the stream has a publisher', (s) => (s.publisher ? 1 : 0)),
		across: 'max',
	},
	{
		...perStream('gauge', 'stream_start_time_seconds', 'When the stream began, in seconds since 1970', (s) =>
			seconds(s.startedAtMs),
		),
		across: 'min',
	},
	{
		...perStream('gauge', 'stream_last_media_time_seconds', 'When the last frame came, in seconds since 1970', (s) =>
			seconds(s.lastMediaAtMs),
		),
		across: 'max',
	},
	{
		...perStream('gauge', 'stream_keyframe_interval_seconds', 'Time between the newest two keyframes', (s) =>
			seconds(s.gopMs),
		),
		across: 'max',
	},
	perStream('gauge', 'stream_ring_bytes', 'Capacity of the ring', (s) => s.ringBytes),
	perStreamByProtocol('gauge', 'stream_subscribers', 'Viewers now', (s) => s.subscribers),
	ofRing('stream_received_bytes_total', 'Bytes of media received', 'bytesIn'),
	perStreamByProtocol('counter', 'stream_sent_bytes_total', 'Bytes of media sent', (s) => s.counts.bytesOut),
	ofRing('stream_audio_frames_total', 'Audio frames received', 'audioFrames'),
	ofRing('stream_video_frames_total', 'Video frames received', 'videoFrames'),
	ofRing('stream_keyframes_total', 'Video keyframes received', 'keyframes'),
	ofRing('stream_repaired_timestamps_total', 'Frames whose timestamp was repaired', 'repairedTimestamps'),
	ofRing('stream_dropped_frames_total', 'Frames that could not be kept', 'droppedFrames'),
	ofRing('stream_splices_total', 'Sources joined to the running timeline', 'splices'),
	perStream('counter', 'stream_skips_total', 'Jumps of slow viewers to the newest keyframe', (s) => s.counts.skips),
	perStream(
		'counter',
		'stream_lag_closes_total',
		'Viewers closed because they stayed behind',
		(s) => s.counts.lagClosed,
	),

	perThread('gauge', 'connections', 'Open connections', (t) => t.connections),
	perThread('counter', 'thread_restarts_total', 'Times the thread was replaced', (t) => t.restarts),
	perThread('counter', 'thread_event_loop_busy_seconds_total', 'Time that the event loop was not idle', (t) =>
		seconds(t.eventLoopBusyMs),
	),
	perThread('counter', 'thread_flushes_total', 'Flushes to the viewers of a stream', (t) => t.flushes),
	perThread('counter', 'thread_flush_seconds_total', 'Time spent in flushes', (t) => seconds(t.flushMs)),
	{
		...perThread('gauge', 'thread_merge_window_seconds', 'Merge window', (t) => seconds(t.mergeWindowMs)),
		across: 'max',
	},

	files('counter', 'file_requests_total', 'Requests for files answered, by class of status', 'class', {
		'2xx': 'fileRequests2xx',
		'3xx': 'fileRequests3xx',
		'4xx': 'fileRequests4xx',
		'5xx': 'fileRequests5xx',
	}),
	counter('file_sent_bytes_total', 'Bytes of files sent', (s) => s.totals.files.fileBytesOut),
	files('counter', 'file_cache_requests_total', 'Requests for files by what the cache had', 'result', {
		hit: 'fileCacheHits',
		miss: 'fileCacheMisses',
		stale: 'fileCacheStale',
		revalidated: 'fileCacheRevalidated',
	}),
	files('gauge', 'file_cache_bytes', 'Bytes of files kept', 'store', {
		memory: 'currentFileCacheBytes',
		disk: 'currentFileDiskBytes',
	}),
	counter(
		'file_upstream_requests_total',
		'Requests for files to upstreams',
		(s) => s.totals.files.fileUpstreamRequests,
	),
	counter(
		'file_upstream_failures_total',
		'Requests for files that an upstream did not answer',
		(s) => s.totals.files.fileUpstreamFailures,
	),
	counter(
		'file_upstream_received_bytes_total',
		'Bytes of files received from upstreams',
		(s) => s.totals.files.fileUpstreamBytes,
	),
	gauge('pulls', 'Streams that a gateway wants of its upstreams', (s) => s.pulls.active),
	{
		...gauge('upstream_pulls', 'Streams that an upstream delivers', () => 0),
		labels: ['upstream'],
		samples: (s) => Object.entries(s.pulls.upstreams).map(([upstream, count]): Sample => [[upstream], count]),
	},
	counter('pull_losses_total', 'Connections to upstreams that were lost', (s) => s.totals.pullLosses),
	{
		...counter('pull_switches_total', 'Changes of the source of a pulled stream, by how it was joined', () => 0),
		labels: ['kind'],
		samples: (s) => [
			[['continued'], s.totals.pullContinuations],
			[['spliced'], s.totals.pullSplices],
		],
	},

	byOutput('gauge', 'recorders', 'Takes being recorded', (r) => r.active),
	byOutput('counter', 'recorder_takes_total', 'Takes begun', (r) => r.takes),
	byOutput('counter', 'recorder_written_bytes_total', 'Bytes of recordings written', (r) => r.bytesWritten),
	byOutput('counter', 'recorder_failures_total', 'Takes that ended because of a fault', (r) => r.failures),
	byOutput(
		'counter',
		'recorder_skips_total',
		'Times a recorder was too slow for its stream and skipped to a keyframe',
		(r) => r.skips,
	),
];

function gauge(name: string, help: string, value: Of<ProcessSnapshot>): MetricSpec {
	return spec('gauge', name, help, [], (snapshot) => [[[], value(snapshot)]]);
}

function counter(name: string, help: string, value: Of<ProcessSnapshot>): MetricSpec {
	return spec('counter', name, help, [], (snapshot) => [[[], value(snapshot)]]);
}

function byProtocol(
	type: MetricSpec['type'],
	name: string,
	help: string,
	values: (snapshot: ProcessSnapshot) => Record<ViewerProtocol, number>,
): MetricSpec {
	return spec(type, name, help, ['protocol'], (snapshot) => protocolSamples([], values(snapshot)));
}

function byOutput(type: MetricSpec['type'], name: string, help: string, value: Of<RecorderCounts>): MetricSpec {
	return spec(type, name, help, ['output'], ({ recorders }) =>
		Object.entries(recorders).map(([output, counts]): Sample => [[output], value(counts)]),
	);
}

/** One series for each value of one label. */
function files(
	type: MetricSpec['type'],
	name: string,
	help: string,
	label: string,
	counters: Readonly<Record<string, FileCounter>>,
): MetricSpec {
	return spec(type, name, help, [label], ({ totals }) =>
		Object.entries(counters).map(([value, each]): Sample => [[value], totals.files[each]]),
	);
}

function perStream(type: MetricSpec['type'], name: string, help: string, value: Of<StreamSnapshot>): MetricSpec {
	return spec(type, name, help, ['app', 'stream'], ({ streams }) =>
		streams.map((stream): Sample => [[stream.name.app, stream.name.name], value(stream)]),
	);
}

/** A count of a stream's ring. When the stream is in several processes, each has counted the same. */
function ofRing(name: string, help: string, count: (typeof RING_COUNTS)[number]): MetricSpec {
	return { ...perStream('counter', name, help, ({ counts }) => counts[count]), across: 'max' };
}

function perStreamByProtocol(
	type: MetricSpec['type'],
	name: string,
	help: string,
	values: (stream: StreamSnapshot) => Record<ViewerProtocol, number>,
): MetricSpec {
	return spec(type, name, help, ['app', 'stream', 'protocol'], ({ streams }) =>
		streams.flatMap((stream) => protocolSamples([stream.name.app, stream.name.name], values(stream))),
	);
}

function perThread(type: MetricSpec['type'], name: string, help: string, value: Of<ThreadSnapshot>): MetricSpec {
	return spec(type, name, help, ['thread'], ({ threads }) =>
		threads.map((thread): Sample => [[thread.thread], value(thread)]),
	);
}

function protocolSamples(labels: readonly string[], values: Record<ViewerProtocol, number>): Sample[] {
	return VIEWER_PROTOCOLS.map((protocol): Sample => [[...labels, protocol], values[protocol]]);
}

function spec(
	type: MetricSpec['type'],
	name: string,
	help: string,
	labels: readonly string[],
	samples: MetricSpec['samples'],
): MetricSpec {
	return { name: PREFIX + name, type, help, labels, across: 'sum', samples };
}

function seconds(ms: number): number {
	return ms / 1000;
}
