import path from 'node:path';

/** The facts that the name of a file states about it. */
export type ContentType = {
	/** The value of the header. */
	type: string;
	/** Text that gzip and Brotli make much smaller. */
	compressible: boolean;
	freshness: Freshness;
};

/**
 * The time for which a copy may be used: `playlist` for a moment, `segment` for good, `changing` only after asking. A
 * segment never changes under one name. Everything else grows or is replaced while it is being watched.
 */
export type Freshness = 'playlist' | 'segment' | 'changing';

export const CACHE_CONTROL: Readonly<Record<Freshness, string>> = {
	playlist: 'max-age=1',
	segment: 'public, max-age=86400, immutable',
	changing: 'no-cache',
};

const UNKNOWN: ContentType = { type: 'application/octet-stream', compressible: false, freshness: 'changing' };

const BY_EXTENSION: Readonly<Record<string, ContentType>> = {
	'.m3u8': text('application/vnd.apple.mpegurl', 'playlist'),
	'.mpd': text('application/dash+xml', 'playlist'),
	'.ts': binary('video/mp2t', 'segment'),
	'.m4s': binary('video/iso.segment', 'segment'),
	'.mp4': binary('video/mp4'),
	'.m4a': binary('audio/mp4'),
	'.aac': binary('audio/aac', 'segment'),
	'.mp3': binary('audio/mpeg'),
	'.flv': binary('video/x-flv'),
	'.key': binary('application/octet-stream'),
	'.vtt': text('text/vtt; charset=utf-8'),
	'.html': text('text/html; charset=utf-8'),
	'.js': text('text/javascript; charset=utf-8'),
	'.mjs': text('text/javascript; charset=utf-8'),
	'.css': text('text/css; charset=utf-8'),
	'.json': text('application/json'),
	'.map': text('application/json'),
	'.txt': text('text/plain; charset=utf-8'),
	'.svg': text('image/svg+xml'),
	'.png': binary('image/png'),
	'.jpg': binary('image/jpeg'),
	'.webp': binary('image/webp'),
	'.ico': binary('image/x-icon'),
};

export function contentTypeOf(file: string): ContentType {
	return BY_EXTENSION[path.extname(file).toLowerCase()] ?? UNKNOWN;
}

function text(type: string, freshness: Freshness = 'changing'): ContentType {
	return { type, compressible: true, freshness };
}

function binary(type: string, freshness: Freshness = 'changing'): ContentType {
	return { type, compressible: false, freshness };
}
