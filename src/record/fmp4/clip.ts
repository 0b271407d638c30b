import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { buildFaststartHead } from '../../container/mp4/faststart.js';
import { PeerError, peerErrorOf } from '../../errors.js';
import type { MediaPlaylist } from '../../protocol/m3u8/media-playlist.js';
import { parseMediaPlaylist } from '../../protocol/m3u8/media-playlist-parser.js';
import { formatUtc, type Moment, resolveMoment, type SegmentTime, segmentTimes } from '../../protocol/m3u8/moment.js';
import { errorCodeOf } from '../disk/file-error.js';
import { ClipCutter, type Piece } from './clip-cutter.js';
import { scanSegment } from './fragment-scan.js';
import { openTracks } from './merge-take.js';
import { readMeta } from './take-meta.js';

/** Longer clips are not made on the way to a viewer: the take's own MP4 is there for that. */
export const MAX_CLIP_MS = 3 * 3_600_000;

/** Null = the beginning or the end of what there is. */
export type ClipRange = { from: Moment | null; to: Moment | null };

type Listed = SegmentTime & { uri: string; map: string | null };

const SEGMENT = /^segment_\d+\.m4s$/;
const INIT = /^init(_\d+)?\.mp4$/;

/**
 * Cuts an MP4 with its index in front out of the take in `directory` (output_merge), which may still be running. Media
 * data is not touched: it begins with the keyframe before the range, and an edit list states the presented range to the
 * millisecond. Null when there is no such take. Throws PeerError HTTP_REQUEST for a range that is upside down, too long
 * or empty, or in which the tracks change.
 */
export async function cutClip(directory: string, range: ClipRange): Promise<Clip | null> {
	const playlist = await readPlaylist(path.join(directory, 'index.m3u8'));
	if (playlist === null || playlist.segments.length === 0) {
		return null;
	}
	const times = segmentTimes(playlist.segments);
	const listed = playlist.segments.map(({ uri, map }, index): Listed => ({ uri, map, ...times[index]! }));
	const { fromMs, toMs } = resolveRange(times, range);
	const first = listed.findIndex(({ endMs }) => endMs > fromMs);
	const last = listed.findLastIndex(({ startMs }) => startMs < toMs);
	const map = oneMap(listed.slice(first, last + 1));
	const zeroMs = await zeroOf(directory, playlist, times);
	const tracks = await openTracks(path.join(directory, map));
	const cutter = new ClipCutter(tracks, fromMs - zeroMs, toMs - zeroMs);
	const scan = async (index: number): Promise<boolean> => {
		const segment = listed[index];
		if (segment === undefined || segment.map !== map || !SEGMENT.test(segment.uri)) {
			return false;
		}
		const file = path.join(directory, segment.uri);
		cutter.add(file, (await scanSegment(file)).fragments, index < first);
		return true;
	};
	// Sound and picture of the same moment may lie in neighbouring segments.
	for (let index = first; index <= last + 1; index++) {
		await scan(index);
	}
	for (let index = first - 1; (await scan(index)) && !cutter.isDecodable; index--) {
		// Segments that begin without a keyframe need what is before them.
	}
	const pieces = cutter.finish();
	if (pieces.bytes === 0) {
		throw new PeerError('HTTP_REQUEST', 'there is no media in this range');
	}
	const head = buildFaststartHead([...tracks.values()], pieces.bytes, 0, cutter.shown);
	return new Clip(head, pieces.all);
}

function resolveRange(times: readonly SegmentTime[], { from, to }: ClipRange): { fromMs: number; toMs: number } {
	const [startMs, endMs] = [times[0]!.startMs, times.at(-1)!.endMs];
	const fromMs = Math.max(startMs, from === null ? startMs : resolveMoment(from, times));
	const toMs = Math.min(endMs, to === null ? endMs : resolveMoment(to, times));
	if (toMs <= fromMs || toMs - fromMs > MAX_CLIP_MS) {
		const there = `there is ${formatUtc(startMs)} to ${formatUtc(endMs)}`;
		throw new PeerError('HTTP_REQUEST', `a clip of ${Math.round((toMs - fromMs) / 1000)} s; ${there}`);
	}
	return { fromMs, toMs };
}

/** The init segment of all of `listed`. */
function oneMap(listed: readonly Listed[]): string {
	const map = listed[0]?.map ?? '';
	const other = listed.find((segment) => segment.map !== map);
	if (other !== undefined) {
		const atMs = formatUtc(other.startMs);
		throw new PeerError('HTTP_REQUEST', `codecs change at ${atMs}: a clip ends there, or begins there`);
	}
	if (!INIT.test(map)) {
		throw new PeerError('HTTP_REQUEST', 'segments without an init segment');
	}
	return map;
}

/** Returns the take's own media time 0 on the playlist's clock. */
async function zeroOf(directory: string, { segments }: MediaPlaylist, times: readonly SegmentTime[]): Promise<number> {
	const isDated = segments.some(({ programDateTimeMs }) => programDateTimeMs !== null);
	const meta = isDated ? await readMeta(directory) : null;
	return meta?.startedAt ?? times[0]!.startMs;
}

async function readPlaylist(file: string): Promise<MediaPlaylist | null> {
	try {
		return parseMediaPlaylist(await readFile(file, 'utf8'));
	} catch (error) {
		if (errorCodeOf(error) !== 'ENOENT') {
			peerErrorOf(error);
		}
		return null;
	}
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
