import type { StreamName } from '../stream-name.js';
import type { CoordinatorToThread, StreamInfo } from './thread-messages.js';

/** The news that a thread gets about the streams of its process. */
export type DirectoryListener = {
	ringReplaced?(stream: StreamInfo): void;
	partsReplaced?(stream: StreamInfo): void;
	ended?(stream: StreamInfo): void;
	/** The publisher was lost (grace) or is there again. */
	publisherChanged?(stream: StreamInfo, present: boolean): void;
};

type Waiter = { key: string; resolve: (stream: StreamInfo | null) => void; timer: NodeJS.Timeout };

/** A thread's replica of the coordinator's stream registry: looking a stream up costs no message. */
export class StreamDirectory {
	readonly #byKey = new Map<string, StreamInfo>();
	readonly #byId = new Map<number, StreamInfo>();
	readonly #listeners = new Set<DirectoryListener>();
	readonly #waiters = new Set<Waiter>();

	constructor(streams: Iterable<StreamInfo>) {
		for (const stream of streams) {
			this.#add(stream);
		}
	}

	get(name: StreamName): StreamInfo | undefined {
		return this.#byKey.get(name.key);
	}

	all(): Iterable<StreamInfo> {
		return this.#byId.values();
	}

	listen(listener: DirectoryListener): void {
		this.#listeners.add(listener);
	}

	/** The stream, now or when it opens within `timeoutMs`; else null. Aborting answers null at once. */
	waitFor(name: StreamName, timeoutMs: number, signal: AbortSignal): Promise<StreamInfo | null> {
		const live = this.get(name);
		if (live !== undefined || timeoutMs <= 0 || signal.aborted) {
			return Promise.resolve(live ?? null);
		}
		return new Promise((resolve) => {
			const settle = (stream: StreamInfo | null): void => {
				clearTimeout(waiter.timer);
				signal.removeEventListener('abort', giveUp);
				this.#waiters.delete(waiter);
				resolve(stream);
			};
			const giveUp = (): void => settle(null);
			const waiter: Waiter = { key: name.key, resolve: settle, timer: setTimeout(giveUp, timeoutMs) };
			signal.addEventListener('abort', giveUp);
			this.#waiters.add(waiter);
		});
	}

	/** Applies a coordinator's message; messages about other things are left alone. */
	apply(message: CoordinatorToThread): void {
		if (message.type === 'stream-opened') {
			this.#add(message.stream);
			return;
		}
		const stream = 'streamId' in message ? this.#byId.get(message.streamId) : undefined;
		if (stream === undefined) {
			return;
		}
		if (message.type === 'stream-ring') {
			stream.ring = message.ring;
			this.#tell((listener) => listener.ringReplaced?.(stream));
		} else if (message.type === 'stream-parts') {
			stream.parts = message.parts;
			this.#tell((listener) => listener.partsReplaced?.(stream));
		} else if (message.type === 'stream-publisher') {
			this.#tell((listener) => listener.publisherChanged?.(stream, message.present));
		} else if (message.type === 'stream-ended') {
			this.#byId.delete(stream.streamId);
			if (this.get(stream.name) === stream) {
				this.#byKey.delete(stream.name.key);
			}
			this.#tell((listener) => listener.ended?.(stream));
		}
	}

	#add(stream: StreamInfo): void {
		const key = stream.name.key;
		this.#byKey.set(key, stream);
		this.#byId.set(stream.streamId, stream);
		for (const waiter of [...this.#waiters]) {
			if (waiter.key === key) {
				waiter.resolve(stream);
			}
		}
	}

	#tell(deliver: (listener: DirectoryListener) => void): void {
		for (const listener of this.#listeners) {
			deliver(listener);
		}
	}
}
