import type { ListenerName } from '../config/listeners.js';
import type { Config } from '../config/schema.js';
import type { Logger } from '../log/logger.js';
import { RestartBackoff } from '../process/restart-backoff.js';
import { threadCounts } from '../process/thread-counts.js';
import { type Listener, portsOf } from './listeners.js';
import { PROCESSES, type ProcessPlan } from './processes.js';
import { RoleChild } from './role-child.js';

/** Descriptors for threads that are started again; when a process has used them up it is started again itself. */
const SPARE_DESCRIPTORS = 16;
/** The role process spends one to put the socket into the listening state. */
const LISTENING_DESCRIPTORS = 1;

export type SupervisedProcessParts = {
	plan: ProcessPlan;
	/** Script of a role process. */
	entry: URL;
	/** The role's, at present. */
	config: () => Config;
	/** The socket of the role's origin process; null where nobody needs one. */
	originSocket: string | null;
	/** The listeners of the role. The process inherits those that are for its kind. */
	listeners: readonly Listener[];
	log: Logger;
	/** Takes the lines that the process logs. */
	writeLine: (line: string) => void;
	onReady: () => void;
	/** A port cannot be listened on: another program was quicker. */
	onCannotListen: (listener: Listener, error: string) => void;
};

/** One role process over all its lives: started again when it dies or hangs, until `close`. */
export class SupervisedProcess {
	readonly plan: ProcessPlan;
	readonly #parts: SupervisedProcessParts;
	readonly #backoff = new RestartBackoff();
	#child: RoleChild | null = null;
	#restartTimer: NodeJS.Timeout | undefined;
	#restarts = 0;
	#closed = false;

	constructor(parts: SupervisedProcessParts) {
		this.plan = parts.plan;
		this.#parts = parts;
	}

	/** Null between two lives. */
	get child(): RoleChild | null {
		return this.#child;
	}

	/** Times that it had to be started again. */
	get restarts(): number {
		return this.#restarts;
	}

	start(): void {
		const { plan, entry, originSocket, listeners, log, writeLine, onReady, onCannotListen } = this.#parts;
		const { kind, index } = plan;
		const config = plan.configure(this.#parts.config());
		const { topology } = PROCESSES[kind];
		const inherited: readonly ListenerName[] = PROCESSES[kind].listeners;
		const counts = threadCounts(config, topology);
		const child = new RoleChild(
			{
				kind,
				index,
				entry,
				config,
				originSocket: plan.fedByOrigin ? (originSocket ?? undefined) : undefined,
				ports: portsOf(listeners),
				listeners: listeners.filter(({ name }) => inherited.includes(name)),
				descriptorsPerListener: Math.max(counts.ingest, counts.delivery) + SPARE_DESCRIPTORS + LISTENING_DESCRIPTORS,
				log,
				writeLine,
			},
			{
				ready: () => {
					log.info({ kind, index, pid: child.pid }, 'role process ready');
					onReady();
				},
				cannotListen: onCannotListen,
				exited: (reason, livedMs, servedMs) => this.#onExited(child, reason, livedMs, servedMs),
			},
		);
		this.#child = child;
		log.info({ kind, index, pid: child.pid }, 'role process started');
	}

	reload(): void {
		this.#child?.reload(this.plan.configure(this.#parts.config()));
	}

	/** From now on nothing is started again. */
	close(): void {
		this.#closed = true;
		clearTimeout(this.#restartTimer);
	}

	#onExited({ pid }: RoleChild, reason: string, livedMs: number, servedMs: number | null): void {
		this.#child = null;
		if (this.#closed) {
			return;
		}
		const { kind, index } = this.plan;
		const delayMs = this.#backoff.delayAfter(livedMs, servedMs);
		this.#restarts += 1;
		const facts = { kind, index, pid, reason, restartInMs: delayMs };
		this.#parts.log.error(facts, 'role process is gone and will be replaced');
		this.#restartTimer = setTimeout(() => this.start(), delayMs);
	}
}
