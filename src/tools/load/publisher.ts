import { connect, type Socket } from 'node:net';
import type { Tag } from './flv-scanner.js';
import { httpPush, type PushFormat, rtmpPush, webSocketPush } from './push-formats.js';
import { RtmpClient } from './rtmp-client.js';

/** One push on a raw socket, by RTMP, HTTP POST or WebSocket as the URL says. It sends what it is given when it is given it. */
export class Publisher {
	/** Why the push ended; null while it lives. */
	failure: string | null = null;
	readonly #url: URL;
	readonly #socket: Socket;
	#format: PushFormat | null = null;

	constructor(url: URL) {
		this.#url = url;
		const port = Number(url.port || (url.protocol === 'rtmp:' ? 1935 : 80));
		this.#socket = connect({ host: url.hostname, port, noDelay: true });
		this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#fail(error.code ?? error.message));
		this.#socket.on('close', () => this.#fail('closed by the server'));
	}

	/** Resolves, when the server takes media, with the way to encode tags for `write`. */
	open(): Promise<PushFormat> {
		return new Promise((resolve, reject) => {
			const opened = (format: PushFormat): void => {
				this.#format = format;
				this.#socket.write(format.encodeStart());
				resolve(format);
			};
			this.#socket.once('close', () => reject(new Error(this.failure ?? 'closed')));
			if (this.#url.protocol === 'rtmp:') {
				this.#openRtmp(opened);
			} else {
				this.#openHttp(opened);
			}
		});
	}

	/** `bytes` is what the format of `open` made of a tag; it may be shared with other publishers. */
	write(bytes: Buffer): void {
		this.#socket.write(bytes);
	}

	writeTag(tag: Tag): void {
		if (this.#format !== null) {
			this.#socket.write(this.#format.encodeTag(tag));
		}
	}

	/** Cuts the connection without a word, as a lost network does. */
	destroy(): void {
		this.#socket.destroy();
	}

	#openRtmp(opened: (format: PushFormat) => void): void {
		const send = (bytes: Buffer): void => {
			this.#socket.write(bytes);
		};
		const client = new RtmpClient(this.#url, 'publish', send, { started: (streamId) => opened(rtmpPush(streamId)) });
		this.#socket.on('connect', () => client.start());
		this.#socket.on('data', (bytes) => this.#guard(() => client.push(bytes)));
	}

	#openHttp(opened: (format: PushFormat) => void): void {
		const { pathname, search, host, protocol } = this.#url;
		const webSocket = protocol === 'ws:';
		const lines = webSocket
			? [
					`GET ${pathname}${search} HTTP/1.1`,
					'Upgrade: websocket',
					'Connection: Upgrade',
					'Sec-WebSocket-Version: 13',
					'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
				]
			: [`POST ${pathname}${search} HTTP/1.1`, 'Transfer-Encoding: chunked', 'Content-Type: video/x-flv'];
		this.#socket.on('connect', () => {
			this.#socket.write(`${[...lines, `Host: ${host}`].join('\r\n')}\r\n\r\n`);
			if (!webSocket) {
				opened(httpPush);
			}
		});
		this.#socket.on('data', (bytes) => {
			const answer = bytes.toString('latin1');
			if (answer.startsWith('HTTP/1.1 101')) {
				opened(webSocketPush);
			} else if (answer.startsWith('HTTP/1.1')) {
				this.#fail(answer.split('\r\n')[0]!);
			}
		});
	}

	#guard(action: () => void): void {
		try {
			action();
		} catch (error) {
			this.#fail(error instanceof Error ? error.message : String(error));
			this.#socket.destroy();
		}
	}

	#fail(reason: string): void {
		this.failure ??= reason;
	}
}
