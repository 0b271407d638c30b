import { networkInterfaces } from 'node:os';
import type { AdminSource } from '../admin/admin-api.js';
import { AdminServer } from '../admin/admin-server.js';
import { ConfigError } from '../config/config-error.js';
import type { PortName } from '../config/listeners.js';
import { type ConfigSources, type LoadedConfig, loadConfig } from '../config/load.js';
import { portPlans } from '../config/port-plan.js';
import { applyReload } from '../config/reload.js';
import type { Config } from '../config/schema.js';
import type { Logger } from '../log/logger.js';
import type { PrimaryStatus } from '../metrics/primary-metrics.js';
import { sum } from '../metrics/stream-counts.js';
import type { ProcessPort } from '../process/process-port.js';
import { pageAddresses, publishAddresses } from './addresses.js';
import { drainChildren, killChildren } from './drain.js';
import { InternalSocket } from './internal-socket.js';
import { bindListeners, bindProblem, closeListeners, type Listener } from './listeners.js';
import { openFileLimit, openFilesWarning } from './open-files.js';
import { type ProcessPlan, planProcesses } from './processes.js';
import type { RoleChild } from './role-child.js';
import { ROLES, type RoleName } from './roles.js';
import { Statistics } from './statistics.js';
import { SupervisedProcess } from './supervised-process.js';

export type PrimaryOptions = {
	role: RoleName;
	version: string;
	sources: ConfigSources;
	loaded: LoadedConfig;
	/** Script of a role process. */
	entry: URL;
	log: Logger;
	/** Takes the lines that role processes log. */
	writeLine: (line: string) => void;
};

/** Ports as they were bound, by listener; `admin` among them. */
export type BoundPorts = Partial<Record<PortName | 'admin', number>>;

/**
 * The process that owns the listening sockets and keeps the role processes running. It never accepts on those sockets and never
 * touches media. Used once: start, any number of reloads, stop.
 */
export class Primary implements AdminSource {
	readonly #options: PrimaryOptions;
	readonly #log: Logger;
	readonly #startedAtMs = Date.now();
	#config: Config;
	#state: PrimaryStatus['state'] = 'starting';
	#listeners: Listener[] = [];
	#processes: readonly SupervisedProcess[] = [];
	/** Between an origin process and those that deliver for it; null where there are none. */
	#internal: InternalSocket | null = null;
	#admin: AdminServer | null = null;
	#statistics: Statistics | null = null;
	#onStarted: ((problem: ConfigError | null) => void) | null = null;

	constructor(options: PrimaryOptions) {
		this.#options = options;
		this.#config = options.loaded.config;
		this.#log = options.log;
	}

	/** Binds the ports and starts the role processes; resolves when all are ready. Throws ConfigError when a port cannot be had. */
	async start(): Promise<BoundPorts> {
		const { role, loaded } = this.#options;
		const { config, origins } = loaded;
		const plans = portPlans(ROLES[role].listeners, config, origins);
		this.#listeners = bindListeners(plans, (problem) => this.#log.warn(problem));
		const processes = planProcesses(role, this.#config);
		if (processes.some(({ fedByOrigin }) => fedByOrigin)) {
			this.#internal = new InternalSocket();
		}
		const ports: BoundPorts = Object.fromEntries(this.#listeners.map(({ name, port }) => [name, port]));
		const adminPort = await this.#listenAdmin();
		if (adminPort !== null) {
			ports.admin = adminPort;
		}
		const filesWarning = openFilesWarning(this.#config.limits.connections, openFileLimit());
		if (filesWarning !== null) {
			this.#log.warn(filesWarning);
		}
		const problem = await new Promise<ConfigError | null>((resolve) => {
			this.#onStarted = resolve;
			this.#processes = processes.map((plan) => this.#supervise(plan));
			for (const supervised of this.#processes) {
				supervised.start();
			}
		});
		if (problem !== null) {
			throw problem;
		}
		if (this.#state === 'draining') {
			// Told to stop before it was ready: it must not come back to life.
			return ports;
		}
		this.#state = 'ready';
		this.#log.info({ ports }, 'ready');
		this.#sayAddresses(ports);
		const intervalMs = this.#config.log.statistics;
		this.#statistics = intervalMs === 0 ? null : new Statistics(() => this.processes(), intervalMs, this.#log);
		return ports;
	}

	/** Tells people where to go: what a port number means on this machine and in its network. */
	#sayAddresses(ports: BoundPorts): void {
		const interfaces = networkInterfaces();
		const pages = pageAddresses(this.#config.host, ports, interfaces);
		const targets = this.#options.role === 'origin' ? publishAddresses(this.#config.host, ports, interfaces) : [];
		if (pages.length > 0) {
			this.#log.info(`open ${pages.join(' or ')}`);
		}
		if (targets.length > 0) {
			this.#log.info(`publish to ${targets.map((target) => `${target}live/NAME`).join(' or ')}`);
		}
	}

	/** Reads the configuration again and applies what can be; a bad one is refused as a whole and the old one stays. */
	reload(): void {
		let wanted: LoadedConfig;
		try {
			wanted = loadConfig(this.#options.sources);
		} catch (error) {
			if (!(error instanceof ConfigError)) {
				throw error;
			}
			this.#log.error({ problems: error.problems }, 'configuration refused; the old one stays');
			return;
		}
		const { config, applied, needsRestart } = applyReload(this.#config, wanted.config);
		this.#config = config;
		this.#log.level = config.log.level;
		for (const supervised of this.#processes) {
			supervised.reload();
		}
		this.#log.info({ applied, needsRestart }, 'configuration read again');
	}

	/** Ends everything within the shutdown deadline: sessions are told, recordings finished. */
	async stop(): Promise<void> {
		const { deadline } = this.#config.shutdown;
		this.#state = 'draining';
		this.#log.info({ deadlineMs: deadline }, 'stopping');
		this.#giveUpPorts();
		const killed = await drainChildren(this.#children(), deadline);
		if (killed > 0) {
			this.#log.warn({ killed }, 'role processes did not end within the deadline');
		}
		await this.#admin?.close();
		this.#log.info('stopped');
	}

	/** Ends the role processes at once. */
	kill(): void {
		this.#state = 'draining';
		this.#giveUpPorts();
		killChildren(this.#children());
	}

	status(): PrimaryStatus {
		const { role, version } = this.#options;
		return {
			role,
			version,
			startedAtMs: this.#startedAtMs,
			state: this.#state,
			processes: this.#children().map(({ kind, index, pid, ready }) => ({ role: kind, index, pid, ready })),
			processRestarts: sum(this.#processes, ({ restarts }) => restarts),
		};
	}

	processes(): readonly ProcessPort[] {
		return this.#children().map((child) => child.port);
	}

	async #listenAdmin(): Promise<number | null> {
		const { host, port } = this.#config.admin;
		if (port === 'off') {
			return null;
		}
		this.#admin = new AdminServer(this, { host, port }, this.#log);
		try {
			return (await this.#admin.listen()).port;
		} catch (error) {
			closeListeners(this.#listeners);
			const { code = '' } = error as NodeJS.ErrnoException;
			const advice = code === 'EADDRINUSE' ? '; another role on the same machine takes --admin-port' : '';
			throw new ConfigError([bindProblem('admin.port', host, port, code) + advice]);
		}
	}

	#supervise(plan: ProcessPlan): SupervisedProcess {
		const { entry, writeLine } = this.#options;
		return new SupervisedProcess({
			plan,
			entry,
			config: () => this.#config,
			originSocket: this.#internal?.path ?? null,
			listeners: this.#internal === null ? this.#listeners : [...this.#listeners, this.#internal.listener],
			log: this.#log,
			writeLine,
			onReady: () => this.#onReady(),
			onCannotListen: ({ key, host, port }, error) =>
				this.#settleStart(new ConfigError([bindProblem(key, host, port, error)])),
		});
	}

	#onReady(): void {
		if (this.#processes.every(({ child }) => child?.ready)) {
			this.#settleStart(null);
		}
	}

	#settleStart(problem: ConfigError | null): void {
		this.#onStarted?.(problem);
		this.#onStarted = null;
	}

	/** From now on connection attempts are refused, not kept waiting, and nothing is started again. */
	#giveUpPorts(): void {
		this.#statistics?.close();
		closeListeners(this.#listeners);
		this.#listeners = [];
		this.#internal?.close();
		this.#internal = null;
		for (const supervised of this.#processes) {
			supervised.close();
		}
	}

	#children(): RoleChild[] {
		return this.#processes.flatMap(({ child }) => child ?? []);
	}
}
