// Spec: rfc8216bis-22 4.4.3.5 (EXT-X-PLAYLIST-TYPE:EVENT), 6.2.1 (a playlist may only grow)
import { PLAIN_PLAYLIST, type PlaylistSegment, serializeMediaPlaylist } from '../protocol/m3u8/media-playlist.js';
import { GrowingFile } from './atomic-file.js';
import type { JobQueue } from './job-queue.js';

/** What a take's outputs list their segments in. */
export type TakePlaylist = Pick<EventPlaylist, 'start' | 'add' | 'end' | 'abandon'>;

export type EventSegment = Pick<PlaylistSegment, 'uri' | 'duration' | 'discontinuity' | 'map' | 'programDateTimeMs'>;

const END = Buffer.from('#EXT-X-ENDLIST\n');

/**
 * The playlist of a take: it only grows, so each segment is one small write at its end however long the take is, and it is valid
 * at every moment.
 */
export class EventPlaylist {
	readonly #path: string;
	readonly #jobs: JobQueue;
	readonly #version: number;
	#file: GrowingFile | null = null;
	#map: string | null = null;
	#started = false;

	constructor(path: string, jobs: JobQueue, version = 7) {
		this.#path = path;
		this.#jobs = jobs;
		this.#version = version;
	}

	/** Begins the playlist; `targetDuration` holds for its whole life. */
	start(targetDuration: number): void {
		const playlist = { ...PLAIN_PLAYLIST, independentSegments: false, version: this.#version, type: 'EVENT' as const };
		const head = serializeMediaPlaylist({ ...playlist, mediaSequence: 1, targetDuration, segments: [] });
		this.#started = true;
		this.#jobs.add(async () => {
			this.#file = await GrowingFile.create(this.#path);
			await this.#file.append([Buffer.from(head)]);
		});
	}

	add(segment: EventSegment): void {
		const lines: string[] = [];
		if (segment.discontinuity) {
			lines.push('#EXT-X-DISCONTINUITY');
		}
		if (segment.map !== null && segment.map !== this.#map) {
			this.#map = segment.map;
			lines.push(`#EXT-X-MAP:URI="${segment.map}"`);
		}
		if (segment.programDateTimeMs !== null) {
			lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.programDateTimeMs).toISOString()}`);
		}
		lines.push(`#EXTINF:${segment.duration.toFixed(5)},`, segment.uri, '');
		const bytes = Buffer.from(lines.join('\n'));
		this.#jobs.add(async () => {
			await this.#file?.append([bytes]);
		});
	}

	/** Closes the file after a failure; recovery ends the playlist. */
	async abandon(): Promise<void> {
		const file = this.#file;
		this.#file = null;
		await file?.close();
	}

	/** Nothing follows. */
	end(): void {
		if (this.#started) {
			this.#jobs.add(async () => {
				await this.#file?.append([END]);
				await this.#file?.close();
				this.#file = null;
			});
		}
	}
}
