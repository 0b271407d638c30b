import path from 'node:path';
import { LISTENER_NAMES, LISTENERS, type ListenerName, PORT_NAMES } from '../config/listeners.js';
import type { Config } from '../config/schema.js';
import { sharedThreads } from '../process/thread-counts.js';
import type { Topology } from '../process/topology.js';
import { ROLES, type RoleName } from './roles.js';

/** One of the processes that a role runs in. */
export type ProcessPlan = {
	/** The name of the process in logs, metrics and the API. */
	kind: ProcessKind;
	/** Among the processes of the role. */
	index: number;
	/** Returns the process's share of the role's configuration. */
	configure: (config: Config) => Config;
	/** Its streams are those of the origin process beside it. */
	fedByOrigin: boolean;
};

/** The difference between one kind of process and another. */
type Kind = {
	/** The role that it is a part of. */
	role: RoleName;
	topology: Topology;
	/** Listening sockets that it inherits, of those that its role has. */
	listeners: readonly ListenerName[];
};

export const PROCESSES = {
	origin: { role: 'origin', topology: ROLES.origin.topology, listeners: LISTENER_NAMES },
	'flv-gateway': { role: 'flv-gateway', topology: ROLES['flv-gateway'].topology, listeners: PORT_NAMES },
	'file-gateway': { role: 'file-gateway', topology: ROLES['file-gateway'].topology, listeners: PORT_NAMES },
	/** Beside an origin process, which has all the publishers and all the RTMP sessions. */
	delivery: {
		role: 'origin',
		topology: { records: false, pulls: true, filesOnly: false },
		listeners: PORT_NAMES.filter((name) => LISTENERS[name].reuse),
	},
} as const satisfies Readonly<Record<RoleName | 'delivery', Kind>>;

export type ProcessKind = keyof typeof PROCESSES;

/** A delivery process's name for its origin process. The connection goes to a Unix socket. */
const ORIGIN_URL = 'http://origin';
/** An origin process that is back is back at once; there is nobody else who would ask it. */
const ORIGIN_PAUSES = { reconnectMin: 50, reconnectMax: 500 };

/** The processes of a role, as configured. */
export function planProcesses(role: RoleName, config: Config): ProcessPlan[] {
	if (role !== 'origin') {
		const { processes } = config.gateway;
		return plans(processes, role, 0, (index) => (current) => equalShare(current, role, index, processes));
	}
	const { processes } = config.delivery;
	return [
		...plans(1, 'origin', 0, () => (current) => current),
		...plans(processes, 'delivery', 1, () => (current) => deliveryShare(current, processes)),
	];
}

function plans(
	count: number,
	kind: ProcessKind,
	firstIndex: number,
	configure: (index: number) => ProcessPlan['configure'],
): ProcessPlan[] {
	const fedByOrigin = kind === 'delivery';
	return Array.from({ length: count }, (_, place) => {
		const index = firstIndex + place;
		return { kind, index, configure: configure(index), fedByOrigin };
	});
}

/**
 * Returns the share of one of `count` equal processes: its part of the cores and of the cache, and a directory where no
 * other writes.
 */
function equalShare(config: Config, role: RoleName, index: number, count: number): Config {
	if (count === 1) {
		return config;
	}
	const { cache } = config;
	return {
		...config,
		threads: sharedThreads(config, PROCESSES[role].topology, count),
		cache: {
			...cache,
			memory: Math.floor(cache.memory / count),
			disk: Math.floor(cache.disk / count),
			directory: cache.directory === '' ? '' : path.join(cache.directory, `process-${index}`),
		},
	};
}

/** Returns the share of one of `count` processes that only deliver. */
function deliveryShare(config: Config, count: number): Config {
	return {
		...config,
		threads: sharedThreads(config, PROCESSES.delivery.topology, count),
		gateway: { ...config.gateway, ...ORIGIN_PAUSES, upstreams: [{ address: ORIGIN_URL, credentials: null }] },
	};
}
