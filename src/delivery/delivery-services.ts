import type { Access } from '../access/access.js';
import type { Config } from '../config/schema.js';
import type { FileServer } from '../files/file-server.js';
import type { LiveSources } from '../live/source-set.js';
import type { Logger } from '../log/logger.js';
import type { RepeatReporter } from '../log/repeat-reporter.js';
import type { Counters } from '../metrics/counters.js';
import type { StreamDirectory } from '../stream/directory.js';
import type { HubSet } from '../stream/play/hub-set.js';
import type { StreamFinder } from '../stream/stream-finder.js';
import type { ServerFacts } from '../stream/thread-messages.js';
import type { PushGate } from './push-gate.js';

/** The services of their thread that sessions need. */
export type DeliveryServices = {
	/** The current one; replaced on reload. */
	config: Config;
	readonly access: Access;
	readonly directory: StreamDirectory;
	readonly finder: StreamFinder;
	readonly hubs: HubSet;
	/** Null where there are no streams. */
	readonly live: LiveSources | null;
	readonly pushes: PushGate;
	readonly files: FileServer;
	/** Serves what is live when that is in another process; null = it is in `live`. */
	readonly liveFiles: FileServer | null;
	/** True when the peers are other processes of this server, which count and log their own viewers and publishers. */
	readonly internal: boolean;
	readonly server: ServerFacts;
	readonly counters: Counters;
	readonly log: Logger;
	/** Requests and connections that never became a session. */
	readonly refusals: RepeatReporter;
};
