// Spec: RTMP 1.0, section 7.2.1.1 (tcUrl, app); the split of a URL into app and stream name as ffmpeg and OBS do it

export const RTMP_PORT = 1935;
const RTMPS_PORT = 443;

/** `rtmp://host[:port]/app/name[?query]`, taken apart. */
export type RtmpUrl = {
	secure: boolean;
	host: string;
	port: number;
	app: string;
	/** With the query, as it goes into `publish` and `play`. */
	streamName: string;
	tcUrl: string;
};

/** Takes an RTMP URL apart: the first part of the path is the app, the rest with the query the stream name. Null when it is none. */
export function parseRtmpUrl(text: string): RtmpUrl | null {
	const url = URL.canParse(text) ? new URL(text) : null;
	if (url === null || (url.protocol !== 'rtmp:' && url.protocol !== 'rtmps:')) {
		return null;
	}
	const secure = url.protocol === 'rtmps:';
	const [app = '', ...rest] = url.pathname.slice(1).split('/');
	return {
		secure,
		host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
		port: url.port === '' ? (secure ? RTMPS_PORT : RTMP_PORT) : Number(url.port),
		app,
		streamName: rest.join('/') + url.search,
		tcUrl: `${url.protocol}//${url.host}/${app}`,
	};
}
