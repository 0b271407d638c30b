import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/schema.js';
import { MEDIA_FOLDERS } from '../http/paths.js';
import type { Counters } from '../metrics/counters.js';
import { directoryListing } from './directory-listing.js';
import { DiskFiles, type Place } from './disk-files.js';
import type { FileSource, Supply, Wanted } from './file-source.js';
import type { Representation } from './representation.js';

/** The pages as the build leaves them, beside this folder's. */
const WEB_ROOT = fileURLToPath(new URL('../web', import.meta.url));

export type LocalSourceOptions = {
	/** The current one. */
	config: () => Config;
	/** The memory that hot files may take. */
	memoryBytes: number;
	counters: Counters;
	/** Everything below the media root is public, not only the recordings. */
	wholeRoot: boolean;
};

/** Files of this machine: recordings below the media root, everything else from the built pages. */
export class LocalSource implements FileSource {
	readonly #options: LocalSourceOptions;
	readonly #files: DiskFiles;

	constructor(options: LocalSourceOptions) {
		this.#options = options;
		this.#files = new DiskFiles(options.memoryBytes, options.counters);
	}

	hot({ local }: Wanted): Representation | null {
		return this.#files.hot(local);
	}

	async find({ local }: Wanted): Promise<Supply> {
		const places = this.#places(local);
		if (!local.endsWith('/')) {
			const found = await this.#files.find(local, places);
			return found?.kind === 'file' ? found.representation : null;
		}
		if (!this.#options.config().files.listing) {
			return null;
		}
		for (const place of places) {
			const names = await this.#files.list(place);
			if (names !== null) {
				return directoryListing(local, names);
			}
		}
		return null;
	}

	/** Returns the places where a path is looked for. Each folder of recordings is a root of its own. */
	#places(local: string): Place[] {
		const media = path.resolve(this.#options.config().media);
		const pages = { root: WEB_ROOT, local };
		if (this.#options.wholeRoot) {
			return [{ root: media, local }, pages];
		}
		const [, folder = ''] = local.split('/', 2);
		const below = local.slice(folder.length + 1);
		return MEDIA_FOLDERS.some((known) => known === folder) && below !== ''
			? [{ root: path.join(media, folder), local: below }]
			: [pages];
	}
}
