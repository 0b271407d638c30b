import { Counter, Gauge, Registry } from 'prom-client';

/** The state of the primary, and of the role processes that it keeps. */
export type PrimaryStatus = {
	role: string;
	version: string;
	/** Milliseconds since 1970. */
	startedAtMs: number;
	state: 'starting' | 'ready' | 'draining';
	processes: { role: string; index: number; pid: number; ready: boolean }[];
	/** Times that a role process had to be started again. */
	processRestarts: number;
};

/** The primary's own metrics, made anew for every scrape. */
export function primaryRegistry(status: PrimaryStatus): Registry {
	const register = new Registry();
	const registers = [register];
	new Gauge({
		name: 'millrace_build_info',
		help: 'Always 1; the labels say what is running',
		labelNames: ['version', 'node', 'role'],
		registers,
	})
		.labels(status.version, process.version, status.role)
		.set(1);
	new Gauge({
		name: 'millrace_start_time_seconds',
		help: 'When the server was started, in seconds since 1970',
		registers,
	}).set(status.startedAtMs / 1000);
	new Gauge({ name: 'millrace_ready', help: 'Whether /readyz answers 200', registers }).set(
		status.state === 'ready' ? 1 : 0,
	);
	new Gauge({ name: 'millrace_processes', help: 'Role processes that are ready', registers }).set(
		status.processes.filter((process) => process.ready).length,
	);
	new Counter({
		name: 'millrace_process_restarts_total',
		help: 'Times that a role process was started again',
		registers,
	}).inc(status.processRestarts);
	return register;
}
