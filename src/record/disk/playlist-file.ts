import type { MediaPlaylist } from '../../protocol/m3u8/media-playlist.js';
import { parseMediaPlaylist } from '../../protocol/m3u8/media-playlist-parser.js';
import type { DiskFile, DiskQueue } from './disk-queue.js';

/** Other readers see a write within this whole or not at all (Linux copies page by page). */
const PAGE_BYTES = 4096;
const BLANK_LINE = 0x0a;

/**
 * A playlist on disk that grows line by line. Nobody ever reads half a line. A line that would cross a page of the file
 * is moved to the next one by blank lines, which players skip (RFC 8216 4.1). An append costs a hundredth of a file
 * made anew, which has to be created, renamed, and deleted in its turn.
 */
export class PlaylistFile {
	readonly #path: string;
	readonly #queue: DiskQueue;
	#file: DiskFile | null = null;
	#sizeBytes = 0;

	constructor(path: string, queue: DiskQueue) {
		this.#path = path;
		this.#queue = queue;
	}

	get isOpen(): boolean {
		return this.#file !== null;
	}

	/** Replaces the whole playlist at once. */
	write(text: string): void {
		this.close();
		const bytes = Buffer.from(text);
		this.#file = this.#queue.createWhole(this.#path, [bytes]);
		this.#sizeBytes = bytes.length;
	}

	/** Whole lines; the playlist must be open. */
	append(text: string): void {
		if (this.#file === null) {
			return;
		}
		const bytes = Buffer.from(text);
		const room = PAGE_BYTES - (this.#sizeBytes % PAGE_BYTES);
		if (bytes.length > room && bytes.length <= PAGE_BYTES) {
			this.#queue.append(this.#file, [Buffer.alloc(room, BLANK_LINE)]);
			this.#sizeBytes += room;
		}
		this.#queue.append(this.#file, [bytes]);
		this.#sizeBytes += bytes.length;
	}

	close(): void {
		if (this.#file !== null) {
			this.#queue.close(this.#file);
			this.#file = null;
		}
	}
}

/** The last line of a playlist's head. The head is written at once, so the file has all of it or a part. */
const LAST_OF_HEAD = /^#EXT-X-(MEDIA-SEQUENCE|DISCONTINUITY-SEQUENCE|PLAYLIST-TYPE):/;

/**
 * Reads a playlist up to its last whole segment: its writer may have been killed in the middle of a line. Null without
 * a head; throws PeerError for a text that is no playlist.
 */
export function parseGrowingPlaylist(text: string): MediaPlaylist | null {
	const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
	const isEnd = lines.includes('#EXT-X-ENDLIST');
	const lastUri = lines.findLastIndex((line) => line !== '' && !line.startsWith('#'));
	const head = lines.findLastIndex((line) => LAST_OF_HEAD.test(line));
	if (head < 0) {
		return null;
	}
	return parseMediaPlaylist(isEnd ? text : `${lines.slice(0, Math.max(lastUri, head) + 1).join('\n')}\n`);
}
