import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { buildFaststartHead, type FaststartTrack } from '../container/mp4/faststart.js';
import { totalBytes } from '../container/mp4/fragment-reader.js';
import { timescaleOf } from '../container/mp4/init-segment.js';
import { SampleRun, SYNC_SAMPLE_FLAGS } from '../container/mp4/sample-run.js';
import { PeerError } from '../errors.js';
import type { MediaPlaylist } from '../protocol/m3u8/media-playlist.js';
import { parseMediaPlaylist } from '../protocol/m3u8/media-playlist-parser.js';
import { errorCodeOf } from './file-error.js';
import { scanSegment } from './fragment-scan.js';
import { openTracks } from './merge-take.js';

/** Longer clips are not made on the way to a viewer: the take's own MP4 is there for that. */
export const MAX_CLIP_MS = 3 * 3_600_000;

/** Ends of a clip in seconds since the take began, or before its newest segment's end when negative; `-0` is that end. */
export type ClipRange = { fromSeconds: number; toSeconds: number };

/** Bytes of a segment that belong to the clip. */
type Piece = { file: string; start: number; end: number };

/** A keyframe so little behind the beginning is as good as one at it: playlists do not know when the first picture is shown. */
const NEAR_MS = 250;
const SEGMENT = /^segment_\d+\.m4s$/;
const INIT = /^init(_\d+)?\.mp4$/;

/**
 * Cuts an MP4 with its index in front out of the take in `directory` (output_merge), which may still be running. It begins with the
 * keyframe at or before the range's beginning; media data is not touched. Null when there is no such take or nothing in the range.
 * Throws PeerError HTTP_REQUEST for a range that is upside down or too long.
 */
export async function cutClip(directory: string, range: ClipRange): Promise<Clip | null> {
	const playlist = await readPlaylist(path.join(directory, 'index.m3u8'));
	if (playlist === null || playlist.segments.length === 0) {
		return null;
	}
	const { fromMs, toMs } = resolveRange(playlist, range);
	const listed = listSegments(playlist).filter(({ startMs, endMs }) => endMs > fromMs && startMs < toMs);
	const map = listed[0]?.map;
	if (map == null || !INIT.test(map)) {
		return null;
	}
	const tracks = await openTracks(path.join(directory, map));
	const pieces = new PieceList();
	const cutter = new ClipCutter(tracks, fromMs, toMs, pieces);
	for (const { uri } of listed.filter((segment) => segment.map === map && SEGMENT.test(segment.uri))) {
		const file = path.join(directory, uri);
		for (const { runs, moofStart, mdatStart, mdatEnd } of (await scanSegment(file)).fragments) {
			for (const { trackId, run, dataOffset } of runs) {
				const start = moofStart + dataOffset;
				if (start >= mdatStart && start + totalBytes(run) <= mdatEnd) {
					cutter.run(trackId, run, file, start);
				}
			}
		}
	}
	cutter.finish();
	return pieces.bytes === 0 ? null : new Clip(buildFaststartHead([...tracks.values()], pieces.bytes), pieces.all);
}

function resolveRange(
	playlist: MediaPlaylist,
	{ fromSeconds, toSeconds }: ClipRange,
): { fromMs: number; toMs: number } {
	const totalMs = playlist.segments.reduce((sum, { duration }) => sum + duration * 1000, 0);
	const resolve = (seconds: number): number =>
		seconds < 0 || Object.is(seconds, -0) ? Math.max(0, totalMs + seconds * 1000) : seconds * 1000;
	const [fromMs, toMs] = [resolve(fromSeconds), Math.min(totalMs, resolve(toSeconds))];
	if (toMs <= fromMs || toMs - fromMs > MAX_CLIP_MS) {
		throw new PeerError('HTTP_REQUEST', `a clip of ${Math.round((toMs - fromMs) / 1000)} s`);
	}
	return { fromMs, toMs };
}

function listSegments({
	segments,
}: MediaPlaylist): { uri: string; map: string | null; startMs: number; endMs: number }[] {
	let endMs = 0;
	return segments.map(({ uri, map, duration }) => {
		const startMs = endMs;
		endMs += duration * 1000;
		return { uri, map, startMs, endMs };
	});
}

async function readPlaylist(file: string): Promise<MediaPlaylist | null> {
	try {
		return parseMediaPlaylist(await readFile(file, 'utf8'));
	} catch (error) {
		if (errorCodeOf(error) === 'ENOENT' || (error instanceof PeerError && error.code === 'HLS_PLAYLIST')) {
			return null;
		}
		throw error;
	}
}

/** Byte ranges in order; neighbours become one. */
class PieceList {
	readonly all: Piece[] = [];
	bytes = 0;

	/** @returns where the bytes come to lie in the media data. */
	add(file: string, start: number, end: number): number {
		const at = this.bytes;
		const last = this.all.at(-1);
		if (last?.file === file && last.end === start) {
			last.end = end;
		} else {
			this.all.push({ file, start, end });
		}
		this.bytes += end - start;
		return at;
	}
}

type PendingRun = { track: FaststartTrack; run: SampleRun; file: string; start: number };

/** Picks the samples of a clip out of a take's runs. */
class ClipCutter {
	readonly #tracks: Map<number, FaststartTrack>;
	readonly #fromMs: number;
	readonly #toMs: number;
	readonly #pieces: PieceList;
	readonly #hasVideo: boolean;
	/** Runs from the newest keyframe on that may still turn out to be too early. */
	#pending: PendingRun[] = [];
	/** When the clip's first picture is shown; NaN while that is not certain. */
	#startMs = Number.NaN;

	constructor(tracks: Map<number, FaststartTrack>, fromMs: number, toMs: number, pieces: PieceList) {
		this.#tracks = tracks;
		this.#fromMs = fromMs;
		this.#toMs = toMs;
		this.#pieces = pieces;
		this.#hasVideo = [...tracks.values()].some(({ config }) => config.kind === 'video');
	}

	run(trackId: number, run: SampleRun, file: string, start: number): void {
		const track = this.#tracks.get(trackId);
		if (track !== undefined) {
			this.#pending.push({ track, run, file, start });
		}
	}

	/** Takes what belongs to the clip; nothing follows. */
	finish(): void {
		this.#startMs = this.#hasVideo ? this.#lastKeyframeMs() : this.#fromMs;
		for (const pending of this.#pending) {
			this.#take(pending);
		}
	}

	/** When the last keyframe at or before the beginning is shown; the first of all when there is none so early. */
	#lastKeyframeMs(): number {
		let firstMs = Number.NaN;
		let lastMs = Number.NaN;
		for (const { track, run } of this.#pending) {
			if (track.config.kind !== 'video') {
				continue;
			}
			let time = run.baseDecodeTime;
			for (let index = 0; index < run.count; index++) {
				if (run.flags[index] === SYNC_SAMPLE_FLAGS) {
					const ms = timeMs(track, time);
					firstMs = Number.isNaN(firstMs) ? ms : firstMs;
					lastMs = ms <= this.#fromMs + NEAR_MS ? ms : lastMs;
				}
				time += run.durations[index]!;
			}
		}
		return Number.isNaN(lastMs) ? firstMs : lastMs;
	}

	#take({ track, run, file, start }: PendingRun): void {
		const kept = new SampleRun();
		let time = run.baseDecodeTime;
		let at = start;
		let keptFrom = start;
		for (let index = 0; index < run.count; index++) {
			const ms = timeMs(track, time);
			const size = run.sizes[index]!;
			if (ms >= this.#startMs && ms < this.#toMs) {
				if (kept.count === 0) {
					kept.reset(time);
					keptFrom = at;
				}
				kept.add(size, run.durations[index]!, run.flags[index]!, run.compositionOffsets[index]!);
			}
			time += run.durations[index]!;
			at += size;
		}
		if (kept.count > 0) {
			track.table.addRun(kept, this.#pieces.add(file, keptFrom, keptFrom + totalBytes(kept)));
		}
	}
}

/** Of a decoding time, which is the presentation time of keyframes and of sound. */
function timeMs({ config, mediaTimeOffset }: FaststartTrack, decodeTime: number): number {
	const offset = config.kind === 'video' ? 0 : mediaTimeOffset;
	return ((decodeTime - offset) * 1000) / timescaleOf(config);
}

/** A clip: its bytes can be read from anywhere, as from a file. */
export class Clip {
	readonly sizeBytes: number;
	readonly #head: Buffer;
	readonly #pieces: readonly Piece[];
	#file: FileHandle | null = null;
	#fileName = '';

	constructor(head: Buffer, pieces: readonly Piece[]) {
		this.#head = Buffer.from(head);
		this.#pieces = pieces;
		this.sizeBytes = pieces.reduce((sum, { start, end }) => sum + end - start, head.length);
	}

	/** Equal for clips of equal bytes: the index says of each sample how large it is and where it lies. */
	get version(): string {
		const files = this.#pieces.map(({ file, start }) => `${file}:${start}`).join();
		return createHash('sha1').update(this.#head).update(files).digest('hex').slice(0, 20);
	}

	/** Reads up to `length` bytes at `position` into `buffer`; one call at a time. */
	async read(
		buffer: Buffer,
		offset: number,
		length: number,
		position: number,
	): Promise<{ bytesRead: number; buffer: Buffer }> {
		if (position < this.#head.length) {
			return { bytesRead: this.#head.copy(buffer, offset, position, position + length), buffer };
		}
		let at = position - this.#head.length;
		for (const { file, start, end } of this.#pieces) {
			if (at < end - start) {
				const handle = await this.#open(file);
				const { bytesRead } = await handle.read(buffer, offset, Math.min(length, end - start - at), start + at);
				return { bytesRead, buffer };
			}
			at -= end - start;
		}
		return { bytesRead: 0, buffer };
	}

	async close(): Promise<void> {
		await this.#file?.close();
		this.#file = null;
	}

	async #open(file: string): Promise<FileHandle> {
		if (this.#file === null || this.#fileName !== file) {
			await this.close();
			this.#file = await open(file, 'r');
			this.#fileName = file;
		}
		return this.#file;
	}
}
