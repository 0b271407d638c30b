import { ConfigError } from '../config/config-error.js';
import type { ListenerName } from '../config/listeners.js';
import type { PortPlan } from '../config/port-plan.js';
import { bindHandle, boundPort, type ServerHandle } from './server-handle.js';

/** A port bound for the whole life of the primary. */
export type Listener = Pick<PortPlan, 'name' | 'key' | 'host' | 'port'> & { handle: ServerHandle };

const ANY_IPV6 = '::';
const ANY_IPV4 = '0.0.0.0';
const REASONS: Readonly<Record<string, string>> = {
	EADDRINUSE: 'in use by another program',
	EACCES: 'no permission to bind it',
	EADDRNOTAVAIL: 'this machine does not have the address',
};

/** Errors of a port, not of the address: another port may do. */
const GIVES_WAY = ['EADDRINUSE', 'EACCES'];

/**
 * Binds every port of `plans` without accepting on any. All or nothing: throws ConfigError with a line for each port that cannot be
 * had. `warn` is told of a port that gave way to its fallback.
 */
export function bindListeners(plans: readonly PortPlan[], warn: (message: string) => void): Listener[] {
	const bound: Listener[] = [];
	const problems: string[] = [];
	const attempt = (host: string, port: number): ServerHandle | string =>
		port !== 0 && bound.some((listener) => listener.port === port) ? 'EADDRINUSE' : bind(host, port);
	const accept = ({ name, key, host }: PortPlan, handle: ServerHandle): void => {
		bound.push({ name, key, host, port: boundPort(handle), handle });
	};
	for (const plan of plans) {
		const { key, host, port, fallbackPort } = plan;
		const handle = attempt(host, port);
		if (typeof handle !== 'string') {
			accept(plan, handle);
			continue;
		}
		const problem = bindProblem(key, host, port, handle);
		const fallback = fallbackPort === null || !GIVES_WAY.includes(handle) ? null : attempt(host, fallbackPort);
		if (fallbackPort === null || fallback === null) {
			problems.push(problem);
		} else if (typeof fallback === 'string') {
			problems.push(problem, bindProblem(key, host, fallbackPort, fallback));
		} else {
			warn(`${problem}; using port ${boundPort(fallback)}`);
			accept(plan, fallback);
		}
	}
	if (problems.length > 0) {
		closeListeners(bound);
		throw new ConfigError(problems);
	}
	return bound;
}

/** Ports by listener; a Unix socket has none. */
export function portsOf(listeners: readonly Listener[]): Partial<Record<ListenerName, number>> {
	return Object.fromEntries(listeners.filter(({ port }) => port > 0).map(({ name, port }) => [name, port]));
}

/** Gives the ports up, as far as this process is concerned. */
export function closeListeners(listeners: readonly Listener[]): void {
	for (const { handle } of listeners) {
		handle.close();
	}
}

/** Why a port cannot be had, as one line. */
export function bindProblem(key: string, host: string, port: number, error: string): string {
	return `${key}: port ${port} on ${host}: ${REASONS[error] ?? error}`;
}

function bind(host: string, port: number): ServerHandle | string {
	const handle = bindHandle(host, port);
	const noIpv6 = handle === 'EAFNOSUPPORT' || handle === 'EADDRNOTAVAIL';
	return host === ANY_IPV6 && noIpv6 ? bindHandle(ANY_IPV4, port) : handle;
}
