import type { Config } from '../config/schema.js';
import type { ErrorCode, PeerError } from '../errors.js';
import type { Logger } from '../log/logger.js';
import type { Counters } from '../metrics/counters.js';
import type { StreamDirectory } from '../stream/directory.js';
import type { HubSet } from '../stream/hub-set.js';
import type { Protocol } from '../stream/thread-messages.js';
import type { PushPorts } from './push-ports.js';

/** What sessions need of their thread. */
export type DeliveryServices = {
	/** The current one; replaced on reload. */
	config: Config;
	readonly directory: StreamDirectory;
	readonly hubs: HubSet;
	readonly pushes: PushPorts;
	readonly counters: Counters;
	readonly log: Logger;
};

/** Who a session is, for its line in the log. */
export type SessionFacts = {
	protocol: Protocol;
	role: 'player' | 'publisher';
	/** Of the peer, as `address:port`. */
	address: string;
	app: string;
	stream: string;
	startedAtMs: number;
};

/** Counts and logs the end of a session: once for each. */
export function reportSessionEnd(
	{ counters, log }: DeliveryServices,
	{ startedAtMs, ...facts }: SessionFacts,
	end: Pick<PeerError, 'message'> & { code: ErrorCode },
	traffic: { bytesIn: number; bytesOut: number; skips?: number },
): void {
	counters.countClosed(end.code);
	const durationMs = Math.round(performance.now() - startedAtMs);
	log.info({ ...facts, code: end.code, reason: end.message, ...traffic, durationMs }, 'session ended');
}
