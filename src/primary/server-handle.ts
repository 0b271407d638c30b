import net from 'node:net';
import { getSystemErrorName } from 'node:util';

/**
 * The one use of a private interface of Node: `net._createServerHandle`, with which node:cluster itself binds a socket without
 * accepting on it (Node 20 to 24). Nothing public does that, and nothing public duplicates a descriptor.
 */

/** A TCP or Unix socket that is bound. Closes its descriptor when it is collected: keep it as long as the port is wanted. */
export type ServerHandle = {
	readonly fd: number;
	/** From now on the kernel completes connections. The event loop would accept them: close before it turns. @returns 0 or an error number. */
	listen(backlog: number): number;
	/** Fills in the address. @returns 0, or the error number of a bind that failed. */
	getsockname(out: { address?: string; port?: number }): number;
	close(): void;
};

/** In place of port and family: the address is a path. */
const UNIX = -1;
/** unix(7): sun_path with its zero; 104 bytes on other systems than Linux. */
const MAX_UNIX_PATH_BYTES = 103;

type CreateServerHandle = (
	address: string | null,
	port: number | null,
	family: 4 | 6 | typeof UNIX | null,
	fd: number | undefined,
	flags: number,
) => ServerHandle | number;

const createServerHandle = (net as unknown as { _createServerHandle: CreateServerHandle })._createServerHandle;

/** Binds `address:port` (0 = any free port). @returns the handle, or the name of the error: `EADDRINUSE`, `EACCES`. */
export function bindHandle(address: string, port: number): ServerHandle | string {
	const handle = createServerHandle(address, port, net.isIPv6(address) ? 6 : 4, undefined, 0);
	if (typeof handle === 'number') {
		return getSystemErrorName(handle);
	}
	// "In use" is not told by the bind itself.
	const error = handle.getsockname({});
	if (error !== 0) {
		handle.close();
		return getSystemErrorName(error);
	}
	return handle;
}

/**
 * Binds a Unix socket. The one who closes the handle removes the file. @returns the handle, or the name of the error.
 */
export function bindUnixHandle(path: string): ServerHandle | string {
	// libuv cuts a longer one and binds what is left.
	if (Buffer.byteLength(path) > MAX_UNIX_PATH_BYTES) {
		return 'ENAMETOOLONG';
	}
	const handle = createServerHandle(path, UNIX, UNIX, undefined, 0);
	return typeof handle === 'number' ? getSystemErrorName(handle) : handle;
}

export function boundPort(handle: ServerHandle): number {
	const address: { port?: number } = {};
	handle.getsockname(address);
	return address.port ?? 0;
}

/**
 * Puts the socket behind `fd` into the listening state and closes this descriptor of it: connections wait in the kernel's backlog
 * until somebody accepts on another one. @returns null, or the name of the error.
 */
export function listenAndClose(fd: number, backlog: number): string | null {
	const handle = createServerHandle(null, null, null, fd, 0);
	if (typeof handle === 'number') {
		return getSystemErrorName(handle);
	}
	const error = handle.listen(backlog);
	handle.close();
	return error === 0 ? null : getSystemErrorName(error);
}
