// Spec: RFC 9112 (HTTP/1.1), section 8 (Handling Incomplete Messages): a chunked body without its last chunk is a loss, not an end.

import http from 'node:http';
import https from 'node:https';
import { PeerError } from '../errors.js';
import { endOf, endOfStatus, requestHeaders, type Source, type SourceEvents, type SourceTarget } from './source.js';
import { SourceFeed } from './source-feed.js';

const OK = 200;

/** Plays a stream by HTTP-FLV. */
export function openHttpSource(target: SourceTarget, events: SourceEvents): Source {
	const { get } = target.url.protocol === 'https:' ? https : http;
	const request = get(target.url, { agent: target.agent ?? false, headers: requestHeaders(target) });
	const feed = new SourceFeed(events, () => request.destroy());
	request.on('error', (error) => feed.fail(error));
	request.on('response', (response) => {
		response.on('error', (error) => feed.fail(error));
		if (response.statusCode !== OK) {
			feed.end(endOfStatus(response.statusCode ?? 0));
			return;
		}
		feed.answered = true;
		response.on('data', feed.flv(target.maxMessageBytes));
		response.on('close', () => {
			const code = response.complete ? 'STREAM_ENDED' : 'PEER_GONE';
			feed.end(endOf(response.complete ? 'ended' : 'failed', new PeerError(code)));
		});
	});
	return feed;
}
