/**
 * The two families of failure (ARCHITECTURE.md, "Errors").
 *
 * A PeerError is somebody else's fault: bad bytes, refused, timed out, gone. It ends one session, is counted by its code
 * and logged once. A failed `assert` is our fault: it ends the thread, and the supervisor replaces the thread.
 */

/** Every stable code with the sentence that the documentation prints for it. Closed: metrics have one slot for each. */
export const ERROR_CODES = {
	PEER_GONE: 'The peer closed or reset its connection',
	SERVER_STOPPING: 'The server is stopping or this thread is draining',
	SESSION_KICKED: 'An operator or a policy ended the session',
	CONNECTION_LIMIT: 'More connections than the limit, in total or from one address',
	HANDSHAKE_TIMEOUT: 'The peer did not finish its handshake or request in time',
	IDLE_TIMEOUT: 'No media or no bytes for longer than the limit',
	NAME_INVALID: 'App or stream name does not match [A-Za-z0-9_-]{1,128}',
	STREAM_NOT_FOUND: 'The stream is not live',
	STREAM_ENDED: 'The stream ended',
	PUBLISH_CONFLICT: 'Another publisher holds the stream',
	PUBLISH_REPLACED: 'Another publisher took the stream over',
	PUBLISH_REFUSED: 'The publish was refused',
	STREAM_LIMIT: 'More live streams than limits.streams',
	RELAY_LOOP: 'The stream would be pulled from where it is wanted',
	UPSTREAM_FAILED: 'The upstream could not be asked',
	TARGET_FAILED: 'The server that the stream is sent to refused it or was lost',
	UPSTREAM_TIMEOUT: 'The upstream did not answer in time',
	SUBSCRIBER_LAGGING: 'The viewer stayed behind for longer than play.maxLag',
	BUFFER_FULL: 'The peer did not read what was sent',
	RTMP_VERSION: 'First byte of the handshake is not 3',
	RTMP_HANDSHAKE: 'Handshake bytes are wrong',
	RTMP_CHUNK_STREAM: 'A chunk refers to a chunk stream with no message header',
	RTMP_CHUNK_STREAM_LIMIT: 'More chunk streams than the limit',
	RTMP_CHUNK_SIZE: 'Set Chunk Size outside 1 to 0x7FFFFFFF',
	RTMP_MESSAGE_TOO_LARGE: 'A message is larger than limits.maxMessageSize',
	RTMP_COMMAND: 'A command is malformed or out of order',
	AMF_MALFORMED: 'AMF data is truncated, too deep or too large',
	FLV_SIGNATURE: 'The body does not start with an FLV header',
	FLV_TAG: 'An FLV tag is malformed',
	FLV_TAG_TOO_LARGE: 'An FLV tag is larger than limits.maxMessageSize',
	CODEC_CONFIG: 'A decoder configuration is malformed',
	MP4_BOX: 'An MP4 box is malformed',
	TS_PACKET: 'An MPEG transport stream is malformed',
	HLS_PLAYLIST: 'An HLS playlist is malformed',
	HLS_STALLED: 'Nothing new came to a live playlist in time',
	HTTP_REQUEST: 'The HTTP request cannot be served',
	NOT_RECORDED: 'There is no recording to make this of',
	FILE_UNREADABLE: 'A file is there and cannot be read',
	WS_PROTOCOL: 'The WebSocket peer broke the protocol',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** A code and the sentence for people: a PeerError, or what one would say without the cost of its stack. */
export type Reason = { readonly code: ErrorCode; readonly message: string };

/** Makes every Reason. `detail` follows the sentence of the code, unless it begins with it: a message that is passed on says it once. */
export function reasonOf(code: ErrorCode, detail?: string): Reason {
	const sentence = ERROR_CODES[code];
	const message = detail?.startsWith(sentence) ? detail : detail === undefined ? sentence : `${sentence}: ${detail}`;
	return { code, message };
}

/** A fault of the peer: ends its session, never the thread. `code` is stable and safe to match on. */
export class PeerError extends Error {
	readonly code: ErrorCode;

	/** The error that says what `reason` says. */
	static of({ code, message }: Reason): PeerError {
		const error = new PeerError(code);
		error.message = message;
		return error;
	}

	constructor(code: ErrorCode, detail?: string) {
		super(reasonOf(code, detail).message);
		this.name = 'PeerError';
		this.code = code;
	}
}

/** A broken invariant of our own. Nothing catches it but the thread's last handler. */
export class InvariantError extends Error {
	override readonly name = 'InvariantError';
}

/**
 * For every `catch` around work on somebody else's bytes: returns the PeerError, throws anything else again. A fault of our own is
 * never taken for the peer's.
 */
export function peerErrorOf(error: unknown): PeerError {
	if (error instanceof PeerError) {
		return error;
	}
	throw error;
}

/** An error that a call of the operating system gave, with its name and its code (`ENOENT`). */
export type SystemError = Error & { readonly syscall: string; readonly code?: string };

/** True for an error of the operating system, as a file that cannot be opened: no peer's fault, and none of our own. */
export function isSystemError(error: unknown): error is SystemError {
	return error instanceof Error && 'syscall' in error;
}

/** The twin of peerErrorOf for a `catch` around work on files: returns an error of the system, throws anything else again. */
export function systemErrorOf(error: unknown): SystemError {
	if (isSystemError(error)) {
		return error;
	}
	throw error;
}

/** Throws InvariantError unless `condition` holds. For states that only a defect of ours can bring about. */
export function assert(condition: unknown, message: string): asserts condition {
	if (!condition) {
		throw new InvariantError(message);
	}
}
