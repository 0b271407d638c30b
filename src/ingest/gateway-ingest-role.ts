import { Agent, type AgentOptions } from 'node:http';
import type { Config } from '../config/schema.js';
import { createLogger, type Logger } from '../log/logger.js';
import { RepeatReporter } from '../log/repeat-reporter.js';
import { Counters } from '../metrics/counters.js';
import { Pull, type PullServices } from '../relay/pull.js';
import { Upstreams } from '../relay/upstreams.js';
import type { CoordinatorToThread, RelayWish, ThreadData, ThreadToCoordinator } from '../stream/thread-messages.js';
import type { StreamName } from '../stream-name.js';
import { IngestRole } from './ingest-role.js';

/** An ingest thread of a gateway: an ingest thread that also pulls what the coordinator wants of it. */
export class GatewayIngestRole {
	readonly #ingest: IngestRole;
	readonly #services: PullServices;
	readonly #pulls = new Map<string, Pull>();

	constructor(data: ThreadData, send: (message: ThreadToCoordinator) => void, log?: Logger) {
		const { config, kind, index, relay, originSocket: socketPath } = data;
		const ownLog = log ?? createLogger(config.log.level, { thread: `${kind}-${index}` });
		this.#ingest = new IngestRole(data, send, ownLog);
		this.#services = {
			config,
			processId: relay.processId,
			...(socketPath === undefined ? {} : { agent: unixAgent(socketPath) }),
			upstreams: new Upstreams(config.gateway.upstreams),
			requests: this.#ingest.requests,
			counters: new Counters(data.counters),
			log: ownLog,
			faults: new RepeatReporter(ownLog),
			send,
		};
	}

	start(): Promise<void> {
		return this.#ingest.start();
	}

	handle(message: CoordinatorToThread): void {
		switch (message.type) {
			case 'pull-start':
				this.#start(message.name, message);
				break;
			case 'pull-stop':
				this.#stop(message.name);
				break;
			case 'config':
				this.#configure(message.config);
				this.#ingest.handle(message);
				break;
			case 'drain':
				for (const pull of this.#pulls.values()) {
					pull.stop('SERVER_STOPPING');
				}
				this.#ingest.handle(message);
				break;
			default:
				this.#ingest.handle(message);
		}
	}

	#start(name: StreamName, wish: RelayWish): void {
		const key = name.key;
		const running = this.#pulls.get(key);
		if (running !== undefined) {
			running.follow(wish.via);
			return;
		}
		const pull = new Pull(this.#services, name, wish);
		this.#pulls.set(key, pull);
		pull.start();
	}

	#stop(name: StreamName): void {
		const key = name.key;
		this.#pulls.get(key)?.stop('STREAM_ENDED');
		this.#pulls.delete(key);
	}

	#configure(config: Config): void {
		this.#services.config = config;
		this.#services.upstreams.configure(config.gateway.upstreams);
	}
}

/** socketPath is missing in the types of Agent. */
function unixAgent(socketPath: string): Agent {
	const options: AgentOptions & { socketPath: string } = { socketPath };
	return new Agent(options);
}
