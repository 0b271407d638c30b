import type { ErrorCode, Reason } from '../errors.js';
import type { PublisherInfo } from '../stream/thread-messages.js';
import type { StreamName } from '../stream-name.js';

/** The receiver of the pushes of a thread: ingest threads of its process, or another process. */
export type PushGate = {
	/** Asks for a publication; `listener` hears the verdict. @returns null when there is nobody to ask at the moment. */
	open(name: StreamName, publisher: PublisherInfo, listener: PushListener): PushChannel | null;
};

/** The news that a pushing session gets about its publication. */
export type PushListener = {
	/** The publication may begin. */
	granted(): void;
	/** It may not, or it is over; nothing else follows. */
	closed(error: Reason): void;
	/** Bytes are taken again after `write` has returned false. */
	room(): void;
};

/** One push on its way. */
export type PushChannel = {
	/** Sends `bytes`, which are not modified afterwards. @returns false when the peer must wait for `room`. */
	write(bytes: Uint8Array): boolean;
	/** The peer has sent everything: `closed` follows when that has been taken. */
	finish(): void;
	/** The peer is gone or is being sent away: nothing follows. */
	abort(code: ErrorCode): void;
};
