import { splitCredentials } from '../protocol/credentials.js';
import { HttpTarget } from './http-target.js';
import type { MediaTag } from './media-tag.js';
import { RtmpTarget } from './rtmp-target.js';
import { WsTarget } from './ws-target.js';

/** One connection that publishes a stream. */
export type StreamTarget = {
	/** Why it is over; null while it is not. */
	readonly failure: Error | null;
	/** Resolves when it is over, with the reason. */
	readonly lost: Promise<Error>;
	/** Sends a tag. */
	write(tag: MediaTag): void;
	/** Resolves when the connection takes more, or is over. */
	drained(): Promise<void>;
	/** Ends the stream; resolves when the server has got all of it. Throws what the server says against it. */
	finish(): Promise<void>;
	/** Ends the connection at once. */
	close(): void;
};

/** Begins to publish at `url`, with the user and password that it may have. Throws when the server cannot be reached or refuses. */
export function openTarget(withCredentials: URL): Promise<StreamTarget> {
	const { address, credentials } = splitCredentials(withCredentials.href);
	const url = new URL(address);
	switch (url.protocol) {
		case 'rtmp:':
		case 'rtmps:':
			return RtmpTarget.open(url, credentials);
		case 'ws:':
		case 'wss:':
			return WsTarget.open(url, credentials);
		default:
			return HttpTarget.open(url, credentials);
	}
}
