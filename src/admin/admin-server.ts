import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, BlockList, isIP } from 'node:net';
import { Access } from '../access/access.js';
import { httpAccessRequest } from '../access/http-request.js';
import { errorBody, statusOf } from '../http/answer.js';
import type { Logger } from '../log/logger.js';
import { AdminApi, type AdminResponse, type AdminSource } from './admin-api.js';

export type AdminOptions = { host: string; port: number };

const HEADERS_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_TIMEOUT_MS = 30_000;
/** Node looks this often for connections past these limits; its default is 30 s. */
const CHECK_INTERVAL_MS = 1000;
const MAX_CONNECTIONS = 256;
const NO_STREAM = { app: '', name: '' } as const;

/** The admin port: a small HTTP server in the primary, on loopback by default. It has no password: keep it private. */
export class AdminServer {
	readonly #api: AdminApi;
	readonly #access: Access;
	readonly #options: AdminOptions;
	readonly #log: Logger;
	readonly #server: Server;

	constructor(source: AdminSource, options: AdminOptions, log: Logger) {
		this.#api = new AdminApi(source);
		this.#options = options;
		this.#log = log;
		this.#access = new Access('admin', log);
		this.#server = createServer(
			{
				headersTimeout: HEADERS_TIMEOUT_MS,
				requestTimeout: REQUEST_TIMEOUT_MS,
				keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
				connectionsCheckingInterval: CHECK_INTERVAL_MS,
			},
			(request, response) => this.#serve(request, response),
		);
		this.#server.maxConnections = MAX_CONNECTIONS;
	}

	/** Resolves with the bound address; rejects with the system's error when it cannot be bound. */
	listen(): Promise<AddressInfo> {
		return new Promise((resolve, reject) => {
			this.#server.once('error', reject);
			this.#server.listen(this.#options.port, this.#options.host, () => {
				this.#server.off('error', reject);
				resolve(this.#server.address() as AddressInfo);
			});
		});
	}

	/** Closes the port and what is open on it. */
	close(): Promise<void> {
		const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
		this.#server.closeAllConnections();
		return closed;
	}

	async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const method = request.method ?? 'GET';
		const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
		request.resume();
		const answer = isRebound(request) ? MISDIRECTED : await this.#judged(request, method, path, query);
		response.writeHead(answer.status, {
			'content-type': answer.type,
			'content-length': Buffer.byteLength(answer.body),
			'cache-control': 'no-store',
			'x-content-type-options': 'nosniff',
			...answer.headers,
		});
		response.end(method === 'HEAD' ? undefined : answer.body);
	}

	async #judged(request: IncomingMessage, method: string, path: string, query: string): Promise<AdminResponse> {
		const wish = { action: 'api', asked: NO_STREAM, protocol: 'api', query } as const;
		const verdict = await this.#access.judgeApi(httpAccessRequest(request, { ...wish, ...this.#access.identify() }));
		if (!verdict.allowed) {
			const { code, message } = verdict;
			return { status: statusOf(code), type: 'application/json; charset=utf-8', body: errorBody({ code, message }) };
		}
		return this.#answer(method, path);
	}

	async #answer(method: string, path: string): Promise<AdminResponse> {
		try {
			return await this.#api.answer(method, path);
		} catch (error) {
			this.#log.error({ err: error, method, path }, 'admin request failed');
			return { status: 500, type: 'text/plain; charset=utf-8', body: 'the request failed; see the log\n' };
		}
	}
}

const MISDIRECTED: AdminResponse = {
	status: 421,
	type: 'text/plain; charset=utf-8',
	body: 'use an address or localhost as host name\n',
};

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/**
 * A web page elsewhere whose host name was made to point at this machine (DNS rebinding) could use the port through the
 * browser of a user on this machine. Such a request comes over loopback and names that host.
 */
function isRebound(request: IncomingMessage): boolean {
	const { localAddress = '', localFamily } = request.socket;
	if (!loopback.check(localAddress, localFamily === 'IPv6' ? 'ipv6' : 'ipv4')) {
		return false;
	}
	const host = (request.headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
	return host !== '' && host !== 'localhost' && isIP(host) === 0;
}
