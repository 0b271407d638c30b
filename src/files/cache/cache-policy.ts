// Spec: RFC 9111 (HTTP caching), sections 3, 4.2, 5.2; RFC 5861 (stale-while-revalidate).

import type { IncomingHttpHeaders } from 'node:http';
import { contentTypeOf } from '../content-type.js';

/** The rules by which an upstream's answer may be used for others than the one who asked. */
export type CachePolicy = {
	/** It is for one client alone. */
	isPrivate: boolean;
	/** It may be kept at all; if not, it is given to those who wait for it now. */
	mayKeep: boolean;
	/** Given out unasked for this long. */
	freshMs: number;
	/** Given out for this much longer while it is asked for anew. */
	reuseMs: number;
};

/** When an upstream says nothing, by what the name promises. */
const DEFAULT_FRESH_MS = { playlist: 1000, segment: 3_600_000, changing: 0 } as const;
const TARGET_DURATION = /^#EXT-X-TARGETDURATION:\s*(\d+)/m;
const PLAYLIST_HEAD_BYTES = 4096;
/** No object is trusted for longer, even if its upstream says so. */
const MAX_FRESH_MS = 30 * 86_400_000;

/** @param playlistHead the first bytes of a body that may be a playlist: its target duration bounds how stale it may be. */
export function cachePolicy(key: string, headers: IncomingHttpHeaders, body: Uint8Array): CachePolicy {
	const directives = parseCacheControl(headers['cache-control']);
	const { freshness } = contentTypeOf(key.split('?', 1)[0]!);
	const ageMs = seconds(headers.age) ?? 0;
	const toldMs = seconds(directives.get('s-maxage')) ?? seconds(directives.get('max-age'));
	const lifetimeMs = toldMs ?? (headers['cache-control'] === undefined ? DEFAULT_FRESH_MS[freshness] : 0);
	const mayKeep = !directives.has('no-store');
	const freshMs = mayKeep && !directives.has('no-cache') ? Math.min(MAX_FRESH_MS, Math.max(0, lifetimeMs - ageMs)) : 0;
	const reuseMs = seconds(directives.get('stale-while-revalidate')) ?? (freshness === 'playlist' ? freshMs : 0);
	return {
		isPrivate: directives.has('private') || headers['set-cookie'] !== undefined,
		mayKeep,
		freshMs,
		reuseMs: freshMs === 0 ? 0 : Math.min(reuseMs, targetDurationMs(body) ?? reuseMs),
	};
}

function targetDurationMs(body: Uint8Array): number | null {
	const head = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, PLAYLIST_HEAD_BYTES)).toString('latin1');
	const match = head.startsWith('#EXTM3U') ? TARGET_DURATION.exec(head) : null;
	return match === null ? null : Number(match[1]) * 1000;
}

function parseCacheControl(header: string | undefined): Map<string, string> {
	const directives = (header ?? '').split(',').map((item): [string, string] => {
		const [name = '', value = ''] = item.split('=');
		return [name.trim().toLowerCase(), value.trim().replaceAll('"', '')];
	});
	return new Map(directives);
}

/** Delta-seconds as milliseconds; null = not given, or no number. */
function seconds(text: string | undefined): number | null {
	return text !== undefined && /^\d+$/.test(text) ? Number(text) * 1000 : null;
}
