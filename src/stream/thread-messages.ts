import type { MessagePort } from 'node:worker_threads';
import type { ListenerName, ThreadKind } from '../config/listeners.js';
import type { Config } from '../config/schema.js';
import type { ErrorCode, Reason } from '../errors.js';
import type { Protocol } from '../protocol/protocols.js';
import type { StreamName } from '../stream-name.js';
import type { ConnectionShare } from './connection-table.js';

/**
 * Every message between the coordinator and its threads, and between a delivery and an ingest thread. One process, one
 * version of the code: typed, not validated. Media never travels here, except pushes on their way to the parser.
 */

/** A live stream as every thread of the process knows it. */
export type StreamInfo = {
	/** Unique within the process; a name that comes back after its end gets a new one. */
	streamId: number;
	name: StreamName;
	ring: SharedArrayBuffer;
	/** Part ring (ring/part-layout.ts) of LL-HLS; absent when the stream is not packaged for it. */
	parts?: SharedArrayBuffer;
	/** Slot in the threads' counter slabs. */
	counterSlot: number;
};

/** The publisher who asks: for the verdict, the log and the refusal of the next one. */
export type PublisherInfo = {
	protocol: Protocol;
	/** Remote address as `address:port`. */
	address: string;
	/** Query string of the URL or of the stream name, without `?`. */
	query: string;
};

/** The right to write a stream's ring, granted by the coordinator. */
export type PublishGrant = {
	publicationId: number;
	stream: StreamInfo;
	/** `writerEpoch` for RingWriter.attach. */
	writerEpoch: number;
	/** The ring already holds media of an earlier publisher: splice. */
	resumed: boolean;
};

export type PublishVerdict =
	| { granted: true; grant: PublishGrant }
	| { granted: false; code: ErrorCode; message: string };

/** The facts that a relay states when it asks for a stream (protocol/relay.ts). A viewer states none. */
export type RelayWish = { via: readonly string[]; resumeMs?: number | undefined };

/** A process among those that relay to each other. */
export type RelayPlace = {
	/** Unique among all processes; by it a stream that goes in a circle is found out (protocol/relay.ts). */
	processId: string;
	/** A stream that is not here is asked for at an upstream when somebody wants it. */
	onDemand: boolean;
};

/** The server as its peers know it, for pages (`server.json`). */
export type ServerFacts = {
	/** `origin`, `flv-gateway` or `file-gateway`. */
	role: string;
	/** Bound ports of the whole role by listener; absent = not listened to. */
	ports: Partial<Record<ListenerName, number>>;
};

/** workerData of a thread of either kind. */
export type ThreadData = {
	kind: ThreadKind;
	index: number;
	config: Config;
	/** Inherited listening descriptors of this thread by listener name; absent = not listened to. */
	listeners: Partial<Record<ListenerName, number>>;
	/** Slab for metrics/counters.ts. */
	counters: SharedArrayBuffer;
	/** Int32Array(1): the thread adds 1 every second from a timer; the coordinator replaces a thread that stops. */
	heartbeat: SharedArrayBuffer;
	/** The thread's place in the process's count of connections. */
	connections: ConnectionShare;
	relay: RelayPlace;
	server: ServerFacts;
	/** Only in a process that serves files and no streams: the number of its delivery threads. */
	filesOnly?: { threads: number };
	/** Only in a delivery process: the Unix socket of the origin process that it delivers for. */
	originSocket?: string;
	/** All streams that are live now. */
	streams: StreamInfo[];
};

export type CoordinatorToThread =
	| { type: 'stream-opened'; stream: StreamInfo }
	/** The stream's ring has been replaced by a bigger one. Cursors stay valid. */
	| { type: 'stream-ring'; streamId: number; ring: SharedArrayBuffer }
	/** The stream's part ring has been replaced by one of another size. Positions stay valid. */
	| { type: 'stream-parts'; streamId: number; parts: SharedArrayBuffer }
	| { type: 'stream-ended'; streamId: number }
	/** The stream lost its publisher (`grace`) or has one again; for NetStream.Play.UnpublishNotify and PublishNotify. */
	| { type: 'stream-publisher'; streamId: number; present: boolean }
	| { type: 'publish-verdict'; requestId: number; verdict: PublishVerdict }
	/** End this publication; the ring now belongs to another. Answer with `publication-released`. */
	| { type: 'revoke'; publicationId: number; code: ErrorCode; message: string }
	/** To delivery: a channel to ingest thread `index`. To ingest: a channel from delivery thread `index`. */
	| { type: 'push-port'; index: number; port: MessagePort }
	/** To delivery: ingest thread `index` is gone; its pushes end. */
	| { type: 'push-port-closed'; index: number }
	/** Between the delivery threads of a process that serves files only: a channel to thread `index`. */
	| { type: 'peer-port'; index: number; port: MessagePort }
	| { type: 'peer-port-closed'; index: number }
	/** Nobody has the stream, or nobody could be asked. Those who wait for it may be told so. */
	| ({ type: 'stream-missing'; name: StreamName } & Reason)
	/** To ingest: pull a stream. Of one that is being pulled: for more processes than it was known. */
	| ({ type: 'pull-start'; name: StreamName } & RelayWish)
	/** To ingest: nobody wants the stream any more. */
	| { type: 'pull-stop'; name: StreamName }
	| { type: 'config'; config: Config }
	/** Stop accepting and end every session politely; answer with `drained` when done, at the latest after `deadlineMs`. */
	| { type: 'drain'; deadlineMs: number };

export type ThreadToCoordinator =
	/** Listening and ready. */
	| { type: 'ready' }
	| { type: 'publish-request'; requestId: number; name: StreamName; publisher: PublisherInfo }
	/** The publisher is gone: the stream enters its grace. The thread no longer writes the ring. */
	| { type: 'publication-ended'; publicationId: number; code: ErrorCode; final?: boolean }
	/** Answer to `revoke`: nothing more will be written. `final`: there is no grace, nobody will come back. */
	| { type: 'publication-released'; publicationId: number; final?: boolean }
	| { type: 'ring-grown'; publicationId: number; ring: SharedArrayBuffer }
	/** Somebody asks for a stream that is not here, or a relay for any stream. Answered by its opening, or `stream-missing`. */
	| ({ type: 'stream-wanted'; name: StreamName } & RelayWish)
	/** The stream has its first viewer in this thread, or none any more. */
	| { type: 'audience'; streamId: number; present: boolean }
	/** Every upstream was asked, and none has the stream; `pull-start` holds until `pull-stop`. */
	| ({ type: 'pull-missing'; name: StreamName } & Reason)
	/** A pull gets its stream from this upstream now. */
	| { type: 'pull-upstream'; name: StreamName; upstream: string | null }
	| { type: 'drained' };

/** Delivery to ingest: the bytes of an HTTP or WebSocket push, as they came. */
export type PushToIngest =
	| { type: 'push-open'; pushId: number; name: StreamName; publisher: PublisherInfo }
	/** `bytes` is transferred. */
	| { type: 'push-data'; pushId: number; bytes: Uint8Array<ArrayBuffer> }
	/** The peer has sent everything (`code` absent) or was lost. */
	| { type: 'push-end'; pushId: number; code?: ErrorCode };

/** Ingest to delivery. A push may have at most PUSH_WINDOW_BYTES unacknowledged. */
export type PushToDelivery =
	| {
			type: 'push-verdict';
			pushId: number;
			verdict: { granted: true } | { granted: false; code: ErrorCode; message: string };
	  }
	| { type: 'push-ack'; pushId: number; bytes: number }
	/**
	 * The publication is over: answer the peer and close. Also the answer to a `push-end` without code, when all has been taken;
	 * `code` is STREAM_ENDED then.
	 */
	| { type: 'push-close'; pushId: number; code: ErrorCode; message: string };

export const PUSH_WINDOW_BYTES = 1024 * 1024;
