import type { ServerDescription } from './server.js';

/** Names as the server accepts them. */
const STREAM_PATTERN = /^([A-Za-z0-9_-]{1,128})\/([A-Za-z0-9_-]{1,128})$/;
const DEFAULT_RTMP_PORT = 1935;
const DEFAULT_RTMPS_PORT = 443;

/** `app/name`, without the slashes and the suffix that people leave around it; null when it is no name of a stream. */
export function parseStream(text: string): string | null {
	const trimmed = text
		.trim()
		.replace(/^\/+|\/+$/g, '')
		.replace(/\.flv$/, '');
	return STREAM_PATTERN.test(trimmed) ? trimmed : null;
}

/** The app of `app/name`. */
export function appOf(stream: string): string {
	return stream.slice(0, stream.indexOf('/'));
}

/**
 * Returns the address of live media, as a URL that ends in a slash. It is the address that the page came from, with
 * proxy, scheme and prefix. A page that came straight from a port for files is the exception: for it, it is the port
 * for media of the same host.
 * @param base the folder that the page came from
 * @param given another server, as `host:port`, that the user has asked for
 */
export function mediaBase(base: URL, server: ServerDescription, given: string | null): URL {
	if (given !== null && given !== '') {
		return new URL(`${base.protocol}//${given}/`);
	}
	const isDirect = portOf(base) === server.port && base.protocol === 'http:';
	if (server.live || !isDirect || server.ports.http === undefined) {
		return base;
	}
	const media = new URL('/', base);
	media.port = String(server.ports.http);
	return media;
}

export type StreamUrls = {
	httpFlv: string;
	wsFlv: string;
	/** With low latency, where the player can. */
	llHls: string;
	/** With MPEG-TS, for everything. */
	hls: string;
	push: string;
	/** Null when the server does not listen to RTMP. */
	rtmp: string | null;
};

/** Returns the addresses at which a stream is watched and published. `media` is made by `mediaBase`. */
export function streamUrls(media: URL, server: ServerDescription, stream: string): StreamUrls {
	const web = new URL(media);
	web.protocol = media.protocol === 'https:' ? 'wss:' : 'ws:';
	return {
		httpFlv: `${media}${stream}.flv`,
		wsFlv: `${web}${stream}.flv`,
		llHls: `${media}hls/${stream}/live.m3u8`,
		hls: `${media}hls/${stream}/index.m3u8`,
		push: `${web}${stream}`,
		rtmp: rtmpUrl(media.hostname, server, stream),
	};
}

function rtmpUrl(hostname: string, { ports: { rtmp, rtmps } }: ServerDescription, stream: string): string | null {
	if (rtmp !== undefined) {
		return `rtmp://${hostname}${rtmp === DEFAULT_RTMP_PORT ? '' : `:${rtmp}`}/${stream}`;
	}
	return rtmps === undefined ? null : `rtmps://${hostname}${rtmps === DEFAULT_RTMPS_PORT ? '' : `:${rtmps}`}/${stream}`;
}

/** The ways in which a page plays a live stream. */
export const VIAS = ['http', 'ws', 'll-hls', 'hls'] as const;
export type Via = (typeof VIAS)[number];

/**
 * The way that was asked for, else the quickest that browser and server can. FLV needs Media Source Extensions, which iPhones had not
 * before iOS 17.1, and a server that plays streams, not files only.
 */
export function chooseVia(given: string | null, hasMediaSource: boolean, role: string): Via {
	return VIAS.find((via) => via === given) ?? (hasMediaSource && role !== 'file-gateway' ? 'http' : 'll-hls');
}

export type RecordingKind = 'mp4' | 'flv' | 'merged' | 'separate';

/** Returns the address of a stream's newest recording. `base` is the folder that the page came from. */
export function recordingUrl(base: URL, stream: string, kind: RecordingKind): string {
	const name = stream.slice(stream.indexOf('/') + 1);
	switch (kind) {
		case 'mp4':
			return `${base}mp4/${stream}/output_merge/${name}_full.mp4`;
		case 'flv':
			return `${base}flv/${stream}/index.flv`;
		case 'merged':
			return `${base}mp4/${stream}/output_merge/index.m3u8`;
		case 'separate':
			return `${base}mp4/${stream}/output_separate/index.m3u8`;
	}
}

function portOf({ port, protocol }: URL): number {
	return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}
