import type { MessagePort } from 'node:worker_threads';
import { type ErrorCode, PeerError, peerErrorOf } from '../../errors.js';
import { fileName } from './disk-store.js';
import type { Outcome } from './object-fetcher.js';

/** Between two threads of a file gateway. Bodies are shared, not copied. */
type PeerMessage =
	| { type: 'ask'; id: number; key: string; via: readonly string[] }
	| { type: 'answer'; id: number; outcome: Outcome }
	| { type: 'failed'; id: number; code: ErrorCode; message: string };

const OWNER_DIGITS = 8;

type Waiting = { port: MessagePort; resolve: (outcome: Outcome) => void; reject: (error: PeerError) => void };

export type Fetch = (key: string, via: readonly string[]) => Promise<Outcome>;

/**
 * The delivery threads of a process as one cache: each object belongs to one of them, by the hash of its key, and only that one asks
 * upstreams for it. While a thread is being replaced, the others ask for themselves.
 */
export class CachePeers {
	readonly #index: number;
	readonly #threads: number;
	readonly #fetch: Fetch;
	readonly #ports = new Map<number, MessagePort>();
	readonly #waiting = new Map<number, Waiting>();
	#lastId = 0;

	/** @param fetch gets an object that this thread owns, or whose owner is not there. */
	constructor(index: number, threads: number, fetch: Fetch) {
		this.#index = index;
		this.#threads = threads;
		this.#fetch = fetch;
	}

	/** A channel to thread `index`, perhaps a new one in place of one that is gone. */
	add(index: number, port: MessagePort): void {
		this.remove(index);
		this.#ports.set(index, port);
		port.on('message', (message: PeerMessage) => this.#onMessage(port, message));
		port.on('close', () => {
			if (this.#ports.get(index) === port) {
				this.remove(index);
			}
		});
	}

	/** Thread `index` is gone. Its questions are asked here now. */
	remove(index: number): void {
		const port = this.#ports.get(index);
		this.#ports.delete(index);
		port?.close();
		for (const [id, waiting] of this.#waiting) {
			if (waiting.port === port) {
				this.#waiting.delete(id);
				waiting.reject(new PeerError('SERVER_STOPPING'));
			}
		}
	}

	/** True when `key` belongs to this thread. */
	owns(key: string): boolean {
		return ownerOf(fileName(key), this.#threads) === this.#index;
	}

	/** Gets an object from its owner. */
	async fetch(key: string, via: readonly string[]): Promise<Outcome> {
		const port = this.#ports.get(ownerOf(fileName(key), this.#threads));
		if (port === undefined || this.owns(key)) {
			return this.#fetch(key, via);
		}
		try {
			return await this.#ask(port, key, via);
		} catch (error) {
			if (peerErrorOf(error).code !== 'SERVER_STOPPING') {
				throw error;
			}
			return this.#fetch(key, via);
		}
	}

	#ask(port: MessagePort, key: string, via: readonly string[]): Promise<Outcome> {
		this.#lastId += 1;
		const id = this.#lastId;
		return new Promise((resolve, reject) => {
			this.#waiting.set(id, { port, resolve, reject });
			port.postMessage({ type: 'ask', id, key, via } satisfies PeerMessage);
		});
	}

	#onMessage(port: MessagePort, message: PeerMessage): void {
		if (message.type === 'ask') {
			const { id, key, via } = message;
			this.#fetch(key, via).then(
				(outcome) => port.postMessage({ type: 'answer', id, outcome } satisfies PeerMessage),
				(error: unknown) => {
					const { code, message: text } = peerErrorOf(error);
					port.postMessage({ type: 'failed', id, code, message: text } satisfies PeerMessage);
				},
			);
			return;
		}
		const waiting = this.#waiting.get(message.id);
		this.#waiting.delete(message.id);
		if (message.type === 'answer') {
			waiting?.resolve(message.outcome);
		} else {
			waiting?.reject(new RemotePeerError(message.code, message.message));
		}
	}
}

/** An error of another thread, in its own words. */
class RemotePeerError extends PeerError {
	constructor(code: ErrorCode, message: string) {
		super(code);
		this.message = message;
	}
}

/** The thread that an object belongs to, by the name that its file has or would have. */
export function ownerOf(name: string, threads: number): number {
	return Number.parseInt(name.slice(0, OWNER_DIGITS), 16) % threads;
}
