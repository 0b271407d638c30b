/** Kinds of thread that hold connections. */
export type ThreadKind = 'ingest' | 'delivery';

/** A way into the server. */
type ListenerSpec = {
	/** Configuration key of its port; null = a Unix socket of this server, for its own processes. */
	portKey: string | null;
	/** The threads that accept on it. */
	thread: ThreadKind;
	/** Connections begin with a TLS handshake. */
	tls: boolean;
	/** Streams are pushed and played on it; otherwise it has files, HLS and pages only. */
	streams: boolean;
	/** Delivery processes accept on it beside their origin process. */
	reuse: boolean;
	/** A port that gives way when nobody asked for it and it may not be bound. */
	fallback?: { from: number; to: number };
	/** The flag that sets the port. */
	flag?: { name: string; help: string; roles: readonly string[] };
};

/**
 * Every listener. Ports to bind, descriptors of threads, the ports in `server.json`, flags and checks follow from here. Another one
 * is a line here and a port key in the schema; its kind of thread finds it by `thread`.
 */
export const LISTENERS = {
	rtmp: {
		portKey: 'rtmp.port',
		thread: 'ingest',
		tls: false,
		streams: true,
		reuse: false,
		flag: { name: 'rtmp-port', help: 'RTMP publish and play', roles: ['origin', 'flv-gateway'] },
	},
	rtmps: { portKey: 'rtmp.tlsPort', thread: 'ingest', tls: true, streams: true, reuse: false },
	http: {
		portKey: 'http.port',
		thread: 'delivery',
		tls: false,
		streams: true,
		reuse: true,
		flag: { name: 'http-port', help: 'HTTP-FLV and WebSocket-FLV, push and play', roles: ['origin'] },
	},
	files: {
		portKey: 'files.port',
		thread: 'delivery',
		tls: false,
		streams: false,
		reuse: true,
		fallback: { from: 80, to: 8000 },
		flag: { name: 'files-port', help: 'Files, recordings, web pages', roles: ['origin'] },
	},
	/** An origin process's, for the delivery processes beside it. */
	internal: { portKey: null, thread: 'delivery', tls: false, streams: true, reuse: false },
} as const satisfies Readonly<Record<string, ListenerSpec>>;

export type ListenerName = keyof typeof LISTENERS;
/** Listeners that have a port. */
export type PortName = {
	[Name in ListenerName]: (typeof LISTENERS)[Name]['portKey'] extends null ? never : Name;
}[ListenerName];

export const LISTENER_NAMES = Object.keys(LISTENERS) as readonly ListenerName[];
export const PORT_NAMES = LISTENER_NAMES.filter((name): name is PortName => LISTENERS[name].portKey !== null);

export function listenerSpec(name: ListenerName): ListenerSpec {
	return LISTENERS[name];
}

/** The listeners that threads of one kind accept on. */
export function listenersOf(thread: ThreadKind): readonly ListenerName[] {
	return LISTENER_NAMES.filter((name) => LISTENERS[name].thread === thread);
}
