import type { Config } from '../config/schema.js';
import type { ErrorCode, PeerError } from '../errors.js';
import type { Logger } from '../log/logger.js';
import type { Counters } from '../metrics/counters.js';
import type { RtmpConnection } from '../protocol/rtmp/connection.js';
import type { StreamDirectory } from '../stream/directory.js';
import type { SubscriberPort, Subscription } from '../stream/play/subscriber.js';
import type { StreamFinder } from '../stream/stream-finder.js';
import type { Protocol, PublisherInfo, StreamInfo } from '../stream/thread-messages.js';
import type { StreamName } from '../stream-name.js';

/** The right to publish one stream. */
export type Publication = {
	/** Takes an FLV tag body (8 audio, 9 video, 18 script data), borrowed until return. @throws PeerError */
	push(tagType: 8 | 9 | 18, timestampMs: number, body: Uint8Array): void;
	close(code: ErrorCode): void;
};

/** Where a publication is asked for. */
export type PublishRequests = {
	/** Rejects with PeerError when refused. `onRevoked` is called at most once; the publication is over then. */
	open(
		name: StreamName,
		publisher: PublisherInfo,
		onRevoked: (code: ErrorCode, message: string) => void,
	): Promise<Publication>;
};

/** What RTMP sessions need of their thread. */
export type RtmpServices = {
	/** The current one; replaced on reload. */
	config: Config;
	readonly requests: PublishRequests;
	readonly hubs: { of(stream: StreamInfo): { subscribe(port: SubscriberPort): Subscription } };
	readonly directory: StreamDirectory;
	readonly finder: StreamFinder;
	readonly counters: Counters;
	readonly log: Logger;
};

/** What a session lends to the streams on its connection. */
export type StreamHost = {
	readonly connection: RtmpConnection;
	readonly services: RtmpServices;
	readonly protocol: Protocol;
	/** Of the peer, as `address:port`. */
	readonly address: string;
	readonly app: string;
	/** What a relay says (protocol/relay.ts). */
	readonly via: readonly string[];
	readonly resumeMs: number | undefined;
	/** Query that came with the app. */
	readonly appQuery: string;
	/** The stream is over by itself; without another one on the connection, so is the session. */
	finished(messageStreamId: number, error: PeerError): void;
};
