import cluster, { type Worker } from 'node:cluster';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/schema.js';
import { assert } from '../errors.js';
import { LineSplitter } from '../log/line-splitter.js';
import type { Logger } from '../log/logger.js';
import { ProcessPort } from '../process/process-port.js';
import type { Listener } from './listeners.js';
import { type PrimaryMessage, type RoleMessage, roleMessageOf, type StartMessage } from './messages.js';
import type { ProcessKind } from './processes.js';

/** Unanswered pings after which a role process is taken to hang. Counted, not timed: a suspended machine is no hang. */
const MAX_MISSED_PONGS = 10;
/** Until it has loaded: that may take long on a busy machine. */
const MAX_MISSED_PONGS_AT_START = 60;
const PING_INTERVAL_MS = 1000;

/**
 * For all threads of a role process. The heap of a thread that moves media is small, and what lies outside of it counts as its growth:
 * with V8's own beginning, a remux thread of 100 recorded streams collects everything once a second. CPU of such a server, in turns:
 * 18.1 and 20.0 % of a core without, 17.0 and 16.3 with 64 MiB; another time 18.7 and 17.8 with 64, 17.4 and 15.6 with 160. Memory at
 * 8,000 viewers: 193 MB without, 205 with 64, 203 with 128.
 */
const ROLE_PROCESS_FLAGS = ['--initial-old-space-size=128'];

export type RoleChildOptions = {
	kind: ProcessKind;
	index: number;
	/** Script that the process runs. */
	entry: URL;
	config: Config;
	/** Only for a delivery process. */
	originSocket: string | undefined;
	/** Bound ports of the whole role. */
	ports: StartMessage['ports'];
	listeners: readonly Listener[];
	/** Duplicates of every listening descriptor that the process gets. */
	descriptorsPerListener: number;
	log: Logger;
	/** Takes the lines that the process logs, each with its line feed. */
	writeLine: (line: string) => void;
};

export type RoleChildListener = {
	ready(): void;
	cannotListen(listener: Listener, error: string): void;
	/** After this nothing more comes. `reason` is `exit code 1` or `signal SIGKILL`; `servedMs` is null if it was never ready. */
	exited(reason: string, livedMs: number, servedMs: number | null): void;
};

/** One role process as the primary sees it, from its fork to its end. */
export class RoleChild {
	readonly kind: ProcessKind;
	readonly index: number;
	readonly port: ProcessPort;
	/** Resolves when the process has ended and its last log line has been read. */
	readonly gone: Promise<void>;
	readonly #worker: Worker;
	readonly #log: Logger;
	readonly #start: StartMessage;
	readonly #listeners: readonly Listener[];
	readonly #pingTimer: NodeJS.Timeout;
	readonly #startedAt = performance.now();
	#loaded = false;
	#ready = false;
	#readyAt: number | null = null;
	#missedPongs = 0;

	/** Forks the process and starts it. */
	constructor(options: RoleChildOptions, listener: RoleChildListener) {
		const { kind, index, config, originSocket, ports } = options;
		this.kind = kind;
		this.index = index;
		this.#log = options.log;
		this.#listeners = options.listeners;
		this.port = new ProcessPort(kind, (message) => this.#send(message));
		const { stdio, descriptors } = inheritance(options);
		this.#start = { type: 'start', kind, index, config, originSocket, ports, descriptors };
		const execArgv = [...process.execArgv, ...ROLE_PROCESS_FLAGS];
		cluster.setupPrimary({ exec: fileURLToPath(options.entry), args: [], execArgv, stdio });
		this.#worker = cluster.fork();
		this.#worker.on('message', (message) => this.#onMessage(message, listener));
		this.#worker.on('error', (error) => this.#log.warn({ err: error, pid: this.pid }, 'role process channel failed'));
		this.#worker.once('exit', (code, signal) => this.#onExit(code, signal, listener));
		this.gone = new Promise((resolve) => this.#worker.process.once('close', () => resolve()));
		this.#readLog(options.writeLine);
		this.#pingTimer = setInterval(() => this.#ping(), PING_INTERVAL_MS);
	}

	get pid(): number {
		return this.#worker.process.pid ?? 0;
	}

	get ready(): boolean {
		return this.#ready;
	}

	reload(config: Config): void {
		this.#start.config = config;
		this.#send({ type: 'reload', config });
	}

	/** Asks the process to end politely within `deadlineMs`; one that has not even loaded has nothing to end. */
	drain(deadlineMs: number): void {
		if (this.#loaded) {
			this.#send({ type: 'drain', deadlineMs });
		} else {
			this.kill();
		}
	}

	kill(): void {
		this.#worker.process.kill('SIGKILL');
	}

	#onMessage(received: unknown, listener: RoleChildListener): void {
		const message = roleMessageOf(received);
		switch (message.type) {
			case 'loaded':
				this.#loaded = true;
				this.#missedPongs = 0;
				this.#send(this.#start);
				break;
			case 'ready':
				this.#ready = true;
				this.#readyAt = performance.now();
				listener.ready();
				break;
			case 'pong':
				this.#missedPongs = 0;
				break;
			case 'cannot-listen':
				this.#onCannotListen(message, listener);
				break;
			case 'answer':
				this.port.deliver(message);
				break;
		}
	}

	#onCannotListen(
		{ listener: name, error }: Extract<RoleMessage, { type: 'cannot-listen' }>,
		listener: RoleChildListener,
	): void {
		const socket = this.#listeners.find((each) => each.name === name);
		assert(socket !== undefined, 'a role process has the listeners that it was given');
		listener.cannotListen(socket, error);
	}

	#onExit(code: number, signal: string, listener: RoleChildListener): void {
		clearInterval(this.#pingTimer);
		this.#ready = false;
		this.port.close();
		const now = performance.now();
		const servedMs = this.#readyAt === null ? null : now - this.#readyAt;
		listener.exited(signal ? `signal ${signal}` : `exit code ${code}`, now - this.#startedAt, servedMs);
	}

	#readLog(writeLine: (line: string) => void): void {
		const lines = new LineSplitter(writeLine);
		const { stdout } = this.#worker.process;
		stdout?.setEncoding('utf8');
		stdout?.on('data', (text: string) => lines.push(text));
		stdout?.on('end', () => lines.end());
	}

	#ping(): void {
		if (this.#missedPongs >= (this.#loaded ? MAX_MISSED_PONGS : MAX_MISSED_PONGS_AT_START)) {
			this.#log.error({ pid: this.pid }, 'role process hangs: killed');
			this.kill();
			return;
		}
		this.#missedPongs += 1;
		this.#send({ type: 'ping' });
	}

	/** Before the process has loaded nothing is sent, it would be lost; `start` tells it all. Nor to one that is just ending. */
	#send(message: PrimaryMessage): void {
		if (this.#loaded && this.#worker.isConnected()) {
			this.#worker.send(message);
		}
	}
}

type Inheritance = {
	stdio: ('ignore' | 'pipe' | 'inherit' | 'ipc' | number)[];
	descriptors: StartMessage['descriptors'];
};

/** Returns the child's descriptors: the standard ones, the IPC channel, and duplicates of every listening socket. */
function inheritance({ listeners, descriptorsPerListener }: RoleChildOptions): Inheritance {
	const stdio: Inheritance['stdio'] = ['ignore', 'pipe', 'inherit', 'ipc'];
	const descriptors: StartMessage['descriptors'] = {};
	for (const { name, handle } of listeners) {
		const first = stdio.length;
		const indexes = Array.from({ length: descriptorsPerListener }, (_, index) => first + index);
		descriptors[name] = indexes;
		stdio.push(...indexes.map(() => handle.fd));
	}
	return { stdio, descriptors };
}
