import { createHash } from 'node:crypto';
import { CACHE_CONTROL, contentTypeOf } from '../content-type.js';
import type { Representation } from '../representation.js';

/** An answer of an upstream as it is kept: plain data that goes from thread to thread, its body shared by all. Times are those of Date.now. */
export type StoredObject = {
	/** Path and query, as they are asked for. */
	key: string;
	/** 404 and 410 are kept too, for a moment. */
	status: 200 | 404 | 410;
	contentType: string;
	cacheControl: string | null;
	etag: string | null;
	lastModified: string | null;
	/** Not to be modified. */
	body: SharedArrayBuffer;
	/** When the upstream made or last confirmed it. */
	bornAtMs: number;
	/** Until then it is given out unasked; */
	freshUntilMs: number;
	/** until then while it is being asked for; */
	reuseUntilMs: number;
	/** until then when no upstream answers. */
	errorUntilMs: number;
	/** No upstream answered when it was last asked for. */
	stale: boolean;
};

/** The outcome of a request for an object: see RFC 9211 for the words that the client gets. */
export type Result = 'hit' | 'miss' | 'revalidated' | 'stale';

const CACHE_STATUS: Readonly<Record<Result, string>> = {
	hit: 'millrace; hit',
	miss: 'millrace; fwd=uri-miss',
	revalidated: 'millrace; fwd=stale; fwd-status=304',
	stale: 'millrace; hit; detail=stale',
};
export const VIA = '1.1 millrace';

/** The form in which an object is sent. It is made once for each version, and so are its compressed forms. */
export function objectRepresentation({ key, ...object }: StoredObject): Representation {
	const body = Buffer.from(object.body);
	const byName = contentTypeOf(key.split('?', 1)[0]!);
	const lastModifiedMs = Date.parse(object.lastModified ?? '');
	const { contentType } = object;
	return {
		contentType: contentType === '' ? byName.type : contentType,
		cacheControl: object.cacheControl ?? CACHE_CONTROL.changing,
		compressible: byName.compressible,
		sizeBytes: body.length,
		etag: isStrong(object.etag) ? object.etag : `"${createHash('sha1').update(body).digest('base64url')}"`,
		lastModifiedMs: Number.isNaN(lastModifiedMs) ? null : lastModifiedMs,
		body,
		extra: [],
		encoded: new Map(),
	};
}

/** Header fields of an answer from the cache. */
export function cacheFields({ bornAtMs }: StoredObject, result: Result, nowMs: number): string[] {
	const age = Math.max(0, Math.floor((nowMs - bornAtMs) / 1000));
	return ['Age', String(age), 'Cache-Status', CACHE_STATUS[result], 'Via', VIA];
}

/** Returns the memory that an object takes: its body, and what is around it. */
export function storedBytes({ key, body }: StoredObject): number {
	return body.byteLength + 2 * key.length + OBJECT_BYTES;
}

const OBJECT_BYTES = 1024;

function isStrong(etag: string | null): etag is string {
	return etag?.startsWith('"') ?? false;
}
