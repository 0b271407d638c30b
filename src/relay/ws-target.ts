import { WebSocket } from 'ws';
import { buildFileHeader, buildTag } from '../container/flv/writer.js';
import { PeerError } from '../errors.js';
import { basicAuthorization, type Credentials } from '../protocol/credentials.js';
import { Loss } from './loss.js';
import type { MediaTag } from './media-tag.js';

const MAX_BUFFERED_BYTES = 256 * 1024;
const DRAIN_LOOK_MS = 10;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const NORMAL_CLOSURE = 1000;

/** Publishes by WebSocket: a tag in each binary message. */
export class WsTarget {
	readonly #socket: WebSocket;
	readonly #loss = new Loss();

	private constructor(url: URL, credentials: Credentials | null) {
		this.#socket = new WebSocket(url, {
			handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
			perMessageDeflate: false,
			headers: credentials === null ? {} : { Authorization: basicAuthorization(credentials) },
		});
		this.#socket.on('error', (error) => this.#loss.set(new PeerError('TARGET_FAILED', error.message)));
		this.#socket.on('close', (code, reason) => {
			this.#loss.set(
				new PeerError('TARGET_FAILED', `the server closed the WebSocket: ${code} ${reason.toString()}`.trim()),
			);
		});
	}

	static async open(url: URL, credentials: Credentials | null): Promise<WsTarget> {
		const target = new WsTarget(url, credentials);
		const opened = new Promise<null>((resolve) => target.#socket.once('open', () => resolve(null)));
		const failure = await Promise.race([opened, target.lost]);
		if (failure !== null) {
			throw failure;
		}
		target.#socket.send(buildFileHeader(true, true));
		return target;
	}

	get failure(): Error | null {
		return this.#loss.error;
	}

	get lost(): Promise<Error> {
		return this.#loss.promise;
	}

	write({ tagType, dtsMs, body }: MediaTag): void {
		if (this.failure === null) {
			this.#socket.send(buildTag(tagType, dtsMs, body));
		}
	}

	async drained(): Promise<void> {
		while (this.failure === null && this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) {
			await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK_MS));
		}
	}

	async finish(): Promise<void> {
		if (this.failure !== null) {
			throw this.failure;
		}
		const closed = new Promise<number>((resolve) => this.#socket.once('close', resolve));
		this.#socket.close(NORMAL_CLOSURE);
		const code = await closed;
		if (code !== NORMAL_CLOSURE) {
			throw await this.lost;
		}
	}

	close(): void {
		this.#socket.terminate();
	}
}
