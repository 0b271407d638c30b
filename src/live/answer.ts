// Spec: rfc8216bis-22 B.1 (low-latency server configuration profile: caching)

/** Bytes of one answer, made once and shared by everybody who asks for it. Not to be modified. */
export class SharedBody {
	readonly bytes: Buffer;
	/** Text is worth being compressed; media is not. */
	readonly isText: boolean;

	constructor(bytes: Buffer | string) {
		this.isText = typeof bytes === 'string';
		this.bytes = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
	}
}

/**
 * The next piece of a body that is still being made: bytes that all readers share; `end`: the body is complete; `lost`:
 * it is gone.
 */
export type Piece = Buffer | 'end' | 'lost';

/** A body that is given out while it is being made. It keeps nothing for anybody: a reader says how far it is. */
export type GrowingBody = {
	/**
	 * Calls `reply` with piece `index` (from 0), at once or when it is there.
	 * @returns what calls it off.
	 */
	piece(index: number, reply: (piece: Piece) => void): () => void;
};

/** The answer to a request for something live, for every protocol. */
export type LiveAnswer = {
	/**
	 * 400: the request is for something that will not be there soon. 404: there is no such thing. 503: it did not come
	 * in time.
	 */
	status: 200 | 400 | 404 | 503;
	contentType: string;
	/** Caches may keep the answer this long, errors too. 0 = not at all. */
	maxAgeSeconds: number;
	/** Null of errors. */
	body: SharedBody | GrowingBody | null;
};

export const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';
export const MANIFEST_TYPE = 'application/dash+xml';
export const SEGMENT_TYPE = 'video/iso.segment';
export const INIT_TYPE = 'video/mp4';

/** Lifetimes that B.1 recommends, in target durations. */
const BLOCKING_SUCCESS = 6;
const BLOCKING_FAILURE = 4;
const PLAIN_SUCCESS = 0.5;
const PLAIN_FAILURE = 1;
const MEDIA_SUCCESS = 6;
const MEDIA_FAILURE = 1;

export function playlistAnswer(
	status: LiveAnswer['status'],
	body: SharedBody | null,
	blocking: boolean,
	targetDuration: number,
): LiveAnswer {
	const success = blocking ? BLOCKING_SUCCESS : PLAIN_SUCCESS;
	const failure = blocking ? BLOCKING_FAILURE : PLAIN_FAILURE;
	const maxAgeSeconds = Math.floor(targetDuration * (status === 200 ? success : failure));
	return { status, contentType: PLAYLIST_TYPE, maxAgeSeconds, body };
}

export function mediaAnswer(
	status: LiveAnswer['status'],
	contentType: string,
	body: SharedBody | null,
	targetDuration: number,
): LiveAnswer {
	const maxAgeSeconds = targetDuration * (status === 200 ? MEDIA_SUCCESS : MEDIA_FAILURE);
	return { status, contentType, maxAgeSeconds, body };
}

/** Null: there is nothing to tell of. It changes with every part: caches are to ask each time. */
export function manifestAnswer(body: SharedBody | null): LiveAnswer {
	return { status: body === null ? 404 : 200, contentType: MANIFEST_TYPE, maxAgeSeconds: 0, body };
}
