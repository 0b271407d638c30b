import type { ErrorCode, Reason } from '../errors.js';
import type { PublisherInfo } from '../stream/thread-messages.js';
import type { StreamName } from '../stream-name.js';

/** Where the pushes of a thread go: to ingest threads of its process, or to another process. */
export type PushGate = {
	/** Asks for a publication; `listener` hears the verdict. @returns null when there is nobody to ask at the moment. */
	open(name: StreamName, publisher: PublisherInfo, listener: PushListener): PushChannel | null;
};

/** What a pushing session hears of its publication. */
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
