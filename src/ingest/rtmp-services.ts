import type { Access } from '../access/access.js';
import type { AccessRequest } from '../access/request.js';
import type { Config } from '../config/schema.js';
import type { PeerError } from '../errors.js';
import type { Logger } from '../log/logger.js';
import type { Counters } from '../metrics/counters.js';
import type { PlayProtocol } from '../protocol/protocols.js';
import type { RtmpConnection } from '../protocol/rtmp/connection.js';
import type { StreamDirectory } from '../stream/directory.js';
import type { SubscriberPort, Subscription } from '../stream/play/subscriber.js';
import type { Publication } from '../stream/publish/publication.js';
import type { PublishRequests } from '../stream/publish/publish-requests.js';
import type { StreamFinder } from '../stream/stream-finder.js';
import type { StreamInfo } from '../stream/thread-messages.js';
import type { QueriedName } from './rtmp-names.js';

/** The part of a publication that a session uses. */
export type PublishRight = Pick<Publication, 'push' | 'close'>;

/** RTMP sessions take these from their thread. */
export type RtmpServices = {
	/** The current one; replaced on reload. */
	config: Config;
	readonly access: Access;
	readonly requests: { open(...wish: Parameters<PublishRequests['open']>): Promise<PublishRight> };
	readonly hubs: { of(stream: StreamInfo): { subscribe(port: SubscriberPort): Subscription } };
	readonly directory: StreamDirectory;
	readonly finder: StreamFinder;
	readonly counters: Counters;
	readonly log: Logger;
};

/** The session's side of the streams on its connection. */
export type StreamHost = {
	readonly connection: RtmpConnection;
	readonly services: RtmpServices;
	readonly protocol: PlayProtocol;
	/** The peer's `address:port`. */
	readonly address: string;
	/** The processes that a relay names (protocol/relay.ts). */
	readonly via: readonly string[];
	readonly resumeMs: number | undefined;
	/** The request of something on this connection, which is of the app that it connected to. */
	accessRequest(
		action: AccessRequest['action'],
		asked: QueriedName,
		more?: Partial<Pick<AccessRequest, 'publishType' | 'play'>>,
	): AccessRequest;
	/** The stream is over by itself; without another one on the connection, so is the session. */
	finished(messageStreamId: number, error: PeerError): void;
};
