import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/**
 * A socket as node:http sees it until somebody takes it back. A viewer costs 4 KB as a bare socket. It costs 17 KB with
 * node:http's parser, request and response attached to it for hours (measured, 4,000 viewers). So node:http gets this,
 * and once a request turns out to be a viewer's, `takeBack` frees all of that.
 */
export class LentSocket extends Duplex {
	/** Null once it has been taken back. */
	#socket: Socket | null;
	readonly #onData = (chunk: Buffer): void => {
		if (!this.push(chunk)) {
			this.#socket?.pause();
		}
	};
	readonly #onEnd = (): void => {
		this.push(null);
	};
	readonly #onTimeout = (): void => {
		this.emit('timeout');
	};
	readonly #onError = (error: Error): void => {
		this.destroy(error);
	};
	readonly #onClose = (): void => {
		this.destroy();
	};

	constructor(socket: Socket) {
		super({ allowHalfOpen: true });
		this.#socket = socket;
		socket.on('data', this.#onData);
		socket.on('end', this.#onEnd);
		socket.on('timeout', this.#onTimeout);
		socket.on('error', this.#onError);
		socket.on('close', this.#onClose);
	}

	/**
	 * Ends the loan: node:http believes that its connection is gone and lets go of all it had for it. What it has read already
	 * is lost. The socket has no listeners, and an error without a listener ends the thread: add some at once.
	 */
	takeBack(): Socket | null {
		const socket = this.#socket;
		this.#socket = null;
		if (socket !== null) {
			socket.off('data', this.#onData);
			socket.off('end', this.#onEnd);
			socket.off('timeout', this.#onTimeout);
			socket.off('error', this.#onError);
			socket.off('close', this.#onClose);
			socket.setTimeout(0);
		}
		this.destroy();
		return socket;
	}

	get remoteAddress(): string | undefined {
		return this.#socket?.remoteAddress;
	}

	get remotePort(): number | undefined {
		return this.#socket?.remotePort;
	}

	/** Closes when everything has been written; node:http calls this after its last response. */
	destroySoon(): void {
		if (this.writable) {
			this.end();
		}
		if (this.writableFinished) {
			this.destroy();
		} else {
			this.once('finish', () => this.destroy());
		}
	}

	setTimeout(timeoutMs: number): this {
		this.#socket?.setTimeout(timeoutMs);
		return this;
	}

	override _read(): void {
		this.#socket?.resume();
	}

	override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
		this.#socket?.write(chunk, encoding, done);
	}

	override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: (error?: Error | null) => void): void {
		const socket = this.#socket;
		socket?.cork();
		for (const [index, { chunk, encoding }] of chunks.entries()) {
			socket?.write(chunk, encoding, index === chunks.length - 1 ? done : undefined);
		}
		socket?.uncork();
	}

	override _final(done: (error?: Error | null) => void): void {
		this.#socket?.end(done);
	}

	override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
		this.#socket?.destroy();
		done(error);
	}
}
