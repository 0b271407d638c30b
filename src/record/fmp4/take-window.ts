import type { AppPolicy } from '../../config/schema.js';
import type { DiskQueue } from '../disk/disk-queue.js';
import { EventPlaylist, type TakePlaylist } from './event-playlist.js';
import { WindowPlaylist } from './window-playlist.js';

/** The length of a take while it is written. */
export type TakeWindow = {
	/** Its playlists list only this much, and older segments are removed; null = everything stays. */
	keepMs: number | null;
	/** Its manifest lists this much. */
	manifestMs: number;
};

/** A take that is recorded, and nothing more. */
export const WHOLE_TAKE: TakeWindow = { keepMs: null, manifestMs: 300_000 };

/** Returns the window that `record.fmp4` and `dvr.window` make together. */
export function takeWindow({ record, dvr }: Pick<AppPolicy, 'record' | 'dvr'>): TakeWindow {
	const manifestMs = dvr.window > 0 ? dvr.window : WHOLE_TAKE.manifestMs;
	return { keepMs: record.fmp4 ? null : dvr.window, manifestMs };
}

export function takePlaylist(file: string, queue: DiskQueue, { keepMs }: TakeWindow): TakePlaylist {
	return keepMs === null ? new EventPlaylist(file, queue) : new WindowPlaylist(file, queue, keepMs);
}
