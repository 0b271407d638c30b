import { Access } from '../access/access.js';
import { LISTENERS, type ListenerName, listenersOf } from '../config/listeners.js';
import type { Config } from '../config/schema.js';
import { FileServer } from '../files/file-server.js';
import type { FileSource } from '../files/file-source.js';
import { publicFiles } from '../files/public-files.js';
import { LiveSources } from '../live/source-set.js';
import { AccessLog } from '../log/access-log.js';
import { createLogger, type Logger } from '../log/logger.js';
import { RepeatReporter } from '../log/repeat-reporter.js';
import { Counters } from '../metrics/counters.js';
import { ConnectionLimits } from '../stream/connection-limits.js';
import { StreamDirectory } from '../stream/directory.js';
import { HubSet } from '../stream/play/hub-set.js';
import { audienceReporter, StreamFinder } from '../stream/stream-finder.js';
import type { CoordinatorToThread, ThreadData, ThreadToCoordinator } from '../stream/thread-messages.js';
import type { DeliveryServices } from './delivery-services.js';
import { HttpServer } from './http-server.js';
import type { PushGate } from './push-gate.js';
import { PushPorts } from './push-ports.js';
import { Router } from './router.js';

/** The share of the deadline that is kept for telling the coordinator. */
const DRAIN_RESERVE_MS = 500;

/**
 * The sources of a delivery thread outside its process. By default streams, pushes and live files are its process's,
 * other files this machine's.
 */
export type DeliveryFeed = {
	/** The rules that requests are put to. */
	access?: Access;
	/** These files are all there is. */
	filesOnly?: FileSource;
	/** The receiver of pushes. */
	pushes?: PushGate;
	/** The source of live files. */
	liveFiles?: FileSource;
};

/** A delivery thread: HTTP-FLV and WebSocket-FLV, push and play, and files. */
export class DeliveryRole {
	readonly #data: ThreadData;
	readonly #send: (message: ThreadToCoordinator) => void;
	readonly #services: DeliveryServices;
	/** For other processes of this server. */
	readonly #internal: DeliveryServices;
	readonly #pushPorts = new PushPorts();
	readonly #limits: ConnectionLimits;
	readonly #accessLog: AccessLog | null;
	readonly #servers: { name: ListenerName; server: HttpServer; router: Router }[];

	constructor(
		data: ThreadData,
		send: (message: ThreadToCoordinator) => void,
		log?: Logger,
		{ access, filesOnly, pushes, liveFiles }: DeliveryFeed = {},
	) {
		const { config, index, kind } = data;
		this.#data = data;
		this.#send = send;
		const directory = new StreamDirectory(data.streams);
		const counters = new Counters(data.counters);
		const ownLog = log ?? createLogger(config.log.level, { thread: `${kind}-${index}` });
		const refusals = new RepeatReporter(ownLog);
		const hubs = new HubSet({ directory, config, counters, log: ownLog, onAudience: audienceReporter(data, send) });
		const finder = new StreamFinder({ directory, relay: data.relay, log: ownLog, send });
		const onFault = (fault: string, detail: string): void => refusals.report(fault, detail);
		const { accessLog, accessLogFormat } = config.files;
		this.#accessLog = accessLog === '' ? null : new AccessLog(accessLog, accessLogFormat, onFault);
		const configOf = (): Config => this.#services.config;
		const memoryBytes = config.files.memory;
		const source = filesOnly ?? publicFiles({ config: configOf, memoryBytes, counters, wholeRoot: false });
		const fileServer = { counters, accessLog: this.#accessLog, onFault };
		this.#services = {
			access: access ?? new Access(`${data.relay.processId}-${kind}-${index}`, ownLog),
			...{ config, directory, finder, hubs, counters, log: ownLog, refusals },
			live: filesOnly === undefined ? new LiveSources(directory) : null,
			server: data.server,
			pushes: pushes ?? this.#pushPorts,
			files: new FileServer({ ...fileServer, source }),
			liveFiles: liveFiles === undefined ? null : new FileServer({ ...fileServer, source: liveFiles }),
			internal: false,
		};
		this.#internal = internalServices(this.#services, source);
		this.#limits = new ConnectionLimits(config, data.connections);
		this.#servers = listenersOf('delivery').map((name) => {
			const services = name === 'internal' ? this.#internal : this.#services;
			const router = new Router(services, name);
			const limits = name === 'internal' ? null : this.#limits;
			return { name, router, server: new HttpServer(services, limits, router, LISTENERS[name].streams) };
		});
	}

	async start(): Promise<void> {
		for (const { name, server } of this.#servers) {
			const fd = this.#data.listeners[name];
			if (fd !== undefined) {
				await server.listen(fd);
			}
		}
	}

	handle(message: CoordinatorToThread): void {
		const { config, directory, finder, hubs, log } = this.#services;
		switch (message.type) {
			case 'push-port':
				this.#pushPorts.add(message.index, message.port);
				break;
			case 'push-port-closed':
				this.#pushPorts.remove(message.index);
				break;
			case 'config':
				this.#services.config = message.config;
				this.#internal.config = message.config;
				this.#accessLog?.reopen();
				hubs.configure(message.config);
				this.#limits.configure(message.config);
				if (config.log.level !== message.config.log.level) {
					log.level = message.config.log.level;
				}
				for (const { server } of this.#servers) {
					server.configure();
				}
				break;
			case 'drain':
				void this.#drain(message.deadlineMs);
				break;
			case 'stream-missing':
				finder.apply(message);
				break;
			default:
				directory.apply(message);
		}
	}

	async #drain(deadlineMs: number): Promise<void> {
		const closed = this.#servers
			.filter(({ name }) => this.#data.listeners[name] !== undefined)
			.map(({ server }) => server.close());
		this.#services.hubs.closeAll('SERVER_STOPPING');
		this.#services.live?.close();
		for (const { router } of this.#servers) {
			router.drain();
		}
		await new Promise<void>((resolve) => {
			const timer = setTimeout(resolve, Math.max(0, deadlineMs - DRAIN_RESERVE_MS));
			void Promise.all(closed).then(() => {
				clearTimeout(timer);
				resolve();
			});
		});
		await this.#accessLog?.flush();
		this.#send({ type: 'drained' });
	}
}

/** The same streams for other processes of this server: whatever those ask for is counted and logged over there, for whom they ask. */
function internalServices(services: DeliveryServices, source: FileSource): DeliveryServices {
	const counters = new Counters();
	const { log, refusals } = services;
	const onFault = (fault: string, detail: string): void => refusals.report(fault, detail);
	return {
		...services,
		counters,
		files: new FileServer({ source, counters, accessLog: null, onFault }),
		log: log.child({}, { level: 'warn' }),
		internal: true,
	};
}
