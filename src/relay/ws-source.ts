// Spec: RFC 6455, section 7.4.1 (Defined Status Codes).

import { WebSocket } from 'ws';
import { PeerError } from '../errors.js';
import { endOf, endOfStatus, requestHeaders, type Source, type SourceEvents, type SourceTarget } from './source.js';
import { SourceFeed } from './source-feed.js';

const NORMAL_CLOSURE = 1000;
/** A message holds several tags as a rule; how many, the upstream decides. */
const MAX_TAGS_PER_MESSAGE = 8;

/** Plays a stream by WebSocket-FLV. */
export function openWsSource(target: SourceTarget, events: SourceEvents): Source {
	const webSocket = new WebSocket(target.url, {
		...(target.agent === undefined ? {} : { agent: target.agent }),
		headers: requestHeaders(target),
		perMessageDeflate: false,
		skipUTF8Validation: true,
		handshakeTimeout: target.timeoutMs,
		maxPayload: target.maxMessageBytes * MAX_TAGS_PER_MESSAGE,
	});
	const feed = new SourceFeed(events, () => webSocket.terminate());
	const take = feed.flv(target.maxMessageBytes);
	webSocket.on('open', () => {
		feed.answered = true;
	});
	webSocket.on('message', (message, isBinary) => {
		if (isBinary) {
			take(message as Buffer);
		}
	});
	webSocket.on('unexpected-response', (_request, { statusCode = 0 }) => feed.end(endOfStatus(statusCode)));
	webSocket.on('error', (error) => feed.fail(error));
	webSocket.on('close', (code) => {
		const isEnd = code === NORMAL_CLOSURE;
		const error = isEnd ? new PeerError('STREAM_ENDED') : new PeerError('PEER_GONE', `WebSocket status ${code}`);
		feed.end(endOf(isEnd ? 'ended' : 'failed', error));
	});
	return feed;
}
