// Spec: RFC 9110, section 10.1.1 (Expect)
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import { ERROR_CODES, type Reason, reasonOf } from '../errors.js';
import { formatPublisher, PUBLISHER_HEADER } from '../protocol/relay.js';
import type { PublisherInfo } from '../stream/thread-messages.js';
import type { StreamName } from '../stream-name.js';
import type { PushChannel, PushGate, PushListener } from './push-gate.js';

const OK = 200;
/** The size of an answer that ends a push, at most: a code and a sentence. */
const MAX_ANSWER_BYTES = 4096;

/** The way of pushes from a delivery process to its origin process: HTTP over a Unix socket. The bytes are parsed there. */
export class OriginPushes implements PushGate {
	readonly #socketPath: string;

	constructor(socketPath: string) {
		this.#socketPath = socketPath;
	}

	open(name: StreamName, publisher: PublisherInfo, listener: PushListener): PushChannel {
		return new OriginPush(this.#socketPath, `/${name.key}`, publisher, listener);
	}
}

/** One push. `100 Continue` is the verdict; any other answer ends it. */
class OriginPush implements PushChannel {
	readonly #request: ClientRequest;
	readonly #listener: PushListener;
	#over = false;

	constructor(socketPath: string, path: string, { protocol, address, query }: PublisherInfo, listener: PushListener) {
		this.#listener = listener;
		// With Expect, node:http sends the head at once.
		this.#request = http.request({
			socketPath,
			agent: false,
			method: 'POST',
			path: query === '' ? path : `${path}?${query}`,
			headers: { Expect: '100-continue', [PUBLISHER_HEADER]: formatPublisher({ protocol, address }) },
		});
		this.#request.on('continue', () => listener.granted());
		this.#request.on('drain', () => listener.room());
		this.#request.on('response', (response) => this.#onResponse(response));
		// After an answer, what could not be sent any more is nobody's loss.
		this.#request.on('error', () => this.#end(ORIGIN_GONE));
		this.#request.on('close', () => this.#end(ORIGIN_GONE));
	}

	write(bytes: Uint8Array): boolean {
		return this.#over || this.#request.write(bytes);
	}

	finish(): void {
		this.#request.end();
	}

	abort(): void {
		this.#over = true;
		this.#request.destroy();
	}

	#onResponse(response: IncomingMessage): void {
		let body = '';
		response.setEncoding('utf8');
		response.on('data', (text: string) => {
			body = (body + text).slice(0, MAX_ANSWER_BYTES);
		});
		response.on('end', () => this.#end(response.statusCode === OK ? reasonOf('STREAM_ENDED') : toldEnd(body)));
	}

	#end(error: Reason): void {
		if (!this.#over) {
			this.abort();
			this.#listener.closed(error);
		}
	}
}

const ORIGIN_GONE = reasonOf('SERVER_STOPPING', 'the origin process is gone');

/** Reads an error as http/answer.ts writes it. Any other body is no answer of a server that goes on. */
function toldEnd(body: string): Reason {
	const { code, message } = toldBy(body);
	return code !== undefined && code in ERROR_CODES ? { code, message: message ?? ERROR_CODES[code] } : ORIGIN_GONE;
}

function toldBy(body: string): Partial<Reason> {
	try {
		return JSON.parse(body) as Partial<Reason>;
	} catch (error) {
		if (error instanceof SyntaxError) {
			return {};
		}
		throw error;
	}
}
