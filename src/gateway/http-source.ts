// Spec: RFC 9112 (HTTP/1.1), section 8 (Handling Incomplete Messages): a chunked body without its last chunk is a loss, not an end.

import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { FlvReader } from '../container/flv/reader.js';
import { PeerError } from '../errors.js';
import {
	endOf,
	endOfError,
	endOfStatus,
	flvAddress,
	requestHeaders,
	type Source,
	type SourceEnd,
	type SourceEvents,
	type SourceTarget,
} from './source.js';

const OK = 200;

/** Pulls a stream by HTTP-FLV. */
export class HttpSource implements Source {
	answered = false;
	bytesIn = 0;
	readonly #request: ClientRequest;
	readonly #events: SourceEvents;
	readonly #reader: FlvReader;
	#over = false;

	constructor(target: SourceTarget, events: SourceEvents) {
		this.#events = events;
		this.#reader = new FlvReader(
			{ tag: (tagType, timestampMs, body) => this.#tag(tagType, timestampMs, body) },
			target.maxMessageBytes,
		);
		const url = flvAddress(target);
		const get = url.protocol === 'https:' ? https.get : http.get;
		this.#request = get(url, { agent: target.agent ?? false, headers: requestHeaders(target) });
		this.#request.on('response', (response) => this.#respond(response));
		this.#request.on('error', (error) => this.#end(endOfError(error, this.answered)));
	}

	close(): void {
		this.#over = true;
		this.#request.destroy();
	}

	#respond(response: IncomingMessage): void {
		response.on('error', (error) => this.#end(endOfError(error, this.answered)));
		if (response.statusCode !== OK) {
			this.#end(endOfStatus(response.statusCode ?? 0));
			return;
		}
		this.answered = true;
		response.on('data', (bytes: Buffer) => this.#take(bytes));
		response.on('close', () => {
			const code = response.complete ? 'STREAM_ENDED' : 'PEER_GONE';
			this.#end(endOf(response.complete ? 'ended' : 'failed', new PeerError(code)));
		});
	}

	#take(bytes: Buffer): void {
		this.bytesIn += bytes.length;
		try {
			this.#reader.push(bytes);
		} catch (error) {
			if (!(error instanceof PeerError)) {
				throw error;
			}
			this.#end(endOfError(error));
		}
	}

	#tag(tagType: number, timestampMs: number, body: Uint8Array): void {
		if (!this.#over) {
			this.#events.tag(tagType, timestampMs, body);
		}
	}

	#end(end: SourceEnd): void {
		if (!this.#over) {
			this.close();
			this.#events.over(end);
		}
	}
}
