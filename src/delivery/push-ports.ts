import type { MessagePort } from 'node:worker_threads';
import { type ErrorCode, type Reason, reasonOf } from '../errors.js';
import {
	PUSH_WINDOW_BYTES,
	type PublisherInfo,
	type PushToDelivery,
	type PushToIngest,
} from '../stream/thread-messages.js';
import type { StreamName } from '../stream-name.js';
import type { PushChannel, PushGate, PushListener } from './push-gate.js';

type IngestPort = { port: MessagePort; pushes: Map<number, Push> };

/** The way from this thread to the ingest threads, which parse what HTTP and WebSocket peers push. */
export class PushPorts implements PushGate {
	readonly #ports = new Map<number, IngestPort>();
	#lastPushId = 0;

	/** A channel to ingest thread `index`, perhaps in place of one that is gone. */
	add(index: number, port: MessagePort): void {
		this.remove(index);
		const ingest: IngestPort = { port, pushes: new Map() };
		this.#ports.set(index, ingest);
		port.on('message', (message: PushToDelivery) => ingest.pushes.get(message.pushId)?.receive(message));
	}

	/** Ingest thread `index` is gone, and with it the publications that it had. */
	remove(index: number): void {
		const ingest = this.#ports.get(index);
		if (ingest === undefined) {
			return;
		}
		this.#ports.delete(index);
		ingest.port.close();
		for (const push of [...ingest.pushes.values()]) {
			push.fail(reasonOf('SERVER_STOPPING', 'the ingest thread is gone'));
		}
	}

	/**
	 * Asks for a publication. One name always goes to the same thread while the threads are the same.
	 * @returns null when there is no ingest thread at the moment.
	 */
	open(name: StreamName, publisher: PublisherInfo, listener: PushListener): Push | null {
		const indexes = [...this.#ports.keys()].sort((a, b) => a - b);
		const ingest = this.#ports.get(indexes[hash(name.key) % indexes.length] ?? -1);
		if (ingest === undefined) {
			return null;
		}
		const push = new Push(++this.#lastPushId, ingest, listener);
		ingest.port.postMessage({ type: 'push-open', pushId: push.pushId, name, publisher } satisfies PushToIngest);
		return push;
	}
}

/** One push on its way to an ingest thread. */
class Push implements PushChannel {
	readonly pushId: number;
	readonly #ingest: IngestPort;
	readonly #listener: PushListener;
	#unacknowledgedBytes = 0;
	#full = false;
	#closed = false;

	constructor(pushId: number, ingest: IngestPort, listener: PushListener) {
		this.pushId = pushId;
		this.#ingest = ingest;
		this.#listener = listener;
		ingest.pushes.set(pushId, this);
	}

	write(bytes: Uint8Array): boolean {
		if (this.#closed) {
			return true;
		}
		const copy = new Uint8Array(bytes);
		this.#unacknowledgedBytes += copy.length;
		this.#post({ type: 'push-data', pushId: this.pushId, bytes: copy }, [copy.buffer]);
		this.#full = this.#unacknowledgedBytes >= PUSH_WINDOW_BYTES;
		return !this.#full;
	}

	finish(): void {
		if (!this.#closed) {
			this.#post({ type: 'push-end', pushId: this.pushId });
		}
	}

	abort(code: ErrorCode): void {
		if (!this.#closed) {
			this.#post({ type: 'push-end', pushId: this.pushId, code });
			this.#forget();
		}
	}

	/** A message of the ingest thread. */
	receive(message: PushToDelivery): void {
		if (message.type === 'push-ack') {
			this.#unacknowledgedBytes -= message.bytes;
			if (this.#full && this.#unacknowledgedBytes < PUSH_WINDOW_BYTES / 2) {
				this.#full = false;
				this.#listener.room();
			}
		} else if (message.type === 'push-close') {
			this.fail(reasonOf(message.code, message.message));
		} else if (message.verdict.granted) {
			this.#listener.granted();
		} else {
			this.fail(reasonOf(message.verdict.code, message.verdict.message));
		}
	}

	/** Ends the push without a word to the ingest thread. */
	fail(error: Reason): void {
		this.#forget();
		this.#listener.closed(error);
	}

	#forget(): void {
		this.#closed = true;
		this.#ingest.pushes.delete(this.pushId);
	}

	#post(message: PushToIngest, transfer: readonly ArrayBuffer[] = []): void {
		this.#ingest.port.postMessage(message, transfer);
	}
}

/** FNV-1a. */
function hash(text: string): number {
	let value = 0x811c9dc5;
	for (let index = 0; index < text.length; index++) {
		value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
	}
	return value >>> 0;
}
