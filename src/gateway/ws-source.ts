// Spec: RFC 6455, section 7.4.1 (Defined Status Codes).

import { WebSocket } from 'ws';
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

const NORMAL_CLOSURE = 1000;
/** A message holds several tags as a rule; how many, the upstream decides. */
const MAX_TAGS_PER_MESSAGE = 8;

/** Pulls a stream by WebSocket-FLV. */
export class WsSource implements Source {
	answered = false;
	bytesIn = 0;
	readonly #webSocket: WebSocket;
	readonly #events: SourceEvents;
	#over = false;

	constructor(target: SourceTarget, events: SourceEvents) {
		this.#events = events;
		const reader = new FlvReader(
			{ tag: (tagType, timestampMs, body) => this.#tag(tagType, timestampMs, body) },
			target.maxMessageBytes,
		);
		this.#webSocket = new WebSocket(flvAddress(target), {
			...(target.agent === undefined ? {} : { agent: target.agent }),
			headers: requestHeaders(target),
			perMessageDeflate: false,
			skipUTF8Validation: true,
			handshakeTimeout: target.timeoutMs,
			maxPayload: target.maxMessageBytes * MAX_TAGS_PER_MESSAGE,
		});
		this.#webSocket.on('open', () => {
			this.answered = true;
		});
		this.#webSocket.on('message', (message, isBinary) => {
			if (isBinary) {
				this.#take(reader, message as Buffer);
			}
		});
		this.#webSocket.on('unexpected-response', (_request, { statusCode = 0 }) => this.#end(endOfStatus(statusCode)));
		this.#webSocket.on('error', (error) => this.#end(endOfError(error, this.answered)));
		this.#webSocket.on('close', (code) => {
			const isEnd = code === NORMAL_CLOSURE;
			this.#end(endOf(isEnd ? 'ended' : 'failed', new PeerError(isEnd ? 'STREAM_ENDED' : 'PEER_GONE')));
		});
	}

	close(): void {
		this.#over = true;
		this.#webSocket.terminate();
	}

	#take(reader: FlvReader, bytes: Buffer): void {
		this.bytesIn += bytes.length;
		try {
			reader.push(bytes);
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
