// Spec: Fetch standard, section 3.3 (CORS protocol).

const METHODS = 'GET, HEAD, POST, PUT, OPTIONS';
const EXPOSED = 'Accept-Ranges, Content-Length, Content-Range, Date, ETag, Last-Modified';
const MAX_AGE_SECONDS = '86400';
const OPEN: Readonly<Record<string, string>> = {
	'Access-Control-Allow-Origin': '*',
	'Access-Control-Expose-Headers': EXPOSED,
};

/** True when a page of `origin` may use this server. A request without an origin comes from no page. */
export function isOriginAllowed(origin: string | undefined, allowed: readonly string[]): boolean {
	return origin === undefined || allowed.includes('*') || allowed.includes(origin);
}

/** Headers that every answer carries, errors included, so that the page can read it. */
export function corsHeaders(origin: string | undefined, allowed: readonly string[]): Readonly<Record<string, string>> {
	if (allowed.includes('*')) {
		return OPEN;
	}
	if (origin === undefined || !allowed.includes(origin)) {
		return { Vary: 'Origin' };
	}
	return { 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': EXPOSED, Vary: 'Origin' };
}

/** Headers of the answer to a preflight request on top of those; `requested` is its Access-Control-Request-Headers. */
export function preflightHeaders(requested: string | undefined): Record<string, string> {
	return {
		Allow: METHODS,
		'Access-Control-Allow-Methods': METHODS,
		'Access-Control-Allow-Headers': requested ?? '*',
		'Access-Control-Max-Age': MAX_AGE_SECONDS,
	};
}
