import type { ProcessMetrics } from '../metrics/process-metrics.js';
import { Coordinator } from '../process/coordinator.js';
import { PROCESSES } from './processes.js';
import { type ProcessContext, type RoleProcess, serveProcess } from './serve-process.js';

/** Entry of every role process: the coordinator, and what the primary asks of it. */
serveProcess(({ start, log, onFatal }: ProcessContext): RoleProcess => {
	const { kind, index, config, originSocket, ports, descriptors } = start;
	const { topology, role } = PROCESSES[kind];
	const place = { role: kind, index, topology, originSocket, server: { role, ports } };
	const coordinator = new Coordinator({ ...place, config, listeners: descriptors, log, onFatal });
	let metrics: Promise<ProcessMetrics> | null = null;
	const loadMetrics = (): Promise<ProcessMetrics> => {
		metrics ??= import('../metrics/process-metrics.js').then((module) => new module.ProcessMetrics(kind));
		return metrics;
	};
	return {
		async start() {
			await coordinator.start();
			// Nobody waits for the library of metrics: it is loaded when the process serves.
			void loadMetrics();
		},
		reload: (changed) => coordinator.reload(changed),
		drain: (deadlineMs) => coordinator.drain(deadlineMs),
		snapshot: () => coordinator.snapshot(),
		metrics: async () => (await loadMetrics()).of(coordinator.snapshot()),
		evict: (name) => coordinator.evict(name),
	};
});
