import type { LoadedConfig, RoleProfile } from '../config/load.js';
import type { Topology } from '../process/topology.js';
import type { ListenerName } from '../stream/thread-messages.js';

/** A port to bind before the role process starts. */
export type ListenerPlan = {
	name: ListenerName;
	/** Configuration key, for messages. */
	key: string;
	host: string;
	/** 0 = any free port. */
	port: number;
	/** Taken, with a warning, when `port` may not be had; null = that is an error. */
	fallbackPort: number | null;
};

/** The difference between one role and another. */
export type Role = {
	/** The purpose of the role, for the usage text. */
	help: string;
	topology: Topology;
	profile: RoleProfile;
	listeners: (loaded: LoadedConfig) => ListenerPlan[];
};

export const ROLES = {
	origin: {
		help: 'takes streams in, gives them out, records them',
		topology: { records: true, pulls: false, filesOnly: false },
		profile: { defaults: {}, required: {}, writesMedia: true },
		listeners: liveListeners,
	},
	'flv-gateway': {
		help: 'gives out the streams of an upstream',
		topology: { records: false, pulls: true, filesOnly: false },
		profile: {
			defaults: { 'http.port': 8080, 'rtmp.port': 'off', 'files.port': 'off', 'log.statistics': '10s' },
			required: { 'gateway.upstreams': 'a gateway needs one (--upstream http://origin:8501)' },
			writesMedia: false,
		},
		listeners: liveListeners,
	},
	'file-gateway': {
		help: 'serves recordings, HLS, DASH and pages from a directory or an upstream',
		topology: { records: false, pulls: false, filesOnly: true },
		profile: {
			defaults: { 'files.port': 8100, 'http.port': 'off', 'rtmp.port': 'off', 'log.statistics': '10s' },
			required: {},
			writesMedia: false,
			upstreamProtocols: ['http:', 'https:'],
		},
		listeners: ({ config }) => plan('files', 'files.port', config.host, config.files.port),
	},
} as const satisfies Readonly<Record<string, Role>>;

export type RoleName = keyof typeof ROLES;
export const ROLE_NAMES = Object.keys(ROLES) as readonly RoleName[];

const FILES_FALLBACK_PORT = 8000;

function liveListeners({ config, origins }: LoadedConfig): ListenerPlan[] {
	const { host, rtmp, http, files } = config;
	const filesFallback = origins.get('files.port')?.source === 'default' ? FILES_FALLBACK_PORT : null;
	return [
		...plan('rtmp', 'rtmp.port', host, rtmp.port),
		...plan('rtmps', 'rtmp.tlsPort', host, rtmp.tlsPort),
		...plan('http', 'http.port', host, http.port),
		...plan('files', 'files.port', host, files.port, filesFallback),
	];
}

function plan(
	name: ListenerName,
	key: string,
	host: string,
	port: number | 'off',
	fallbackPort: number | null = null,
): ListenerPlan[] {
	return port === 'off' ? [] : [{ name, key, host, port, fallbackPort }];
}
