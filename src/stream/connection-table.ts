import { randomInt } from 'node:crypto';

/**
 * The number of connections that the threads of a process hold, in one SharedArrayBuffer. A thread writes its own share and reads all.
 *
 *   int32 words:  seed 0 | seed 1 | shares of SHARE_WORDS: total | row 0: ROW_WORDS counts | row 1: ROW_WORDS counts
 *
 * An address is counted in one place of each row, found by hashing it with the row's seed; the smaller of the two counts is
 * taken for the address. Others that share both places make it look busier than it is: while 18,000 addresses are connected, a
 * limit of 4 wrongly refuses one in 30 million, a limit of 1 one in 17.
 */
const ROW_WORDS = 65_536;
const SEEDS = [0, 1] as const;
const SHARE_WORDS = 1 + SEEDS.length * ROW_WORDS;

/** A thread's place in the table. */
export type ConnectionShare = { table: SharedArrayBuffer; share: number };

/** An empty table for `shares` threads. */
export function allocateConnectionTable(shares: number): SharedArrayBuffer {
	const table = new SharedArrayBuffer((SEEDS.length + shares * SHARE_WORDS) * Int32Array.BYTES_PER_ELEMENT);
	const words = new Int32Array(table);
	for (const seed of SEEDS) {
		words[seed] = randomInt(2 ** 31);
	}
	return table;
}

/** Forgets the connections of a thread that is gone. */
export function clearConnectionShare({ table, share }: ConnectionShare): void {
	const start = SEEDS.length + share * SHARE_WORDS;
	new Int32Array(table).fill(0, start, start + SHARE_WORDS);
}

/** The table as one thread uses it. */
export class ConnectionTable {
	readonly #words: Int32Array;
	readonly #own: number;

	constructor({ table, share }: ConnectionShare) {
		this.#words = new Int32Array(table);
		this.#own = SEEDS.length + share * SHARE_WORDS;
	}

	/** Connections of all threads. */
	get total(): number {
		return this.#sum(0);
	}

	/** Connections of all threads from `address`; rarely too many, never too few. */
	of(address: string): number {
		return Math.min(...SEEDS.map((seed) => this.#sum(this.#place(address, seed))));
	}

	/** Counts connections of this thread, or with -1 counts one off. */
	add(address: string, amount: 1 | -1): void {
		const words = this.#words;
		for (const place of [0, ...SEEDS.map((seed) => this.#place(address, seed))]) {
			Atomics.store(words, this.#own + place, words[this.#own + place]! + amount);
		}
	}

	#sum(place: number): number {
		let sum = 0;
		for (let at = SEEDS.length + place; at < this.#words.length; at += SHARE_WORDS) {
			sum += Atomics.load(this.#words, at);
		}
		return sum;
	}

	/** Returns the place where `address` is counted in the row of `seed`, relative to a share. FNV-1a. */
	#place(address: string, seed: (typeof SEEDS)[number]): number {
		let hash = this.#words[seed]!;
		for (let index = 0; index < address.length; index++) {
			hash = Math.imul(hash ^ address.charCodeAt(index), 0x01000193);
		}
		return 1 + seed * ROW_WORDS + ((hash ^ (hash >>> 15)) & (ROW_WORDS - 1));
	}
}
