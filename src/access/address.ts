import type { Socket } from 'node:net';

const IPV4_MAPPED = '::ffff:';

/** The address of a peer as rules, limits and logs see it: an IPv4 address that came over an IPv6 socket as IPv4. */
export function plainAddress(address: string): string {
	return address.startsWith(IPV4_MAPPED) ? address.slice(IPV4_MAPPED.length) : address;
}

/** The remote end of `socket` in two parts. */
export function peerOf(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): { ip: string; port: number } {
	return { ip: plainAddress(socket.remoteAddress ?? 'unknown'), port: socket.remotePort ?? 0 };
}

/** The remote end of `socket` as `address:port`, IPv6 in brackets. */
export function peerAddress(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
	const { ip, port } = peerOf(socket);
	return `${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
}
