import path from 'node:path';
import { PeerError } from '../errors.js';
import { parseMediaPath } from '../http/paths.js';
import { parseMoment } from '../protocol/m3u8/moment.js';
import { type ClipRange, cutClip } from '../record/fmp4/clip.js';
import { MERGED_DIRECTORY } from '../record/fmp4/take.js';
import { isTakeName } from '../record/fmp4/take-directory.js';
import { CACHE_CONTROL } from './content-type.js';
import type { FileSource, Supply, Wanted } from './file-source.js';
import type { Representation } from './representation.js';

/** `/mp4/{app}/{name}/clip.mp4` of the newest take, `/mp4/{app}/{name}/{take}/clip.mp4` of another. */
const CLIP = /^(?:([^/]+)\/)?clip\.mp4$/;

/**
 * Clips: `clip.mp4?from=60&to=90` is half a minute of a take as an MP4 of its own, `?from=-30` what has just been; seconds since
 * the take began, or before its end, or the time. Everything else comes from `inner`.
 */
export class ClipSource implements FileSource {
	readonly #inner: FileSource;
	readonly #media: () => string;

	constructor(inner: FileSource, media: () => string) {
		this.#inner = inner;
		this.#media = media;
	}

	hot(wanted: Wanted): Representation | null {
		return clipOf(wanted) === null ? this.#inner.hot(wanted) : null;
	}

	async find(wanted: Wanted): Promise<Supply> {
		const wish = clipOf(wanted);
		if (wish === null) {
			return this.#inner.find(wanted);
		}
		const { app, name, take } = wish;
		const known = take === '' || isTakeName(take);
		const range = rangeOf(wanted.query);
		const directory = path.join(path.resolve(this.#media()), 'mp4', app, name, take, MERGED_DIRECTORY);
		const clip = known ? await cutClip(directory, range) : null;
		if (clip === null) {
			throw new PeerError('NOT_RECORDED', 'clips are cut out of fMP4 takes (record.fmp4, dvr.window)');
		}
		return {
			contentType: 'video/mp4',
			cacheControl: CACHE_CONTROL.changing,
			compressible: false,
			sizeBytes: clip.sizeBytes,
			etag: `"${clip.version}"`,
			lastModifiedMs: null,
			body: clip,
			extra: ['Content-Disposition', `inline; filename="${name}_clip.mp4"`],
			encoded: new Map(),
		};
	}
}

/** Throws PeerError HTTP_REQUEST when `from` or `to` names no moment. */
function rangeOf(query: string): ClipRange {
	const parameters = new URLSearchParams(query);
	const [from, to] = [parameters.get('from'), parameters.get('to')];
	return { from: from === null ? null : parseMoment('from', from), to: to === null ? null : parseMoment('to', to) };
}

/** The take that a clip is wanted of, empty for the newest; null when the path names no clip. */
function clipOf({ local }: Wanted): { app: string; name: string; take: string } | null {
	// Most paths end otherwise, and this one is asked for every file.
	const media = local.endsWith('clip.mp4') ? parseMediaPath(local) : null;
	const match = media?.folder === 'mp4' ? CLIP.exec(media.rest) : null;
	return media === null || match === null ? null : { app: media.app, name: media.name, take: match[1] ?? '' };
}
