/** A way in which streams come in or go out. */
type ProtocolSpec = {
	/** The name under which its viewers are counted, in metrics and in the API; null = it has no viewers. */
	viewers: string | null;
	/** Delivery threads take its publishers, and hand on what they send to the threads that parse it. */
	pushes: boolean;
};

/**
 * Every protocol that a session may have. Counters, metrics, statistics and the API follow from here. Another one is a folder beside
 * this file, a line here and a line in LISTENERS.
 */
export const PROTOCOLS = {
	rtmp: { viewers: 'rtmp', pushes: false },
	rtmps: { viewers: 'rtmp', pushes: false },
	'http-flv': { viewers: 'http-flv', pushes: true },
	'ws-flv': { viewers: 'ws-flv', pushes: true },
	/** A gateway's own connection to its upstream. */
	pull: { viewers: null, pushes: false },
} as const satisfies Readonly<Record<string, ProtocolSpec>>;

export type Protocol = keyof typeof PROTOCOLS;
/** A name under which viewers are counted. */
export type ViewerProtocol = NonNullable<(typeof PROTOCOLS)[Protocol]['viewers']>;
/** A protocol that viewers speak. */
export type PlayProtocol = {
	[Name in Protocol]: (typeof PROTOCOLS)[Name]['viewers'] extends null ? never : Name;
}[Protocol];

export const PROTOCOL_NAMES = Object.keys(PROTOCOLS) as readonly Protocol[];
/** Each name once, in the order of the table. */
export const VIEWER_PROTOCOLS: readonly ViewerProtocol[] = [
	...new Set(PROTOCOL_NAMES.flatMap((name) => PROTOCOLS[name].viewers ?? [])),
];
export const PUSH_PROTOCOLS: readonly Protocol[] = PROTOCOL_NAMES.filter((name) => PROTOCOLS[name].pushes);
