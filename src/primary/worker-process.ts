import { createRuntimeRegistry, processMetrics } from '../metrics/process-metrics.js';
import { Coordinator } from '../process/coordinator.js';
import { PROCESSES } from './processes.js';
import { type ProcessContext, type RoleProcess, serveProcess } from './serve-process.js';

/** Entry of every role process: the coordinator, and what the primary asks of it. */
serveProcess(({ start, log, onFatal }: ProcessContext): RoleProcess => {
	const { kind, index, config, originSocket, ports, descriptors } = start;
	const { topology, role } = PROCESSES[kind];
	const place = { role: kind, index, topology, originSocket, server: { role, ports } };
	const coordinator = new Coordinator({ ...place, config, listeners: descriptors, log, onFatal });
	const runtime = createRuntimeRegistry(kind);
	return {
		start: () => coordinator.start(),
		reload: (changed) => coordinator.reload(changed),
		drain: (deadlineMs) => coordinator.drain(deadlineMs),
		snapshot: () => coordinator.snapshot(),
		metrics: () => processMetrics(runtime, coordinator.snapshot()),
		evict: (name) => coordinator.evict(name),
	};
});
