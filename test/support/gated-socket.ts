import type { Socket } from 'node:net';
import { Writable } from 'node:stream';

/** Stands in for a socket whose peer a test can stop from reading. */
export class GatedSocket extends Writable {
	/** Everything that has left. */
	readonly sent: Buffer[] = [];
	/** Every Buffer handed over, sent or not. */
	readonly given: Buffer[] = [];
	#open = true;
	#held: (() => void) | null = null;

	constructor() {
		super({ highWaterMark: 16 * 1024 });
	}

	get asSocket(): Socket {
		return this as unknown as Socket;
	}

	get bytes(): Buffer {
		return Buffer.concat(this.sent);
	}

	/** Holds back the next write; the one after it stays queued. */
	stop(): void {
		this.#open = false;
	}

	go(): void {
		this.#open = true;
		const held = this.#held;
		this.#held = null;
		held?.();
	}

	override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
		this.given.push(chunk);
		const send = (): void => {
			this.sent.push(chunk);
			done();
		};
		if (this.#open) {
			send();
		} else {
			this.#held = send;
		}
	}
}
