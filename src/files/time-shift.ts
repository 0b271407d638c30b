import { createHash } from 'node:crypto';
import path from 'node:path';
import { PeerError } from '../errors.js';
import { cutPlaylist } from '../protocol/m3u8/cut-playlist.js';
import type { MediaPlaylist } from '../protocol/m3u8/media-playlist.js';
import { parseMediaPlaylist } from '../protocol/m3u8/media-playlist-parser.js';
import {
	formatUtc,
	type Moment,
	parseMoment,
	resolveMoment,
	type SegmentTime,
	segmentTimes,
} from '../protocol/m3u8/moment.js';
import { serializeMultivariantPlaylist } from '../protocol/m3u8/multivariant-playlist.js';
import type { FileSource, Supply, Wanted } from './file-source.js';
import { closeRepresentation, type Representation } from './representation.js';

/** A playlist of a day with two-second segments is 4 MiB. */
const MAX_PLAYLIST_BYTES = 16 * 1024 * 1024;
/** The peak rate in a multivariant playlist, as a multiple of the newest segment's bit rate. */
const PEAK_SHARE = 1.5;
const KEYS = ['start', 'end', 'duration'];
/** The names in our playlists: files beside them, or one folder down. */
const BESIDES = /^[\w-]+(\/[\w-]+)?\.\w+$/;
const MULTIVARIANT = /^#EXT-X-STREAM-INF:/m;

/** The part of a playlist that a query asks for. */
type Shift = { start: Moment | null; end: Moment | null; durationMs: number | null; rest: URLSearchParams };

type Listing = { playlist: MediaPlaylist; times: readonly SegmentTime[] };

/**
 * Playlists that begin and end elsewhere. `index.m3u8?start=-600` begins ten minutes before the end,
 * `?start=60&duration=30` is half a minute. A number of seconds means another time with every reload. So the answer to
 * it is a multivariant playlist that names the playlist with fixed times: `index.m3u8?start=2026-01-31T18:00:00.000Z`.
 * Everything else comes from `inner`.
 */
export class TimeShift implements FileSource {
	readonly #inner: FileSource;
	/**
	 * The listings of bodies that are in memory. A playlist of a day takes 30 ms to read, so it is read only once for
	 * all viewers.
	 */
	readonly #listings = new WeakMap<Buffer, Listing>();

	constructor(inner: FileSource) {
		this.#inner = inner;
	}

	hot(wanted: Wanted): Representation | null {
		return isShifted(wanted) ? null : this.#inner.hot(wanted);
	}

	async find(wanted: Wanted): Promise<Supply> {
		if (!isShifted(wanted)) {
			return this.#inner.find(wanted);
		}
		const shift = readShift(wanted.query);
		const supply = await this.#get(wanted, wanted.local);
		if (supply === null) {
			return null;
		}
		const known = Buffer.isBuffer(supply.body) ? this.#listings.get(supply.body) : undefined;
		const text = known === undefined ? await readText(supply) : '';
		if (MULTIVARIANT.test(text)) {
			const first = text.split(/\r?\n/).find((line) => line !== '' && !line.startsWith('#')) ?? '';
			const listing = isFixed(shift) ? null : await this.#listingOf(wanted, besides(wanted.local, first));
			return withBody(supply, addQuery(text, fixedQuery(shift, listing)));
		}
		const listing = known ?? this.#read(supply, text);
		if (isFixed(shift)) {
			return withBody(supply, cutPlaylist(listing.playlist, listing.times, rangeOf(shift, listing.times)));
		}
		return withBody(supply, await this.#namePlaylist(wanted, fixedQuery(shift, listing), listing));
	}

	async #get(wanted: Wanted, local: string): Promise<Representation | null> {
		const unshifted = { ...wanted, local, query: '' };
		const supply = this.#inner.hot(unshifted) ?? (await this.#inner.find(unshifted));
		return typeof supply === 'function' ? null : supply;
	}

	async #listingOf(wanted: Wanted, local: string): Promise<Listing> {
		const supply = await this.#get(wanted, local);
		if (supply === null) {
			throw new PeerError('HTTP_REQUEST', 'nothing is listed yet');
		}
		return this.#read(supply, await readText(supply));
	}

	#read({ body }: Representation, text: string): Listing {
		const playlist = parseMediaPlaylist(text);
		if (playlist.segments.length === 0) {
			throw new PeerError('HTTP_REQUEST', 'nothing is listed yet');
		}
		const listing = { playlist, times: segmentTimes(playlist.segments) };
		if (Buffer.isBuffer(body)) {
			this.#listings.set(body, listing);
		}
		return listing;
	}

	/** A multivariant playlist of one variant: the playlist of `listing` with `query`. */
	async #namePlaylist(wanted: Wanted, query: string, { playlist }: Listing): Promise<string> {
		const newest = playlist.segments.at(-1)!;
		const segment = await this.#get(wanted, besides(wanted.local, newest.uri));
		const bits = (segment?.sizeBytes ?? 0) * 8;
		if (segment !== null) {
			await closeRepresentation(segment);
		}
		const variant = {
			uri: `${encodeURIComponent(path.posix.basename(wanted.local))}?${query}`,
			bandwidth: Math.max(1, (bits / newest.duration) * PEAK_SHARE),
			...{ averageBandwidth: null, codecs: [], width: null, height: null },
			...{ frameRate: null, videoRange: null, audioGroup: null },
		};
		const { version } = playlist;
		return serializeMultivariantPlaylist({ version, independentSegments: false, audio: [], variants: [variant] });
	}
}

function isShifted({ local, query }: Wanted): boolean {
	if (query === '' || !local.endsWith('.m3u8')) {
		return false;
	}
	const parameters = new URLSearchParams(query);
	return KEYS.some((key) => parameters.has(key));
}

/** Throws PeerError HTTP_REQUEST. */
function readShift(query: string): Shift {
	const rest = new URLSearchParams(query);
	const [start, end, duration] = KEYS.map((key) => rest.get(key));
	for (const key of KEYS) {
		rest.delete(key);
	}
	const length = duration == null ? null : parseMoment('duration', duration);
	if (length !== null && (!('seconds' in length) || length.seconds <= 0 || end != null)) {
		throw new PeerError('HTTP_REQUEST', 'duration is seconds from the start on, in place of an end');
	}
	return {
		start: start == null ? null : parseMoment('start', start),
		end: end == null ? null : parseMoment('end', end),
		durationMs: length === null ? null : length.seconds * 1000,
		rest,
	};
}

/** True when it means the same at every reload. */
function isFixed({ start, end, durationMs }: Shift): boolean {
	const isEndFixed = end === null || 'utcMs' in end;
	return isEndFixed && (start === null ? durationMs === null : 'utcMs' in start);
}

function rangeOf(
	{ start, end, durationMs }: Shift,
	times: readonly SegmentTime[],
): { fromMs: number | null; toMs: number | null } {
	const fromMs = start === null ? null : resolveMoment(start, times);
	if (durationMs !== null) {
		return { fromMs, toMs: (fromMs ?? times[0]!.startMs) + durationMs };
	}
	return { fromMs, toMs: end === null ? null : resolveMoment(end, times) };
}

/** The query that means the same from now on. `listing` may be null when `shift` is fixed. */
function fixedQuery(shift: Shift, listing: Listing | null): string {
	const { fromMs, toMs } = rangeOf(shift, listing?.times ?? []);
	if (listing !== null) {
		// A range with nothing in it is refused here, not at the next request.
		cutPlaylist(listing.playlist, listing.times, { fromMs, toMs });
	}
	const query = new URLSearchParams(shift.rest);
	for (const [key, ms] of [
		['start', fromMs],
		['end', toMs],
	] as const) {
		if (ms !== null) {
			query.set(key, formatUtc(Math.max(0, ms)));
		}
	}
	return query.toString();
}

/** A file beside the playlist that names it. */
function besides(local: string, uri: string): string {
	if (!BESIDES.test(uri)) {
		throw new PeerError('HTTP_REQUEST', 'this playlist cannot be cut');
	}
	return path.posix.join(path.posix.dirname(local), uri);
}

/** A multivariant playlist whose playlists are asked for with `query`. */
function addQuery(text: string, query: string): string {
	return text
		.replaceAll(/^(?!#)\S.*$/gm, (uri) => `${uri}${uri.includes('?') ? '&' : '?'}${query}`)
		.replaceAll(/(?<=,URI=")[^"]+(?=")/g, (uri) => `${uri}${uri.includes('?') ? '&' : '?'}${query}`);
}

async function readText({ body, sizeBytes }: Representation): Promise<string> {
	if (Buffer.isBuffer(body)) {
		return body.toString();
	}
	try {
		if (sizeBytes > MAX_PLAYLIST_BYTES) {
			throw new PeerError('HTTP_REQUEST', `a playlist of ${sizeBytes} bytes is not cut`);
		}
		const bytes = Buffer.alloc(sizeBytes);
		let length = 0;
		for (let bytesRead = -1; bytesRead !== 0 && length < sizeBytes; length += bytesRead) {
			({ bytesRead } = await body.read(bytes, length, sizeBytes - length, length));
		}
		return bytes.toString('utf8', 0, length);
	} finally {
		await body.close();
	}
}

function withBody(of: Representation, text: string): Representation {
	const body = Buffer.from(text);
	const etag = `"${createHash('sha1').update(body).digest('hex').slice(0, 20)}"`;
	return { ...of, body, sizeBytes: body.length, etag, encoded: new Map() };
}
