// Spec: rfc8216bis-22 4.4.3.5 (EXT-X-PLAYLIST-TYPE:EVENT), 6.2.1 (a playlist may only grow)
import { PLAIN_PLAYLIST, type PlaylistSegment, serializeMediaPlaylist } from '../../protocol/m3u8/media-playlist.js';
import type { DiskQueue } from '../disk/disk-queue.js';
import { PlaylistFile } from '../disk/playlist-file.js';

/** The playlist in which a take's outputs list their segments. */
export type TakePlaylist = Pick<EventPlaylist, 'start' | 'add' | 'end'>;

export type EventSegment = Pick<PlaylistSegment, 'uri' | 'duration' | 'discontinuity' | 'map' | 'programDateTimeMs'>;

/**
 * The playlist of a take. It only grows: each segment is one small write at its end, however long the take is. It is
 * valid at every moment.
 */
export class EventPlaylist {
	readonly #file: PlaylistFile;
	readonly #version: number;
	#map: string | null = null;

	constructor(path: string, queue: DiskQueue, version = 7) {
		this.#file = new PlaylistFile(path, queue);
		this.#version = version;
	}

	/** Begins the playlist; `targetDuration` holds for its whole life. */
	start(targetDuration: number): void {
		const playlist = { ...PLAIN_PLAYLIST, independentSegments: false, version: this.#version, type: 'EVENT' as const };
		this.#file.write(serializeMediaPlaylist({ ...playlist, mediaSequence: 1, targetDuration, segments: [] }));
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
		this.#file.append(lines.join('\n'));
	}

	/** Nothing follows. */
	end(): void {
		this.#file.append('#EXT-X-ENDLIST\n');
		this.#file.close();
	}
}
