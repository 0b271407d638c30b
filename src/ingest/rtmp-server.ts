import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { peerAddress } from '../access/address.js';
import type { Config } from '../config/schema.js';
import { PeerError } from '../errors.js';
import { ConnectionLimits } from '../stream/connection-limits.js';
import type { ConnectionShare } from '../stream/connection-table.js';
import type { RtmpServices } from './rtmp-services.js';
import { RtmpSession } from './rtmp-session.js';
import { withSharedReads } from './shared-reads.js';

const CHECK_INTERVAL_MS = 1000;
const KEEP_ALIVE_DELAY_MS = 30_000;
/** A flush of 64 KiB counts as taken at once, without a 'drain' event for each player. */
const HIGH_WATER_MARK = 64 * 1024;
/** Publishers that were asked to reconnect, and have not, are closed this long before the deadline of a drain. */
const FAREWELL_MS = 500;

/** Accepts RTMP and RTMPS connections for one thread. */
export class RtmpServer {
	readonly #services: RtmpServices;
	readonly #limits: ConnectionLimits;
	readonly #servers: net.Server[] = [];
	readonly #sessions = new Set<RtmpSession>();
	/** Admitted and not closed yet: longer than its session, which ends before its last words are flushed. */
	readonly #sockets = new Set<net.Socket>();
	/** Addresses of connections that are still in their TLS handshake. */
	readonly #unsecured = new Set<string>();
	#checkTimer: NodeJS.Timeout | null = null;
	#onEmpty: (() => void) | null = null;

	/** @param connections this thread's place in the process's count of connections. */
	constructor(services: RtmpServices, connections?: ConnectionShare) {
		this.#services = { ...services };
		this.#limits = new ConnectionLimits(services.config, connections);
		services.directory.listen({
			publisherChanged: (stream, present) => {
				if (present) {
					for (const session of this.#sessions) {
						session.publisherReturned(stream.streamId);
					}
				}
			},
		});
	}

	/**
	 * Listens, as a rule on an inherited descriptor (`{ fd }`), with TLS if `secure`; resolves when connections are accepted.
	 * @returns the port.
	 * @throws Error when it cannot be listened there or the certificate of config.tls cannot be read.
	 */
	async listen(on: net.ListenOptions, secure = false): Promise<number> {
		const options = {
			noDelay: true,
			keepAlive: true,
			keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
			highWaterMark: HIGH_WATER_MARK,
		};
		const server = secure
			? tls.createServer({
					...options,
					...secureContext(this.#services.config),
					handshakeTimeout: this.#services.config.limits.handshakeTimeout,
				})
			: net.createServer({ ...options, pauseOnConnect: true });
		if (secure) {
			server.prependListener('connection', (socket: net.Socket) => this.#admit(socket, secure));
			server.on('secureConnection', (socket: net.Socket) => this.#open(socket, secure));
		} else {
			server.on('connection', (accepted: net.Socket) => {
				const socket = withSharedReads(accepted, HIGH_WATER_MARK);
				this.#admit(socket, secure);
				this.#open(socket, secure);
			});
		}
		this.#servers.push(server);
		this.#checkTimer ??= setInterval(() => this.#checkTimes(), CHECK_INTERVAL_MS);
		await new Promise<void>((resolve, reject) => {
			server.once('error', reject);
			server.listen(on, () => {
				server.off('error', reject);
				// A connection cannot be accepted. The open ones go on.
				server.on('error', (error) => this.#services.log.warn({ reason: error.message }, 'accept failed'));
				resolve();
			});
		});
		return (server.address() as net.AddressInfo).port;
	}

	/** Takes over limits, policies and the certificate. */
	configure(config: Config): void {
		this.#services.config = config;
		this.#limits.configure(config);
		for (const server of this.#servers) {
			if (server instanceof tls.Server) {
				server.setSecureContext(secureContext(config));
			}
		}
	}

	/** Accepts no more and ends every session politely; resolves when all are gone, at the latest after `deadlineMs`. */
	async drain(deadlineMs: number): Promise<void> {
		for (const server of this.#servers) {
			server.close();
		}
		for (const session of [...this.#sessions]) {
			session.drain();
		}
		if (this.#sockets.size > 0) {
			const empty = new Promise<void>((resolve) => {
				this.#onEmpty = resolve;
			});
			const farewell = setTimeout(() => this.#endAll(), Math.max(0, deadlineMs - FAREWELL_MS));
			const deadline = setTimeout(() => this.#destroyAll(), deadlineMs);
			await empty;
			clearTimeout(farewell);
			clearTimeout(deadline);
		}
		if (this.#checkTimer !== null) {
			clearInterval(this.#checkTimer);
		}
	}

	#admit(socket: net.Socket, secure: boolean): void {
		this.#services.counters.add('sessionsAccepted', 1);
		const address = socket.remoteAddress ?? '';
		if (!this.#limits.admit(address)) {
			this.#services.counters.countClosed('CONNECTION_LIMIT');
			socket.destroy();
			return;
		}
		this.#services.counters.add('currentConnections', 1);
		this.#sockets.add(socket);
		const peer = peerAddress(socket);
		if (secure) {
			this.#unsecured.add(peer);
		}
		socket.once('close', () => {
			if (this.#unsecured.delete(peer)) {
				this.#services.counters.countClosed('RTMP_HANDSHAKE');
			}
			this.#limits.release(address);
			this.#services.counters.add('currentConnections', -1);
			this.#sockets.delete(socket);
			if (this.#sockets.size === 0) {
				this.#onEmpty?.();
			}
		});
	}

	#open(socket: net.Socket, secure: boolean): void {
		if (socket.destroyed) {
			return;
		}
		const protocol = secure ? 'rtmps' : 'rtmp';
		const peer = peerAddress(socket);
		this.#unsecured.delete(peer);
		const session = new RtmpSession(socket, protocol, peer, this.#services, (ended) => this.#sessions.delete(ended));
		this.#sessions.add(session);
	}

	#endAll(): void {
		for (const session of [...this.#sessions]) {
			session.connection.end(new PeerError('SERVER_STOPPING'));
		}
	}

	#destroyAll(): void {
		for (const socket of this.#sockets) {
			socket.destroy();
		}
	}

	#checkTimes(): void {
		const nowMs = performance.now();
		for (const session of this.#sessions) {
			session.checkTimes(nowMs);
		}
	}
}

/** Certificate and key as they are on disk now. */
function secureContext(config: Config): tls.SecureContextOptions {
	return { cert: readFileSync(config.tls.cert), key: readFileSync(config.tls.key) };
}
