import { createRuntimeRegistry, processMetrics } from '../metrics/process-metrics.js';
import { Coordinator } from '../pool/coordinator.js';
import { ROLES } from './roles.js';
import { type RoleContext, type RoleProcess, serveRole } from './serve-role.js';

/** Entry of every role process: the coordinator, and what the primary asks of it. */
serveRole(({ start, log, onFatal }: RoleContext): RoleProcess => {
	const { role, config, descriptors } = start;
	const { topology } = ROLES[role];
	const coordinator = new Coordinator({ role, topology, config, listeners: descriptors, log, onFatal });
	const runtime = createRuntimeRegistry(role);
	return {
		start: () => coordinator.start(),
		reload: (changed) => coordinator.reload(changed),
		drain: (deadlineMs) => coordinator.drain(deadlineMs),
		snapshot: () => coordinator.snapshot(),
		metrics: () => processMetrics(runtime, coordinator.snapshot()),
		evict: (app, name) => coordinator.evict(app, name),
	};
});
