// Spec: RFC 9110, section 10.1.1 (Expect: 100-continue): the server's verdict comes before the body.

import { once } from 'node:events';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { buildFileHeader, buildTag } from '../container/flv/writer.js';
import { PeerError } from '../errors.js';
import { basicAuthorization, type Credentials } from '../protocol/credentials.js';
import { Loss } from './loss.js';
import type { MediaTag } from './media-tag.js';

/** A server that does not know the expectation says nothing; then the body follows all the same. */
const CONTINUE_WAIT_MS = 1000;
const FINISH_WAIT_MS = 10_000;
const MAX_REASON_CHARACTERS = 200;

/** Publishes by POST: FLV in a chunked body. */
export class HttpTarget {
	readonly #request: ClientRequest;
	readonly #loss = new Loss();
	#finishing = false;

	private constructor(url: URL, credentials: Credentials | null) {
		const headers = {
			...{ 'Content-Type': 'video/x-flv', Expect: '100-continue', 'User-Agent': 'Millrace' },
			...(credentials === null ? {} : { Authorization: basicAuthorization(credentials) }),
		};
		const { request } = url.protocol === 'https:' ? https : http;
		this.#request = request(url, { method: 'POST', agent: false, headers });
		this.#request.setNoDelay(true);
		this.#request.on('error', (error) => this.#loss.set(error));
		this.#request.on('close', () => this.#loss.set(new PeerError('TARGET_FAILED', 'the server closed the connection')));
		this.#request.on('response', (response) => this.#onResponse(response));
	}

	static async open(url: URL, credentials: Credentials | null): Promise<HttpTarget> {
		const target = new HttpTarget(url, credentials);
		target.#request.flushHeaders();
		const socketReady = once(target.#request, 'socket').then(async ([socket]) => {
			if (socket.connecting) {
				await once(socket, 'connect');
			}
			await Promise.race([once(target.#request, 'continue'), delay(CONTINUE_WAIT_MS)]);
			return null;
		});
		socketReady.catch(() => undefined); // told by `lost`, too
		const failure = await Promise.race([target.lost, socketReady]);
		if (failure !== null) {
			throw failure;
		}
		target.#request.write(buildFileHeader(true, true));
		return target;
	}

	get failure(): Error | null {
		return this.#loss.error;
	}

	get lost(): Promise<Error> {
		return this.#loss.promise;
	}

	write({ tagType, dtsMs, body }: MediaTag): void {
		this.#request.write(buildTag(tagType, dtsMs, body));
	}

	async drained(): Promise<void> {
		if (this.#request.writableNeedDrain && this.failure === null) {
			await Promise.race([new Promise((resolve) => this.#request.once('drain', resolve)), this.lost]);
		}
	}

	async finish(): Promise<void> {
		this.#finishing = true;
		this.#request.end();
		const failure = await Promise.race([this.lost, delay(FINISH_WAIT_MS)]);
		this.close();
		if (failure instanceof Error && failure !== FINISHED) {
			throw failure;
		}
	}

	close(): void {
		this.#request.destroy();
	}

	#onResponse(response: IncomingMessage): void {
		const status = response.statusCode ?? 0;
		const chunks: Buffer[] = [];
		response.on('data', (bytes: Buffer) => chunks.push(bytes));
		response.on('close', () => {
			const isGood = status < 300 && this.#finishing;
			this.#loss.set(
				isGood ? FINISHED : new PeerError('TARGET_FAILED', `the server answered ${status} ${reasonIn(chunks)}`.trim()),
			);
			this.#request.destroy();
		});
	}
}

const FINISHED = new PeerError('TARGET_FAILED', 'finished');

/** The message of our own JSON errors, else the first line of what the server says. */
function reasonIn(chunks: readonly Buffer[]): string {
	const text = Buffer.concat(chunks).toString().trim();
	const message = /"message":"([^"]+)"/.exec(text)?.[1];
	return message ?? text.split('\n')[0]!.slice(0, MAX_REASON_CHARACTERS);
}

function delay(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
