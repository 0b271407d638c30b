import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { peerAddress } from '../access/address.js';
import { type ErrorCode, reasonOf } from '../errors.js';
import { rawErrorResponse } from '../http/answer.js';
import { type ConnectionLimits, LISTEN_BACKLOG } from '../stream/connection-limits.js';
import type { DeliveryServices } from './delivery-services.js';
import { LentSocket } from './lent-socket.js';
import { asksForWebSocket, readAgain } from './other-upgrades.js';
import type { Router } from './router.js';
import { reportRefusal } from './session-end.js';

const KEEP_ALIVE_IDLE_MS = 15_000;
const TCP_KEEP_ALIVE_DELAY_MS = 30_000;
/** node:http looks this often for request heads that take too long. Its default of 30 s is longer than our limit. */
const CHECK_INTERVAL_MS = 1000;
/** A flush of 64 KiB counts as taken at once, without a 'drain' event for each viewer. */
const HIGH_WATER_MARK = 64 * 1024;
/** A refused connection has this long to read why. */
const REFUSAL_LINGER_MS = 1000;
const SERVICE_UNAVAILABLE = 503;
const TOO_MANY_REQUESTS = 429;

/** node:http's own words for what is wrong with a request. */
const PARSER_STATUS: Readonly<Record<string, { status: number; code: ErrorCode }>> = {
	ERR_HTTP_REQUEST_TIMEOUT: { status: 408, code: 'HANDSHAKE_TIMEOUT' },
	HPE_HEADER_OVERFLOW: { status: 431, code: 'HTTP_REQUEST' },
};
const BAD_REQUEST = { status: 400, code: 'HTTP_REQUEST' } as const;
/** The peer left, perhaps in the middle of a request. That request has an end of its own. */
const GONE = ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'HPE_INVALID_EOF_STATE'];

/** One HTTP listener: accepts connections within the limits and lends them to node:http, which reads the requests. */
export class HttpServer {
	readonly #services: DeliveryServices;
	/** Null: there is no limit for peers that can connect at all. */
	readonly #limits: ConnectionLimits | null;
	readonly #server: http.Server;

	/** @param lends whether connections may be taken back for media; without that, a request costs a third less. */
	constructor(services: DeliveryServices, limits: ConnectionLimits | null, router: Router, lends: boolean) {
		this.#services = services;
		this.#limits = limits;
		const server = http.createServer({
			headersTimeout: services.config.limits.handshakeTimeout,
			// Its default of five minutes would end every push.
			requestTimeout: 0,
			keepAliveTimeout: KEEP_ALIVE_IDLE_MS,
			connectionsCheckingInterval: CHECK_INTERVAL_MS,
			keepAlive: true,
			keepAliveInitialDelay: TCP_KEEP_ALIVE_DELAY_MS,
			highWaterMark: HIGH_WATER_MARK,
		});
		const [serve] = server.listeners('connection');
		server.removeAllListeners('connection');
		server.on('connection', (socket: Socket) => {
			if (this.#admit(socket)) {
				serve?.call(server, lends ? new LentSocket(socket) : socket);
			}
		});
		const onRequest = (request: IncomingMessage, response: ServerResponse): void => router.request(request, response);
		server.on('request', onRequest);
		// A publisher is told to go on when the verdict is there.
		server.on('checkContinue', onRequest);
		server.on('upgrade', (request, socket: Duplex, head) => {
			if (asksForWebSocket(request)) {
				router.upgrade(request, socket as LentSocket, head);
			} else {
				serve?.call(server, readAgain(request, socket as LentSocket | Socket, head));
			}
		});
		server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => this.#onClientError(error, socket));
		this.#server = server;
	}

	/** Listens on an inherited descriptor; resolves when connections are accepted. */
	listen(fd: number): Promise<void> {
		return new Promise((resolve, reject) => {
			this.#server.once('error', reject);
			this.#server.listen({ fd, backlog: LISTEN_BACKLOG }, () => {
				this.#server.off('error', reject);
				// Most likely no descriptors are left: the new connection is turned away, everybody else is served.
				this.#server.on('error', ({ message }) => this.#services.refusals.report('accept failed', message));
				resolve();
			});
		});
	}

	/** Takes over limits.handshakeTimeout. */
	configure(): void {
		this.#server.headersTimeout = this.#services.config.limits.handshakeTimeout;
	}

	/** Accepts no more and closes idle connections; resolves when all others are gone too. */
	close(): Promise<void> {
		return new Promise((resolve) => {
			this.#server.close(() => resolve());
		});
	}

	#admit(socket: Socket): boolean {
		const limits = this.#limits;
		if (limits === null) {
			return true;
		}
		const { counters } = this.#services;
		const address = socket.remoteAddress ?? '';
		if (!limits.admit(address)) {
			const refusal = reasonOf('CONNECTION_LIMIT');
			reportRefusal(this.#services, peerAddress(socket), refusal);
			socket.on('error', () => socket.destroy());
			const status = limits.full ? SERVICE_UNAVAILABLE : TOO_MANY_REQUESTS;
			socket.end(rawErrorResponse(refusal, {}, status));
			socket.resume();
			setTimeout(() => socket.destroy(), REFUSAL_LINGER_MS).unref();
			return false;
		}
		counters.add('currentConnections', 1);
		socket.once('close', () => {
			limits.release(address);
			counters.add('currentConnections', -1);
		});
		return true;
	}

	/** Refuses bytes that are no request, or came too slowly. */
	#onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
		if (!socket.writable || GONE.includes(error.code ?? '')) {
			socket.destroy();
			return;
		}
		const { status, code } = PARSER_STATUS[error.code ?? ''] ?? BAD_REQUEST;
		const refusal = reasonOf(code, error.message);
		reportRefusal(this.#services, peerAddress(socket as LentSocket), refusal);
		socket.end(rawErrorResponse(refusal, {}, status));
	}
}
