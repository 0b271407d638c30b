import { PORT_NAMES, type PortName } from '../config/listeners.js';
import type { RoleProfile } from '../config/load.js';
import type { Topology } from '../process/topology.js';

/** The difference between one role and another. */
export type Role = {
	/** The purpose of the role, for the usage text. */
	help: string;
	topology: Topology;
	profile: RoleProfile;
	/** The ports that it may listen on. */
	listeners: readonly PortName[];
};

export const ROLES = {
	origin: {
		help: 'takes streams in, gives them out, records them',
		topology: { records: true, pulls: false, filesOnly: false },
		profile: { defaults: {}, required: {}, writesMedia: true },
		listeners: PORT_NAMES,
	},
	'flv-gateway': {
		help: 'gives out the streams of an upstream',
		topology: { records: false, pulls: true, filesOnly: false },
		profile: {
			defaults: { 'http.port': 8080, 'rtmp.port': 'off', 'files.port': 'off', 'log.statistics': '10s' },
			required: { 'gateway.upstreams': 'a gateway needs one (--upstream http://origin:8501)' },
			writesMedia: false,
		},
		listeners: PORT_NAMES,
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
		listeners: ['files'],
	},
} as const satisfies Readonly<Record<string, Role>>;

export type RoleName = keyof typeof ROLES;
export const ROLE_NAMES = Object.keys(ROLES) as readonly RoleName[];
