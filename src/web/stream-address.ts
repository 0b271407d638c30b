/** Names as the server accepts them. */
const STREAM_PATTERN = /^([A-Za-z0-9_-]{1,128})\/([A-Za-z0-9_-]{1,128})$/;
const DEFAULT_MEDIA_PORT = '8501';
/** Ports that serve files and pages but no live media. */
const FILE_PORTS = ['', '80', '443', '8000', '8100'];

/** `app/name`, without the slashes and the suffix that people leave around it; null when it is no name of a stream. */
export function parseStream(text: string): string | null {
	const trimmed = text
		.trim()
		.replace(/^\/+|\/+$/g, '')
		.replace(/\.flv$/, '');
	return STREAM_PATTERN.test(trimmed) ? trimmed : null;
}

/** `host:port` that serves live media, for a page that was loaded from `location`: the same, unless that one serves files only. */
export function mediaHost(location: { host: string; hostname: string; port: string }, given: string | null): string {
	if (given !== null && given !== '') {
		return given;
	}
	return FILE_PORTS.includes(location.port) ? `${location.hostname}:${DEFAULT_MEDIA_PORT}` : location.host;
}

export type StreamUrls = {
	httpFlv: string;
	wsFlv: string;
	/** With low latency, where the player can. */
	llHls: string;
	/** With MPEG-TS, for everything. */
	hls: string;
	push: string;
	rtmp: string;
};

/** Where a stream is watched and published. `secure`: the page came by HTTPS, and so must what it loads. */
export function streamUrls(host: string, stream: string, secure: boolean): StreamUrls {
	const tls = secure ? 's' : '';
	const hostname = host.replace(/:\d+$/, '');
	return {
		httpFlv: `http${tls}://${host}/${stream}.flv`,
		wsFlv: `ws${tls}://${host}/${stream}.flv`,
		llHls: `http${tls}://${host}/hls/${stream}/live.m3u8`,
		hls: `http${tls}://${host}/hls/${stream}/index.m3u8`,
		push: `ws${tls}://${host}/${stream}`,
		rtmp: `rtmp://${hostname}/${stream}`,
	};
}

/** How a page plays a live stream. */
export const VIAS = ['http', 'ws', 'll-hls', 'hls'] as const;
export type Via = (typeof VIAS)[number];

/** The way that was asked for, else the quickest that a browser can: FLV needs Media Source Extensions, which iPhones had not before iOS 17.1. */
export function chooseVia(given: string | null, hasMediaSource: boolean): Via {
	return VIAS.find((via) => via === given) ?? (hasMediaSource ? 'http' : 'll-hls');
}

export type RecordingKind = 'mp4' | 'flv' | 'merged' | 'separate';

/** Where a stream's newest recording is, on the server that the page came from. */
export function recordingUrl(stream: string, kind: RecordingKind): string {
	const name = stream.slice(stream.indexOf('/') + 1);
	switch (kind) {
		case 'mp4':
			return `/mp4/${stream}/output_merge/${name}_full.mp4`;
		case 'flv':
			return `/flv/${stream}/index.flv`;
		case 'merged':
			return `/mp4/${stream}/output_merge/index.m3u8`;
		case 'separate':
			return `/mp4/${stream}/output_separate/index.m3u8`;
	}
}
