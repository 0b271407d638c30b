/** publish, play (FLV and RTMP), view (HLS, DASH, recordings, clips), or the API of the admin port. */
export type AccessAction = 'publish' | 'play' | 'view' | 'api';

/**
 * Everything that a peer says of itself when it wants something. Every protocol makes this value once, at its edge, and the rules see
 * nothing else. A field that a protocol does not have is empty.
 */
export type AccessRequest = {
	readonly action: AccessAction;
	/** The stream as the peer names it, unchecked; the verdict says which stream that is. Empty for the API. */
	readonly asked: { readonly app: string; readonly name: string };
	/** `rtmp`, `rtmps`, `http-flv`, `ws-flv`, `hls`, `dash`, `file` or `api`. */
	readonly protocol: string;
	/** Without a port; IPv4 that came over an IPv6 socket as IPv4. */
	readonly ip: string;
	readonly port: number;
	readonly user: string;
	readonly password: string;
	/** A bearer token, or the `token` of the query. */
	readonly token: string;
	/** As it was sent, without `?`. RTMP: that of the app, then that of the name. */
	readonly query: string;
	/** RTMP's connect. */
	readonly tcUrl: string;
	readonly swfUrl: string;
	readonly flashVer: string;
	/** RTMP's pageUrl, or the Referer. */
	readonly pageUrl: string;
	readonly userAgent: string;
	/** RTMP's publish: `live`, `record` or `append`. */
	readonly publishType: string;
	/** RTMP's play; start and duration in seconds, -2 and -1 when nothing was said. */
	readonly play: { readonly start: number; readonly duration: number; readonly reset: boolean };
	/** Unique among all threads and processes. */
	readonly sessionId: string;
	/** A small integer for the same, unique in its thread: nginx-rtmp's clientid. */
	readonly number: number;
};

/** RTMP 1.0, section 7.2.2.1: live, or else recorded; to its end. */
export const PLAY_DEFAULTS = { start: -2, duration: -1, reset: true } as const;

/** Fields that have no value unless a protocol says so. */
export const UNSAID = {
	...{ user: '', password: '', token: '', query: '' },
	...{ tcUrl: '', swfUrl: '', flashVer: '', pageUrl: '', userAgent: '', publishType: '' },
	play: PLAY_DEFAULTS,
} as const;
