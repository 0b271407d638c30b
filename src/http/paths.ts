import { isStreamName } from '../stream-name.js';

/**
 * The one place that knows how streams and recordings stand in URLs:
 *
 *   /{app}/{name}        push            /hls/{app}/{name}/...    HLS, LL-HLS and DASH; /hls/{app}/{name}.m3u8 with variants
 *   /{app}/{name}.flv    push or play    /mp4/{app}/{name}/...    fMP4 and MP4 recordings, clips
 *                                        /flv/{app}/{name}/...    FLV recordings
 *
 * Paths come without query. Stream names need no escapes, so a path with one names no stream.
 */

const STREAM = /^\/([^/]+)\/([^/]+)$/;
const FLV_SUFFIX = '.flv';
const MEDIA = /^\/(flv|hls|mp4)\/([^/]+)\/([^/]+?)(?:\.m3u8|\/(.*))$/;

/** Folders of the media root that are open to the public. */
export const MEDIA_FOLDERS = ['flv', 'hls', 'mp4'] as const;
export type MediaFolder = (typeof MEDIA_FOLDERS)[number];

/** A live stream as a path names it, unchecked. */
export type StreamPath = { app: string; name: string; flv: boolean };

/** Null when `path` has not two segments. */
export function parseStreamPath(path: string): StreamPath | null {
	const [, app, segment] = STREAM.exec(path) ?? [];
	if (app === undefined || segment === undefined) {
		return null;
	}
	const flv = segment.endsWith(FLV_SUFFIX);
	return { app, name: flv ? segment.slice(0, -FLV_SUFFIX.length) : segment, flv };
}

/** A file of a stream: what is recorded of it, and its live HLS and DASH. */
export type MediaPath = {
	folder: MediaFolder;
	app: string;
	name: string;
	/** The path below the stream's folder; empty for the playlist of variants. */
	rest: string;
};

/** The protocol by which a viewer asks for `path`, as an AccessRequest names it. */
export function viewProtocol({ folder, rest }: MediaPath): 'hls' | 'dash' | 'file' {
	if (rest.endsWith('.mpd')) {
		return 'dash';
	}
	return folder === 'hls' || rest.endsWith('.m3u8') ? 'hls' : 'file';
}

/** `path` is decoded (files/local-path.ts). Null when it belongs to no stream. */
export function parseMediaPath(path: string): MediaPath | null {
	const [, folder, app = '', name = '', rest = ''] = MEDIA.exec(path) ?? [];
	return folder === undefined || !isStreamName(app, name) ? null : { folder: folder as MediaFolder, app, name, rest };
}
