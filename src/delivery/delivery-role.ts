import type { Config } from '../config/schema.js';
import { LiveSources } from '../hls/live-sources.js';
import { AccessLog } from '../log/access-log.js';
import { createLogger, type Logger } from '../log/logger.js';
import { RepeatReporter } from '../log/repeat-reporter.js';
import { Counters } from '../metrics/counters.js';
import { ConnectionLimits } from '../stream/connection-limits.js';
import { StreamDirectory } from '../stream/directory.js';
import { HubSet } from '../stream/hub-set.js';
import { audienceReporter, StreamFinder } from '../stream/stream-finder.js';
import type { CoordinatorToThread, ListenerName, ThreadData, ThreadToCoordinator } from '../stream/thread-messages.js';
import type { DeliveryServices } from './delivery-services.js';
import { FileServer } from './files/file-server.js';
import type { FileSource } from './files/file-source.js';
import { publicFiles } from './files/public-files.js';
import { HttpServer } from './http-server.js';
import { PushPorts } from './push-ports.js';
import { Router } from './router.js';

/** Of the deadline, what is kept for saying that we are done. */
const DRAIN_RESERVE_MS = 500;

/** A delivery thread: HTTP-FLV and WebSocket-FLV, push and play, and files. */
export class DeliveryRole {
	readonly #data: ThreadData;
	readonly #send: (message: ThreadToCoordinator) => void;
	readonly #services: DeliveryServices;
	readonly #limits: ConnectionLimits;
	readonly #accessLog: AccessLog | null;
	readonly #servers: { name: ListenerName; server: HttpServer; router: Router }[];

	/** @param filesOnly what a gateway of files serves from; without it, streams are served too, and the files of this machine. */
	constructor(data: ThreadData, send: (message: ThreadToCoordinator) => void, log?: Logger, filesOnly?: FileSource) {
		const { config, index, role } = data;
		this.#data = data;
		this.#send = send;
		const directory = new StreamDirectory(data.streams);
		const counters = new Counters(data.counters);
		const ownLog = log ?? createLogger(config.log.level, { thread: `${role}-${index}` });
		const refusals = new RepeatReporter(ownLog);
		const hubs = new HubSet({ directory, config, counters, log: ownLog, onAudience: audienceReporter(data, send) });
		const finder = new StreamFinder({ directory, relay: data.relay, log: ownLog, send });
		const onFault = (fault: string, detail: string): void => refusals.report(fault, detail);
		const { accessLog, accessLogFormat } = config.files;
		this.#accessLog = accessLog === '' ? null : new AccessLog(accessLog, accessLogFormat, onFault);
		const configOf = (): Config => this.#services.config;
		const memoryBytes = config.files.memory;
		const source = filesOnly ?? publicFiles({ config: configOf, memoryBytes, counters, wholeRoot: false });
		const files = new FileServer({ source, counters, accessLog: this.#accessLog, onFault });
		const live = filesOnly === undefined ? new LiveSources(directory) : null;
		const pushes = new PushPorts();
		this.#services = { config, directory, finder, hubs, live, pushes, files, counters, log: ownLog, refusals };
		this.#limits = new ConnectionLimits(config, data.connections);
		this.#servers = (['http', 'files'] as const).map((name) => {
			const router = new Router(this.#services, name === 'http');
			return { name, router, server: new HttpServer(this.#services, this.#limits, router, name === 'http') };
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
		const { config, directory, finder, hubs, log, pushes } = this.#services;
		switch (message.type) {
			case 'push-port':
				pushes.add(message.index, message.port);
				break;
			case 'push-port-closed':
				pushes.remove(message.index);
				break;
			case 'config':
				this.#services.config = message.config;
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
