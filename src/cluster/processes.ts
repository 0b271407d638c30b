import path from 'node:path';
import type { Config } from '../config/schema.js';
import { sharedThreads } from '../pool/thread-counts.js';
import type { Topology } from '../pool/topology.js';
import type { ListenerName } from '../stream/thread-messages.js';
import { ROLES, type RoleName } from './roles.js';

/** One of the processes that a role runs in. */
export type ProcessPlan = {
	/** What it is called in logs, metrics and the API. */
	kind: ProcessKind;
	/** Among the processes of the role. */
	index: number;
	/** What it gets of the role's configuration. */
	configure: (config: Config) => Config;
};

/** What tells one kind of process from another. */
type Kind = {
	topology: Topology;
	/** Listening sockets that it inherits, of those that its role has. */
	listeners: readonly ListenerName[];
};

const ALL_PORTS = ['rtmp', 'rtmps', 'http', 'files'] as const;

export const PROCESSES = {
	origin: { topology: ROLES.origin.topology, listeners: ALL_PORTS },
	'flv-gateway': { topology: ROLES['flv-gateway'].topology, listeners: ALL_PORTS },
	'file-gateway': { topology: ROLES['file-gateway'].topology, listeners: ALL_PORTS },
} as const satisfies Readonly<Record<RoleName, Kind>>;

export type ProcessKind = keyof typeof PROCESSES;
export const PROCESS_KINDS = Object.keys(PROCESSES) as readonly ProcessKind[];

/** The processes of a role, as configured. */
export function planProcesses(role: RoleName, config: Config): ProcessPlan[] {
	const count = role === 'origin' ? 1 : config.gateway.processes;
	return Array.from({ length: count }, (_, index) => ({
		kind: role,
		index,
		configure: (current) => (count === 1 ? current : equalShare(current, PROCESSES[role].topology, index, count)),
	}));
}

/** What one of `count` equal processes gets: its part of the cores and of the cache, and a directory where no other writes. */
function equalShare(config: Config, topology: Topology, index: number, count: number): Config {
	const { cache } = config;
	return {
		...config,
		threads: sharedThreads(config, topology, count),
		cache: {
			...cache,
			memory: Math.floor(cache.memory / count),
			disk: Math.floor(cache.disk / count),
			directory: cache.directory === '' ? '' : path.join(cache.directory, `process-${index}`),
		},
	};
}
