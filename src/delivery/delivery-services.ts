import type { Config } from '../config/schema.js';
import type { LiveSources } from '../hls/live-sources.js';
import type { Logger } from '../log/logger.js';
import type { RepeatReporter } from '../log/repeat-reporter.js';
import type { Counters } from '../metrics/counters.js';
import type { StreamDirectory } from '../stream/directory.js';
import type { HubSet } from '../stream/hub-set.js';
import type { StreamFinder } from '../stream/stream-finder.js';
import type { FileServer } from './files/file-server.js';
import type { PushPorts } from './push-ports.js';

/** What sessions need of their thread. */
export type DeliveryServices = {
	/** The current one; replaced on reload. */
	config: Config;
	readonly directory: StreamDirectory;
	readonly finder: StreamFinder;
	readonly hubs: HubSet;
	/** Null where there are no streams. */
	readonly live: LiveSources | null;
	readonly pushes: PushPorts;
	readonly files: FileServer;
	readonly counters: Counters;
	readonly log: Logger;
	/** Requests and connections that never became a session. */
	readonly refusals: RepeatReporter;
};
