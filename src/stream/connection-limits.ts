import type { Socket } from 'node:net';
import type { Config } from '../config/schema.js';

const IPV4_MAPPED = '::ffff:';

/** How many connections one thread holds, in total and of each address, against limits.connections and connectionsPerAddress. */
export class ConnectionLimits {
	#limits: Config['limits'];
	#total = 0;
	readonly #byAddress = new Map<string, number>();

	constructor(config: Config) {
		this.#limits = config.limits;
	}

	configure(config: Config): void {
		this.#limits = config.limits;
	}

	/** No address may have another connection; otherwise it is the address's own limit that refuses one. */
	get full(): boolean {
		return this.#total >= this.#limits.connections;
	}

	/** Counts a connection from `address` and returns true, or returns false when it is one too many. */
	admit(address: string): boolean {
		const { connectionsPerAddress } = this.#limits;
		const held = this.#byAddress.get(address) ?? 0;
		const limited = connectionsPerAddress > 0 && !isLoopback(address);
		if (this.full || (limited && held >= connectionsPerAddress)) {
			return false;
		}
		this.#total++;
		this.#byAddress.set(address, held + 1);
		return true;
	}

	/** A connection that was admitted is gone. */
	release(address: string): void {
		this.#total--;
		const held = (this.#byAddress.get(address) ?? 1) - 1;
		if (held > 0) {
			this.#byAddress.set(address, held);
		} else {
			this.#byAddress.delete(address);
		}
	}
}

/** Remote end of `socket` as `address:port`, IPv6 in brackets, IPv4 that came over an IPv6 socket as IPv4. */
export function peerAddress(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
	const address = withoutMapping(socket.remoteAddress ?? 'unknown');
	return `${address.includes(':') ? `[${address}]` : address}:${socket.remotePort ?? 0}`;
}

function isLoopback(address: string): boolean {
	const plain = withoutMapping(address);
	return plain === '::1' || plain.startsWith('127.');
}

function withoutMapping(address: string): string {
	return address.startsWith(IPV4_MAPPED) ? address.slice(IPV4_MAPPED.length) : address;
}
