// Spec: rfc8216bis-22 B.1 (low-latency server configuration profile: compression, caching)
import { gzipSync } from 'node:zlib';

/** Bytes of one answer, made once and shared by everybody who asks for it. Not to be modified. */
export class SharedBody {
	readonly bytes: Buffer;
	readonly #isText: boolean;
	#gzip: Buffer | null = null;

	/** Text is worth being compressed; media is not. */
	constructor(bytes: Buffer | string) {
		this.#isText = typeof bytes === 'string';
		this.bytes = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
	}

	/** Compressed, once for all; null of media. A playlist takes a tenth of a millisecond. */
	get gzip(): Buffer | null {
		this.#gzip ??= this.#isText ? gzipSync(this.bytes) : null;
		return this.#gzip;
	}
}

/** What a request for something live comes to, whatever protocol it came by. */
export type LiveAnswer = {
	/** 400: asked for what will not be there soon. 404: there is no such thing. 503: it did not come in time. */
	status: 200 | 400 | 404 | 503;
	contentType: string;
	/** How long caches may keep it, errors too. 0 = not at all. */
	maxAgeSeconds: number;
	/** Null of errors. */
	body: SharedBody | null;
};

export const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';
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
