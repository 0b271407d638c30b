import type { Config } from '../config/schema.js';
import { CacheTier } from '../files/cache/cache-tier.js';
import { createLogger } from '../log/logger.js';
import { RepeatReporter } from '../log/repeat-reporter.js';
import { Counters } from '../metrics/counters.js';
import type { CoordinatorToThread, ThreadData, ThreadToCoordinator } from '../stream/thread-messages.js';
import { DeliveryRole } from './delivery-role.js';
import { OriginPushes } from './origin-pushes.js';

/** Parts and segments of the live edge: several seconds of many streams. */
const LIVE_CACHE_BYTES = 32 * 1024 * 1024;
/** An LL-HLS request waits at the origin process, the longest for a stream's first segment. */
const LIVE_TIMEOUT_MS = 30_000;

/**
 * A delivery thread of a delivery process: its streams are pulled from the origin process beside it, its pushes and all that is only in
 * that process's memory go there by the same Unix socket, and the files are the same as over there.
 */
export class OriginDeliveryRole {
	readonly #delivery: DeliveryRole;
	readonly #liveFiles: CacheTier;
	#live: Config;

	constructor(data: ThreadData, send: (message: ThreadToCoordinator) => void, socketPath: string) {
		const { config, index, kind, relay } = data;
		const log = createLogger(config.log.level, { thread: `${kind}-${index}` });
		const faults = new RepeatReporter(log);
		this.#live = liveConfig(config);
		this.#liveFiles = new CacheTier({
			config: () => this.#live,
			// Not one cache with the other threads: that would save one request in each part's life.
			...{ index: 0, threads: 1 },
			processId: relay.processId,
			socketPath,
			// The origin process is no upstream: what is asked there is not counted.
			counters: new Counters(),
			onFault: (fault, detail) => faults.report(fault, detail),
		});
		this.#delivery = new DeliveryRole(data, send, log, {
			pushes: new OriginPushes(socketPath),
			liveFiles: this.#liveFiles,
		});
	}

	start(): Promise<void> {
		return this.#delivery.start();
	}

	handle(message: CoordinatorToThread): void {
		if (message.type === 'config') {
			this.#live = liveConfig(message.config);
			this.#liveFiles.configure();
		}
		this.#delivery.handle(message);
	}
}

/** Nothing is trusted beyond what the origin process says of it. */
function liveConfig({ cache, gateway, ...config }: Config): Config {
	return {
		...config,
		cache: { ...cache, memory: LIVE_CACHE_BYTES, directory: '', notFound: 0, staleIfError: 0 },
		gateway: { ...gateway, stallTimeout: LIVE_TIMEOUT_MS },
	};
}
