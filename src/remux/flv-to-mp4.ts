import type { BufferPool } from '../bytes/buffer-pool.js';
import { buildFaststartHead, type FaststartTrack } from '../container/mp4/faststart.js';
import { SampleTable } from '../container/mp4/sample-table.js';
import {
	CmafPackager,
	type CmafSink,
	type Fragment,
	type PackagedTrack,
	type PackagerOptions,
} from './cmaf-packager.js';
import type { FrameSink } from './frame.js';
import { SegmentPlanner } from './segment-planner.js';

/** Sound and picture change places about this often, so that a player needs little memory and few seeks. */
const CHUNK_MS = 1000;
/** And before a chunk leaves the processor's own cache, where it waits to be written. */
const CHUNK_BYTES = 512 * 1024;

/** One MP4: all tracks that share an init segment. */
type Movie = { tracks: FaststartTrack[]; mediaBytes: number };

/**
 * Frames to an MP4 with its index in front. In two passes over the same frames: the first gathers the index, the second the media
 * data; a source whose tracks change becomes several MP4s. Or in one, with room left for an index whose size was guessed.
 */
export class Mp4Plan {
	readonly #movies: Movie[] = [];

	/** First pass: takes all frames. */
	gather(): FrameSink {
		const sink: CmafSink = {
			init: (tracks) => this.#movies.push({ tracks: tracks.map(toFaststart), mediaBytes: 0 }),
			fragment: (fragment) => this.#note(fragment),
			segmentEnd: () => undefined,
			end: () => undefined,
		};
		return planner(packager(sink, { payloads: false }));
	}

	/** Both at once: `write` gets the media data of the one MP4 in order. Only good when there is a `headOf` in the end. */
	gatherAndCopy(pool: BufferPool, write: (bytes: Buffer) => void): FrameSink {
		const sink: CmafSink = {
			init: (tracks) => this.#movies.push({ tracks: tracks.map(toFaststart), mediaBytes: 0 }),
			fragment: (fragment) => {
				this.#note(fragment);
				for (const { run } of fragment.runs) {
					write(run.payload);
				}
			},
			segmentEnd: () => undefined,
			end: () => undefined,
		};
		return planner(packager(sink, { pool }));
	}

	/** The head of the one MP4, of exactly `bytes`; null when it does not fit, or when there is not one MP4. */
	headOf(bytes: number): Buffer | null {
		const [movie, ...others] = this.#movies;
		if (movie === undefined || others.length > 0) {
			return null;
		}
		const head = buildFaststartHead(movie.tracks, movie.mediaBytes, bytes);
		return head.length === bytes ? head : null;
	}

	/** Everything of each MP4 but its media data; only after the first pass. */
	heads(): Buffer[] {
		return this.#movies.map(({ tracks, mediaBytes }) => Buffer.from(buildFaststartHead(tracks, mediaBytes)));
	}

	/**
	 * Second pass: takes the same frames again, and hands the media data of MP4 number `movie` (from 0) over, in order.
	 * The receiver gives the bytes back to `pool` when it has written them.
	 */
	copy(pool: BufferPool, write: (movie: number, bytes: Buffer) => void): FrameSink {
		let movie = -1;
		const sink: CmafSink = {
			init: () => movie++,
			fragment: ({ runs }: Fragment) => {
				for (const { run } of runs) {
					write(movie, run.payload);
				}
			},
			segmentEnd: () => undefined,
			end: () => undefined,
		};
		return planner(packager(sink, { pool }));
	}

	#note({ runs }: Fragment): void {
		const movie = this.#movies.at(-1)!;
		for (const { track, run } of runs) {
			movie.tracks.find(({ trackId }) => trackId === track.trackId)?.table.addRun(run, movie.mediaBytes);
			movie.mediaBytes += run.payloadBytes;
		}
	}
}

function packager(sink: CmafSink, options: Partial<PackagerOptions>): CmafPackager {
	return new CmafPackager(sink, { ...options, maxFragmentBytes: CHUNK_BYTES });
}

function planner(packager: CmafPackager): FrameSink {
	return new SegmentPlanner(packager, { partMs: CHUNK_MS });
}

function toFaststart({ trackId, config, mediaTimeOffset }: PackagedTrack): FaststartTrack {
	return { trackId, config, table: new SampleTable(), mediaTimeOffset };
}
