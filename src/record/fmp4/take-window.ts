import type { AppPolicy } from '../../config/schema.js';
import type { DiskQueue } from '../disk/disk-queue.js';
import { EventPlaylist, type TakePlaylist } from './event-playlist.js';
import { WindowPlaylist } from './window-playlist.js';

/** How far back a take goes while it is written. */
export type TakeWindow = {
	/** Its playlists list only this much, and older segments are removed; null = everything stays. */
	keepMs: number | null;
	/** Its manifest lists this much. */
	manifestMs: number;
};

/** A take that is recorded, and nothing more. */
export const WHOLE_TAKE: TakeWindow = { keepMs: null, manifestMs: 300_000 };

/** What `record.fmp4` and `dvr.window` come to. */
export function takeWindow({ record, dvr }: Pick<AppPolicy, 'record' | 'dvr'>): TakeWindow {
	const manifestMs = dvr.window > 0 ? dvr.window : WHOLE_TAKE.manifestMs;
	return { keepMs: record.fmp4 ? null : dvr.window, manifestMs };
}

export function takePlaylist(file: string, queue: DiskQueue, { keepMs }: TakeWindow): TakePlaylist {
	return keepMs === null ? new EventPlaylist(file, queue) : new WindowPlaylist(file, queue, keepMs);
}
