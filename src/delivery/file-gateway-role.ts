import { CacheTier } from '../files/cache/cache-tier.js';
import type { FileSource } from '../files/file-source.js';
import { publicFiles } from '../files/public-files.js';
import { createLogger } from '../log/logger.js';
import { RepeatReporter } from '../log/repeat-reporter.js';
import { Counters } from '../metrics/counters.js';
import type { CoordinatorToThread, ThreadData, ThreadToCoordinator } from '../stream/thread-messages.js';
import { DeliveryRole } from './delivery-role.js';

/** A delivery thread of a file gateway: files of a directory, or of upstreams, and no streams. */
export class FileGatewayRole {
	readonly #delivery: DeliveryRole;
	/** Null when the files are on this machine. */
	readonly #cache: CacheTier | null;
	#config: ThreadData['config'];

	constructor(data: ThreadData, send: (message: ThreadToCoordinator) => void) {
		const { index, kind, relay, filesOnly } = data;
		this.#config = data.config;
		const log = createLogger(data.config.log.level, { thread: `${kind}-${index}` });
		const config = (): ThreadData['config'] => this.#config;
		const counters = new Counters(data.counters);
		const faults = new RepeatReporter(log);
		this.#cache =
			data.config.gateway.upstreams.length === 0
				? null
				: new CacheTier({
						config,
						index,
						threads: filesOnly?.threads ?? 1,
						processId: relay.processId,
						counters,
						onFault: (fault, detail) => faults.report(fault, detail),
					});
		const memoryBytes = data.config.files.memory;
		const source: FileSource = this.#cache ?? publicFiles({ config, memoryBytes, counters, wholeRoot: true });
		this.#delivery = new DeliveryRole(data, send, log, { filesOnly: source });
	}

	async start(): Promise<void> {
		await this.#cache?.start();
		await this.#delivery.start();
	}

	handle(message: CoordinatorToThread): void {
		switch (message.type) {
			case 'peer-port':
				this.#cache?.addPeer(message.index, message.port);
				break;
			case 'peer-port-closed':
				this.#cache?.removePeer(message.index);
				break;
			case 'config':
				this.#config = message.config;
				this.#cache?.configure();
				this.#delivery.handle(message);
				break;
			default:
				this.#delivery.handle(message);
		}
	}
}
