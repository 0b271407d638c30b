// Spec: rfc8216bis-22 4.4.2.2 (EXT-X-START)
import { createHash } from 'node:crypto';
import type { FileSource, Supply, Wanted } from './file-source.js';
import type { Representation } from './representation.js';

const HEAD = /^#EXTM3U\r?\n/;
const OFFSET = /^-?\d{1,7}(\.\d{1,3})?$/;
/** A playlist of a day with two-second segments is 4 MiB. */
const MAX_PLAYLIST_BYTES = 16 * 1024 * 1024;

/**
 * Playlists that say where to start: `index.m3u8?start=-600` is the playlist with an EXT-X-START ten minutes before its end,
 * `?start=60` a minute after its beginning. Everything else comes from `inner` as it is.
 */
export class StartOffset implements FileSource {
	readonly #inner: FileSource;

	constructor(inner: FileSource) {
		this.#inner = inner;
	}

	hot(wanted: Wanted): Representation | null {
		return startOf(wanted) === null ? this.#inner.hot(wanted) : null;
	}

	async find(wanted: Wanted): Promise<Supply> {
		const start = startOf(wanted);
		const found = start === null ? null : this.#inner.hot(wanted);
		const supply = found ?? (await this.#inner.find(wanted));
		if (start === null || supply === null || typeof supply === 'function' || supply.sizeBytes > MAX_PLAYLIST_BYTES) {
			return supply;
		}
		const text = await readText(supply);
		return withBody(
			supply,
			text.replace(HEAD, (head) => head + startTag(start)),
		);
	}
}

/** Null when the request does not ask for one, or not in numbers. */
function startOf({ local, query }: Wanted): string | null {
	const start = local.endsWith('.m3u8') ? new URLSearchParams(query).get('start') : null;
	return start !== null && OFFSET.test(start) ? start : null;
}

function startTag(start: string): string {
	return `#EXT-X-START:TIME-OFFSET=${start},PRECISE=YES\n`;
}

async function readText({ body, sizeBytes }: Representation): Promise<string> {
	if (Buffer.isBuffer(body)) {
		return body.toString();
	}
	try {
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
