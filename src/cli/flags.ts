/** The flags of the command line. Those with a `key` set that configuration key and win over file and environment. */
export type Flag = {
	/** Name of the value in the usage text; null = a switch. */
	value: string | null;
	help: string;
	/** The configuration key that it sets. */
	key: string | null;
	/** The key for roles that it is another one for. */
	keyOf?: Readonly<Record<string, string>>;
	/** It may be given several times, for a list. */
	repeats?: boolean;
	/** Roles that take the flag; absent = all of them. */
	roles?: readonly string[];
};

const LIVE = ['origin', 'flv-gateway'];
const GATEWAYS = ['flv-gateway', 'file-gateway'];

export const FLAGS = {
	role: { value: 'ROLE', help: 'Role to run: origin (default), flv-gateway, file-gateway', key: null },
	config: { value: 'FILE', help: 'YAML configuration file (see config.example.yaml)', key: null },
	'rtmp-port': { value: 'PORT', help: 'RTMP publish and play', key: 'rtmp.port', roles: LIVE },
	'http-port': {
		value: 'PORT',
		help: 'HTTP-FLV and WebSocket-FLV, push and play',
		key: 'http.port',
		roles: ['origin'],
	},
	'files-port': { value: 'PORT', help: 'Files, recordings, web pages', key: 'files.port', roles: ['origin'] },
	'admin-port': { value: 'PORT', help: 'Metrics, health, API', key: 'admin.port' },
	media: { value: 'DIR', help: 'Directory of recordings', key: 'media', roles: ['origin'] },
	upstream: {
		value: 'URL',
		help: 'Server that a gateway gets its streams or files from; may be repeated, in order of preference',
		key: 'gateway.upstreams',
		repeats: true,
		roles: GATEWAYS,
	},
	port: {
		value: 'PORT',
		help: 'Port of a gateway',
		key: 'http.port',
		keyOf: { 'file-gateway': 'files.port' },
		roles: GATEWAYS,
	},
	root: { value: 'DIR', help: 'Directory that a file-gateway serves', key: 'media', roles: ['file-gateway'] },
	processes: {
		value: 'N',
		help: 'Processes behind the same port: of a gateway in all, of an origin those that only deliver',
		key: 'gateway.processes',
		keyOf: { origin: 'delivery.processes' },
	},
	'print-config': { value: null, help: 'Print the configuration, where each value came from, and exit', key: null },
	debug: { value: null, help: 'Log at level debug', key: 'log.level' },
	help: { value: null, help: 'Print this text', key: null },
	version: { value: null, help: 'Print the version', key: null },
} as const satisfies Readonly<Record<string, Flag>>;

export type FlagName = keyof typeof FLAGS;
