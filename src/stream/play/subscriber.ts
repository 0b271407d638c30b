import type { Socket } from 'node:net';
import type { ErrorCode } from '../../errors.js';
import type { ReceiverCounters } from '../../metrics/counters.js';
import type { BatchRoom, RecordBatch } from '../../ring/ring-reader.js';
import type { HeaderSlot } from '../../ring/ring-writer.js';

/** The facts that a subscriber must get before its first frame. */
export type StreamStart = {
	hasAudio: boolean;
	hasVideo: boolean;
	/** Metadata and sequence headers as FLV tag bodies. Kept, not to be modified. */
	headers: readonly HeaderSlot[];
	/** Time of the first frame that follows; the headers carry it as their timestamp. */
	dtsMs: number;
};

/**
 * The form of a stream's records on one kind of wire. It is stateless: all subscribers of its key share the results.
 */
export type WireFormat = {
	/** A hub encodes each batch once per key, e.g. `flv-chunked` or `rtmp:60000:1`. */
	readonly key: string;
	/** Bytes that `encodeBatch` would like around the tags, to frame them without a copy. */
	readonly room?: BatchRoom;
	/**
	 * Bytes for the records of `batch`; may be a view of `batch.bytes`, and of its room if this format asked for room. Not to
	 * be modified afterwards. Empty when the records mean nothing on this wire.
	 */
	encodeBatch(batch: RecordBatch): Buffer;
	encodeStart(start: StreamStart): Buffer;
	/** Encodes the polite end of the stream; may be empty. It is written only to subscribers that were started. */
	encodeEnd(): Buffer;
};

/**
 * A subscriber as its protocol hands it to the hub. The hub writes to `socket`, always whole tags, and looks at its
 * `writableLength`; it never ends or destroys it. The protocol may write whole messages of its own between.
 */
export type SubscriberPort = {
	readonly socket: Socket;
	readonly format: WireFormat;
	readonly counters: ReceiverCounters;
	/** A relay that has the stream up to this time (milliseconds modulo 2^32): it starts in front of it, if that is still there. */
	readonly resumeMs?: number | undefined;
	/** Called once, right before the first bytes are written: the moment to write the head of a response. */
	starting?(): void;
	/**
	 * The hub has let go of this subscriber: the stream ended (STREAM_ENDED, after `encodeEnd` was written), it lagged too far
	 * behind (SUBSCRIBER_LAGGING), or the hubs were closed. Never called from within `subscribe`.
	 */
	ended(code: ErrorCode): void;
};

/** A subscriber's place at its hub. */
export type Subscription = {
	/** True once `starting` was called: there was something to play. */
	readonly started: boolean;
	/** Bytes of media written so far. */
	readonly bytesOut: number;
	/** Jumps to the newest keyframe because the ring had lapped it. */
	readonly skips: number;
	/** No more is written until `resume`, which goes on at the newest keyframe. */
	pause(): void;
	resume(): void;
	/** Forgets the subscriber; `ended` is not called. */
	close(): void;
};
