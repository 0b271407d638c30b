import path from 'node:path';
import { nameSchema } from '../../config/schema.js';
import { PeerError } from '../../errors.js';
import { type ClipRange, cutClip } from '../../record/clip.js';
import { MERGED_DIRECTORY } from '../../record/fmp4-take.js';
import { isTakeName } from '../../record/mp4-directory.js';
import { CACHE_CONTROL } from './content-type.js';
import type { FileSource, Supply, Wanted } from './file-source.js';
import type { Representation } from './representation.js';

/** `/mp4/{app}/{name}/clip.mp4` of the newest take, `/mp4/{app}/{name}/{take}/clip.mp4` of another. */
const CLIP = /^\/mp4\/([^/]+)\/([^/]+)\/(?:([^/]+)\/)?clip\.mp4$/;
const SECONDS = /^-?\d{1,7}(\.\d{1,3})?$/;

/**
 * Clips: `clip.mp4?from=60&to=90` is half a minute of a take as an MP4 of its own, `?from=-30` what has just been; seconds since
 * the take began, or before its end. Everything else comes from `inner`.
 */
export class ClipSource implements FileSource {
	readonly #inner: FileSource;
	readonly #media: () => string;

	constructor(inner: FileSource, media: () => string) {
		this.#inner = inner;
		this.#media = media;
	}

	hot(wanted: Wanted): Representation | null {
		return CLIP.test(wanted.local) ? null : this.#inner.hot(wanted);
	}

	async find(wanted: Wanted): Promise<Supply> {
		const match = CLIP.exec(wanted.local);
		if (match === null) {
			return this.#inner.find(wanted);
		}
		const [, app = '', name = '', take = ''] = match;
		const known = [app, name].every((text) => nameSchema.safeParse(text).success) && (take === '' || isTakeName(take));
		const range = rangeOf(wanted.query);
		const directory = path.join(path.resolve(this.#media()), 'mp4', app, name, take, MERGED_DIRECTORY);
		const clip = known ? await cutClip(directory, range) : null;
		return clip === null
			? null
			: {
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

/** Throws PeerError HTTP_REQUEST when `from` or `to` is no number. */
function rangeOf(query: string): ClipRange {
	const parameters = new URLSearchParams(query);
	const [from, to] = [parameters.get('from') ?? '0', parameters.get('to') ?? '-0'];
	if (!SECONDS.test(from) || !SECONDS.test(to)) {
		throw new PeerError(
			'HTTP_REQUEST',
			'from and to are seconds: since the take began, or before its end when negative',
		);
	}
	return { fromSeconds: Number(from), toSeconds: Number(to) };
}
