import type { ListenOptions } from 'node:net';
import { Access } from '../access/access.js';
import { LISTENERS, listenersOf } from '../config/listeners.js';
import { createLogger, type Logger } from '../log/logger.js';
import { Counters } from '../metrics/counters.js';
import { LISTEN_BACKLOG } from '../stream/connection-limits.js';
import { StreamDirectory } from '../stream/directory.js';
import { HubSet } from '../stream/play/hub-set.js';
import { PublishRequests } from '../stream/publish/publish-requests.js';
import { audienceReporter, StreamFinder } from '../stream/stream-finder.js';
import type { CoordinatorToThread, ThreadData, ThreadToCoordinator } from '../stream/thread-messages.js';
import { PushReceiver } from './push-receiver.js';
import { RtmpServer } from './rtmp-server.js';

/** The share of the deadline that is kept for telling the coordinator. */
const DRAIN_RESERVE_MS = 500;

/** An ingest thread: RTMP sessions, publishers and players, and the parsing of everything that is pushed. */
export class IngestRole {
	/** The requests to publish of this thread's sessions. */
	readonly requests: PublishRequests;
	readonly #data: ThreadData;
	readonly #send: (message: ThreadToCoordinator) => void;
	readonly #directory: StreamDirectory;
	readonly #hubs: HubSet;
	readonly #finder: StreamFinder;
	readonly #rtmp: RtmpServer;
	readonly #pushes = new Map<number, PushReceiver>();
	readonly #log: Logger;

	constructor(data: ThreadData, send: (message: ThreadToCoordinator) => void, log?: Logger) {
		const { config, index, kind } = data;
		this.#data = data;
		this.#send = send;
		this.#log = log ?? createLogger(config.log.level, { thread: `${kind}-${index}` });
		const counters = new Counters(data.counters);
		this.#directory = new StreamDirectory(data.streams);
		const parts = { config, counters, directory: this.#directory, log: this.#log };
		this.#hubs = new HubSet({ ...parts, onAudience: audienceReporter(data, send) });
		this.#finder = new StreamFinder({ directory: this.#directory, relay: data.relay, log: this.#log, send });
		this.requests = new PublishRequests({ config, log: this.#log, send });
		this.#rtmp = new RtmpServer(
			{
				...parts,
				access: new Access(`${data.relay.processId}-${kind}-${index}`, this.#log),
				requests: this.requests,
				finder: this.#finder,
				hubs: this.#hubs,
			},
			data.connections,
		);
	}

	async start(): Promise<void> {
		for (const name of listenersOf('ingest')) {
			const fd = this.#data.listeners[name];
			if (fd !== undefined) {
				await this.#rtmp.listen(inherited(fd), LISTENERS[name].tls);
			}
		}
	}

	handle(message: CoordinatorToThread): void {
		switch (message.type) {
			case 'publish-verdict':
			case 'revoke':
				this.requests.handle(message);
				break;
			case 'push-port': {
				this.#pushes.get(message.index)?.close();
				const receiver = new PushReceiver({ port: message.port, requests: this.requests, config: this.#data.config });
				this.#pushes.set(message.index, receiver);
				break;
			}
			case 'config':
				this.#data.config = message.config;
				this.#hubs.configure(message.config);
				this.requests.configure(message.config);
				this.#rtmp.configure(message.config);
				this.#log.level = message.config.log.level;
				for (const receiver of this.#pushes.values()) {
					receiver.config = message.config;
				}
				break;
			case 'drain':
				void this.#drain(message.deadlineMs);
				break;
			case 'stream-missing':
				this.#finder.apply(message);
				break;
			default:
				this.#directory.apply(message);
		}
	}

	async #drain(deadlineMs: number): Promise<void> {
		this.#hubs.closeAll('SERVER_STOPPING');
		await this.#rtmp.drain(Math.max(0, deadlineMs - DRAIN_RESERVE_MS));
		this.requests.close('SERVER_STOPPING');
		this.#send({ type: 'drained' });
	}
}

/** Node listens on descriptors, but its types do not say so of these options. */
function inherited(fd: number): ListenOptions & { fd: number } {
	return { fd, backlog: LISTEN_BACKLOG };
}
