import { closeSync } from 'node:fs';
import type { ListenerName } from '../config/listeners.js';
import type { ThreadData } from '../stream/thread-messages.js';

/** Listening descriptors that the process inherited, several duplicates for each listener. */
export type ListenerDescriptors = Partial<Record<ListenerName, readonly number[]>>;

/**
 * The descriptors not yet given to a thread. A descriptor closes with the thread that listened on it and Node cannot duplicate
 * one, so every restart of a thread uses one up.
 */
export class DescriptorStock {
	readonly #stock: Map<ListenerName, number[]>;

	/** Listeners without any descriptor are off. */
	constructor(descriptors: ListenerDescriptors) {
		const given = Object.entries(descriptors) as [ListenerName, readonly number[]][];
		this.#stock = new Map(given.filter(([, fds]) => fds.length > 0).map(([name, fds]) => [name, [...fds]]));
	}

	/** One descriptor for each of `names` that is on. @returns null, and takes none, when one of them has run out. */
	take(names: readonly ListenerName[]): ThreadData['listeners'] | null {
		const on = names.filter((name) => this.#stock.has(name));
		if (on.some((name) => this.#stock.get(name)?.length === 0)) {
			return null;
		}
		return Object.fromEntries(on.map((name) => [name, this.#stock.get(name)?.shift()]));
	}

	/** Gives up what is left: a socket goes on listening, with nobody to accept, as long as anyone holds a descriptor of it. */
	close(): void {
		for (const fds of this.#stock.values()) {
			fds.splice(0).forEach(closeSync);
		}
	}
}
