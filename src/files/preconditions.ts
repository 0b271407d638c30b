// Spec: RFC 9110, sections 8.8 (validators) and 13 (conditional requests).

import type { IncomingHttpHeaders } from 'node:http';

/** The marks that identify one version of a representation. */
export type Validators = {
	/** Strong, in its quotes. */
	etag: string;
	/** Whole seconds, as milliseconds since 1970; null = not known. */
	lastModifiedMs: number | null;
};

const ETAGS = /(?:W\/)?"[^"]*"/g;

/** Judges the preconditions of a GET or HEAD. 200 means to go on; any other status is the whole answer. */
export function checkPreconditions(headers: IncomingHttpHeaders, version: Validators): 200 | 304 | 412 {
	const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers;
	const { 'if-unmodified-since': ifUnmodifiedSince, 'if-modified-since': ifModifiedSince } = headers;
	if (ifMatch !== undefined) {
		if (ifMatch.trim() !== '*' && !strongMatch(ifMatch, version.etag)) {
			return 412;
		}
	} else if (ifUnmodifiedSince !== undefined && isLater(version.lastModifiedMs, ifUnmodifiedSince) === true) {
		return 412;
	}
	if (ifNoneMatch !== undefined) {
		return ifNoneMatch.trim() === '*' || weakMatch(ifNoneMatch, version.etag) ? 304 : 200;
	}
	return ifModifiedSince !== undefined && isLater(version.lastModifiedMs, ifModifiedSince) === false ? 304 : 200;
}

/**
 * True when a Range may be served: the client holds the very same version, or did not ask (RFC 9110, section 13.1.5).
 */
export function isRangeValid(headers: IncomingHttpHeaders, version: Validators): boolean {
	const condition = headers['if-range'];
	if (condition === undefined) {
		return true;
	}
	const value = (Array.isArray(condition) ? condition[0] : condition)?.trim() ?? '';
	if (value.endsWith('"')) {
		return value === version.etag;
	}
	return version.lastModifiedMs !== null && Date.parse(value) === version.lastModifiedMs;
}

function weakMatch(list: string, etag: string): boolean {
	return list.match(ETAGS)?.some((tag) => tag.replace(/^W\//, '') === etag) ?? false;
}

function strongMatch(list: string, etag: string): boolean {
	return list.match(ETAGS)?.includes(etag) ?? false;
}

/** Null when one of the dates is not known. */
function isLater(lastModifiedMs: number | null, date: string): boolean | null {
	const dateMs = Date.parse(date);
	return lastModifiedMs === null || Number.isNaN(dateMs) ? null : lastModifiedMs > dateMs;
}
