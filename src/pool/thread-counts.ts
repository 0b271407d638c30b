import { availableParallelism } from 'node:os';
import type { Config } from '../config/schema.js';
import { ORIGIN, type Topology } from './topology.js';

export type ThreadCounts = { ingest: number; delivery: number; remux: number };

/** How many threads of each kind a role process has: as configured, or by the number of cores. */
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
