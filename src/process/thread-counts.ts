import { availableParallelism } from 'node:os';
import type { Config } from '../config/schema.js';
import { ORIGIN, type Topology } from './topology.js';

export type ThreadCounts = { ingest: number; delivery: number; remux: number };

/** `threads` of a process that has to share the cores with others, `processes` in all. */
export function sharedThreads(config: Config, topology: Topology, processes: number): Config['threads'] {
	const cores = Math.floor(availableParallelism() / processes);
	const { ingest, delivery, remux } = threadCounts(config, topology, cores);
	return { ingest: Math.max(1, ingest), delivery, remux: Math.max(1, remux) };
}

/** Returns how many threads of each kind a role process has: as configured, or by the number of cores. */
export function threadCounts(
	config: Config,
	{ filesOnly }: Pick<Topology, 'filesOnly'> = ORIGIN,
	cores: number = availableParallelism(),
): ThreadCounts {
	const share = (configured: number | 'auto', divisor: number): number =>
		configured === 'auto' ? Math.max(1, Math.floor(cores / divisor)) : configured;
	if (filesOnly) {
		return { ingest: 0, delivery: share(config.threads.delivery, 1), remux: 0 };
	}
	return {
		ingest: share(config.threads.ingest, 2),
		delivery: share(config.threads.delivery, 2),
		remux: share(config.threads.remux, 4),
	};
}
