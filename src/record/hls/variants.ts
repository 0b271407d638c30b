// Spec: rfc8216bis-22 4.4.6.2 (EXT-X-STREAM-INF)
import { readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { peerErrorOf } from '../../errors.js';
import { type Attributes, parseAttributes } from '../../protocol/m3u8/attributes.js';
import { serializeMultivariantPlaylist, type Variant } from '../../protocol/m3u8/multivariant-playlist.js';
import { writeFileWhole } from '../disk/atomic-file.js';
import { errorCodeOf } from '../disk/file-error.js';
import { HLS_PLAYLIST, readPlaylist } from './past-playlist.js';

/** One of the streams that are offered as one: `name` with `suffix`. */
export type VariantRule = { suffix: string; bandwidth: number; resolution: string };

/** The tracks of a stream, as its own output knows them. */
export type VariantTracks = { codecs: readonly string[]; width: number | null; height: number | null };

const STREAM_INF = '#EXT-X-STREAM-INF:';
const VERSION = 3;
const UNKNOWN = {
	codecs: [],
	averageBandwidth: null,
	width: null,
	height: null,
	frameRate: null,
	videoRange: null,
	audioGroup: null,
};

/**
 * The multivariant playlist `hls/{app}/{name}.m3u8` over streams `{name}{suffix}`, as nginx-rtmp's hls_variant makes it. Each of them
 * keeps it up to date from its own thread: it is read and made anew with every segment, so that what two write at once is mended soon.
 */
export class Variants {
	readonly #rules: readonly VariantRule[];
	readonly #directory: string;
	readonly #app: string;
	readonly #base: string;

	private constructor(directory: string, base: string, rules: readonly VariantRule[]) {
		this.#directory = directory;
		this.#app = path.dirname(directory);
		this.#base = base;
		this.#rules = rules;
	}

	/** Null when the stream with this directory is no variant of anything. */
	static of(directory: string, rules: readonly VariantRule[]): Variants | null {
		const name = path.basename(directory);
		const matching = rules.filter(({ suffix }) => name.endsWith(suffix) && name.length > suffix.length);
		const [longest] = matching.toSorted((a, b) => b.suffix.length - a.suffix.length);
		return longest === undefined ? null : new Variants(directory, name.slice(0, -longest.suffix.length), rules);
	}

	/** Writes the playlist if it is not as it should be: variants that are live, or when none is, those that were. */
	async update(tracks: VariantTracks): Promise<void> {
		const file = path.join(this.#app, `${this.#base}.m3u8`);
		const before = await readIfThere(file);
		const known = tracksIn(before);
		const own = path.basename(this.#directory);
		const found: { variant: Variant; live: boolean }[] = [];
		for (const rule of this.#rules) {
			const name = `${this.#base}${rule.suffix}`;
			const playlist = (await readPlaylist(path.join(this.#app, name)))?.playlist;
			if (playlist !== undefined) {
				const uri = `${name}/${HLS_PLAYLIST}`;
				const carried = { ...(name === own ? tracks : known.get(uri)), ...sizeOf(rule.resolution) };
				const variant = { ...UNKNOWN, ...carried, uri, bandwidth: rule.bandwidth };
				found.push({ variant, live: !playlist.ended });
			}
		}
		const live = found.filter((each) => each.live);
		const shown = (live.length > 0 ? live : found).map(({ variant }) => variant);
		const text = serializeMultivariantPlaylist({
			version: VERSION,
			independentSegments: false,
			audio: [],
			variants: shown,
		});
		if (shown.length > 0 && text !== before) {
			const fresh = path.join(this.#directory, `${this.#base}.m3u8.variants`);
			await writeFileWhole(fresh, [Buffer.from(text)]);
			await rename(fresh, file);
		}
	}
}

function sizeOf(resolution: string): { width: number; height: number } | null {
	const [width, height] = resolution.split('x').map(Number);
	return width && height ? { width, height } : null;
}

/** The tracks by URI, as the process that knew them has written them down. */
function tracksIn(text: string): Map<string, VariantTracks> {
	const tracks = new Map<string, VariantTracks>();
	const lines = text.split('\n');
	for (const [index, line] of lines.entries()) {
		if (line.startsWith(STREAM_INF)) {
			const attributes = readAttributes(line.slice(STREAM_INF.length));
			const codecs = attributes.get('CODECS')?.split(',') ?? [];
			const size = sizeOf(attributes.get('RESOLUTION') ?? '') ?? { width: null, height: null };
			tracks.set(lines[index + 1] ?? '', { codecs, ...size });
		}
	}
	return tracks;
}

/** None for a line that is not ours. */
function readAttributes(text: string): Attributes {
	try {
		return parseAttributes(text);
	} catch (error) {
		peerErrorOf(error);
		return new Map();
	}
}

async function readIfThere(file: string): Promise<string> {
	try {
		return await readFile(file, 'utf8');
	} catch (error) {
		if (errorCodeOf(error) === 'ENOENT') {
			return '';
		}
		throw error;
	}
}
