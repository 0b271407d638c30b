import type { IncomingMessage, ServerResponse } from 'node:http';
import { peerAddress } from '../access/address.js';
import { type Reason, reasonOf } from '../errors.js';
import { answerError } from '../http/answer.js';
import type { Protocol } from '../protocol/protocols.js';
import type { PublisherInfo } from '../stream/thread-messages.js';
import type { PushSession, PushWire } from './push-session.js';

/** The rest of a refused body is read for this long, so that the peer sees the answer and not a reset. */
const LINGER_MS = 1000;

/** A push by POST or PUT. The body is not read before the verdict is there; after its end the answer is 200. */
export class HttpPushWire implements PushWire {
	readonly protocol: Protocol;
	readonly address: string;
	readonly #request: IncomingMessage;
	readonly #response: ServerResponse;
	readonly #headers: Readonly<Record<string, string>>;

	/** @param publisher whose push it is when it was handed on. */
	constructor(
		request: IncomingMessage,
		response: ServerResponse,
		headers: Readonly<Record<string, string>>,
		publisher: Pick<PublisherInfo, 'protocol' | 'address'> | null = null,
	) {
		this.#request = request;
		this.#response = response;
		this.#headers = headers;
		this.protocol = publisher?.protocol ?? 'http-flv';
		this.address = publisher?.address ?? peerAddress(request.socket);
	}

	/** Ends `session` when the peer goes away before the answer. */
	watch(session: PushSession): void {
		this.#response.once('close', () => session.abort(reasonOf('PEER_GONE')));
	}

	open(session: PushSession): void {
		if (this.#request.headers.expect !== undefined) {
			this.#response.writeContinue();
		}
		this.#request.on('data', (bytes: Buffer) => session.take(bytes));
		this.#request.once('end', () => session.finish());
	}

	pause(): void {
		this.#request.pause();
	}

	resume(): void {
		this.#request.resume();
	}

	close(error: Reason): void {
		const request = this.#request;
		const response = this.#response;
		if (response.destroyed) {
			return;
		}
		if (request.readableEnded && error.code === 'STREAM_ENDED') {
			response.writeHead(200, { ...this.#headers, 'Content-Length': 0 }).end();
			return;
		}
		answerError(response, error, this.#headers);
		if (request.readableEnded) {
			response.end();
			return;
		}
		const timer = setTimeout(() => response.end(), LINGER_MS);
		response.once('close', () => clearTimeout(timer));
		request.removeAllListeners('data');
		request.once('end', () => response.end());
		request.resume();
	}
}
