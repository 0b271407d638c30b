// Spec: rfc8216bis-22 6.2.1, 6.2.2 (what a server must keep to in a live playlist)
import path from 'node:path';
import {
	PLAIN_PLAYLIST,
	type PlaylistSegment,
	segmentLines,
	serializeMediaPlaylist,
} from '../../protocol/m3u8/media-playlist.js';
import type { DiskQueue } from '../disk/disk-queue.js';
import { ExpiringFiles } from '../disk/expiring-files.js';
import { PlaylistFile } from '../disk/playlist-file.js';
import type { EventSegment } from './event-playlist.js';

/** Neither a live playlist nor a manifest may get shorter than this many target durations. */
export const MIN_TARGET_DURATIONS = 3;
/**
 * Old segments leave in steps of this share of the window. A segment is a small write at the playlist's end. The whole,
 * 200 KiB for two hours, is written anew only with a step.
 */
const STEP_SHARE = 1 / 16;

/**
 * The playlist of a take of which only the last `windowMs` are kept. What has left the playlist can be fetched for as long as the
 * standard demands, the length of the playlist, and is removed then: the disk holds a little more than two windows.
 */
export class WindowPlaylist {
	readonly #directory: string;
	readonly #file: PlaylistFile;
	readonly #queue: DiskQueue;
	readonly #windowMs: number;
	readonly #now: () => number;
	readonly #expiring: ExpiringFiles;
	readonly #listed: PlaylistSegment[] = [];
	#listedMs = 0;
	#targetDuration = 0;
	/** The number of the first segment that is listed. */
	#mediaSequence = 1;
	#discontinuitySequence = 0;

	constructor(file: string, queue: DiskQueue, windowMs: number, now: () => number = Date.now) {
		this.#directory = path.dirname(file);
		this.#file = new PlaylistFile(file, queue);
		this.#queue = queue;
		this.#windowMs = windowMs;
		this.#now = now;
		this.#expiring = new ExpiringFiles(this.#directory);
	}

	/** Begins the playlist; `targetDuration` holds for its whole life. */
	start(targetDuration: number): void {
		this.#targetDuration = targetDuration;
		this.#writeWhole();
	}

	add(added: EventSegment): void {
		const segment: PlaylistSegment = { ...added, key: null, parts: [] };
		const lines = segmentLines(segment, this.#listed.at(-1) ?? null);
		this.#listed.push(segment);
		this.#listedMs += segment.duration * 1000;
		if (this.#listedMs - this.#keepMs >= this.#windowMs * STEP_SHARE + this.#firstMs) {
			this.#slide();
			this.#writeWhole();
		} else {
			this.#append(lines);
		}
		for (const name of this.#expiring.expired(this.#now())) {
			this.#queue.remove(path.join(this.#directory, name));
		}
	}

	/** Nothing follows. */
	end(): void {
		this.#append(['#EXT-X-ENDLIST']);
		this.#file.close();
	}

	get #keepMs(): number {
		return Math.max(this.#windowMs, MIN_TARGET_DURATIONS * this.#targetDuration * 1000);
	}

	get #firstMs(): number {
		return (this.#listed[0]?.duration ?? 0) * 1000;
	}

	#slide(): void {
		const longestMs = this.#listedMs;
		while (this.#listedMs - this.#firstMs >= this.#keepMs) {
			const { uri, map, duration, discontinuity } = this.#listed.shift()!;
			const untilMs = this.#now() + duration * 1000 + longestMs;
			this.#listedMs -= duration * 1000;
			this.#mediaSequence++;
			this.#discontinuitySequence += discontinuity ? 1 : 0;
			this.#expiring.add(uri, untilMs);
			if (map !== null && map !== this.#listed[0]?.map) {
				this.#expiring.add(map, untilMs);
			}
		}
	}

	#writeWhole(): void {
		const text = serializeMediaPlaylist({
			...PLAIN_PLAYLIST,
			independentSegments: false,
			targetDuration: this.#targetDuration,
			mediaSequence: this.#mediaSequence,
			discontinuitySequence: this.#discontinuitySequence,
			segments: this.#listed,
		});
		this.#file.write(text);
	}

	#append(lines: readonly string[]): void {
		this.#file.append(`${lines.join('\n')}\n`);
	}
}
