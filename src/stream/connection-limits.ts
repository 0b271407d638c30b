import { plainAddress } from '../access/address.js';
import type { Config } from '../config/schema.js';
import { allocateConnectionTable, type ConnectionShare, ConnectionTable } from './connection-table.js';

/**
 * The connections that the kernel completes and keeps until somebody accepts: during a restart, and when viewers come
 * in thousands. Every thread that listens on a socket states it again, because Node's default would shrink the queue to
 * 511.
 */
export const LISTEN_BACKLOG = 4096;

/** Holds the connections of a process, in total and of each address, against limits.connections and connectionsPerAddress. */
export class ConnectionLimits {
	readonly #table: ConnectionTable;
	#limits: Config['limits'];

	/** @param share this thread's place in the process's table; without one it counts alone. */
	constructor(config: Config, share: ConnectionShare = { table: allocateConnectionTable(1), share: 0 }) {
		this.#limits = config.limits;
		this.#table = new ConnectionTable(share);
	}

	/** No address may have another connection; otherwise it is the address's own limit that refuses one. */
	get full(): boolean {
		return this.#table.total >= this.#limits.connections;
	}

	configure(config: Config): void {
		this.#limits = config.limits;
	}

	/** Counts a connection from `address` and returns true, or returns false when it is one too many. */
	admit(address: string): boolean {
		const { connectionsPerAddress } = this.#limits;
		const limited = connectionsPerAddress > 0 && !isLoopback(address);
		if (this.full || (limited && this.#table.of(address) >= connectionsPerAddress)) {
			return false;
		}
		this.#table.add(address, 1);
		return true;
	}

	/** A connection that was admitted is gone. */
	release(address: string): void {
		this.#table.add(address, -1);
	}
}

function isLoopback(address: string): boolean {
	const plain = plainAddress(address);
	return plain === '::1' || plain.startsWith('127.');
}
