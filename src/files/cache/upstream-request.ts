import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { type ErrorCode, PeerError, peerErrorOf } from '../../errors.js';
import { basicAuthorization, type ServerAddress } from '../../protocol/credentials.js';

/** A request that goes from upstream to upstream until one answers. */
export type UpstreamRequest = {
	method: string;
	/** Path and query. */
	target: string;
	headers: http.OutgoingHttpHeaders;
	/** The upstream is given up when nothing comes for this long. */
	timeoutMs: number;
	/** Nobody wants the answer any more. */
	signal?: AbortSignal;
};

/** In which order upstreams are asked, and what is told of them. */
export type UpstreamOrder = {
	order(): readonly ServerAddress[];
	failed(address: string): void;
	worked(address: string): void;
};

const UNAUTHORIZED = 401;
const BLOCKING = /[?&]_HLS_msn=/;
const ABOUT_THE_OBJECT: readonly ErrorCode[] = ['RELAY_LOOP', 'HLS_STALLED'];
/** Node's codes for a stream that was cut off, on either side of what is handed on. */
const STREAM_CODES = ['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'];
/** Connections to one upstream that are open at once, and those kept open while idle. */
const MAX_SOCKETS = 256;
const MAX_FREE_SOCKETS = 32;
const agentOptions = {
	keepAlive: true,
	maxSockets: MAX_SOCKETS,
	maxFreeSockets: MAX_FREE_SOCKETS,
	scheduling: 'lifo',
} as const;

/** Asks upstreams by HTTP over connections that are kept. */
export class UpstreamClient {
	readonly #upstreams: UpstreamOrder;
	readonly #onAttempt: (fault: PeerError | null) => void;
	readonly #agents: { 'http:': http.Agent; 'https:': https.Agent };

	/**
	 * @param onAttempt hears of each request to an upstream: null when it was answered. A fault names the upstream: it is for the log.
	 * @param socketPath Unix socket that all upstreams are asked through.
	 */
	constructor(upstreams: UpstreamOrder, onAttempt: (fault: PeerError | null) => void, socketPath?: string) {
		const options = socketPath === undefined ? agentOptions : { ...agentOptions, socketPath };
		this.#agents = { 'http:': new http.Agent(options), 'https:': new https.Agent(options) };
		this.#upstreams = upstreams;
		this.#onAttempt = onAttempt;
	}

	/**
	 * `use` gets the head of the first answer that is no server error, and reads the rest; when it rejects, the next upstream is asked
	 * unless `isFinal` says that it is too late. Throws PeerError UPSTREAM_FAILED, UPSTREAM_TIMEOUT,
	 * RELAY_LOOP or HLS_STALLED when nobody has answered; its message goes to strangers and names no upstream. A fault of our own in `use` is thrown as it is, and no upstream is blamed.
	 */
	async ask<T>(
		request: UpstreamRequest,
		use: (response: IncomingMessage) => Promise<T>,
		isFinal = (): boolean => false,
	): Promise<T> {
		let code: ErrorCode = 'UPSTREAM_FAILED';
		for (const upstream of this.#upstreams.order()) {
			const { address } = upstream;
			let response: IncomingMessage | null = null;
			try {
				response = await this.#head(upstream, request);
				const result = await use(response);
				this.#upstreams.worked(address);
				this.#onAttempt(null);
				return result;
			} catch (error) {
				const fault = peerErrorOf(isOfConnection(error, response) ? failure(address, error) : error);
				if (request.signal?.aborted) {
					throw new PeerError('PEER_GONE');
				}
				code = fault.code;
				this.#onAttempt(fault);
				if (!isAboutObject(fault)) {
					this.#upstreams.failed(address);
				}
				if (isFinal()) {
					break;
				}
			}
		}
		throw new PeerError(code);
	}

	close(): void {
		this.#agents['http:'].destroy();
		this.#agents['https:'].destroy();
	}

	#head(
		{ address, credentials }: ServerAddress,
		{ method, target, headers: wanted, timeoutMs, signal }: UpstreamRequest,
	): Promise<IncomingMessage> {
		const headers = credentials === null ? wanted : { ...wanted, authorization: basicAuthorization(credentials) };
		return new Promise((resolve, reject) => {
			const url = new URL(address);
			const secure = url.protocol === 'https:';
			const path = url.pathname.replace(/\/$/, '') + target;
			const agent = this.#agents[secure ? 'https:' : 'http:'];
			const { hostname, port } = url;
			const request = (secure ? https : http).request({
				...{ host: hostname.replace(/^\[|\]$/g, ''), port, method, path, agent, headers, timeout: timeoutMs },
				...(signal === undefined ? {} : { signal }),
			});
			request.on('timeout', () => request.destroy(new PeerError('UPSTREAM_TIMEOUT', address)));
			request.on('error', (error) => reject(error instanceof PeerError ? error : failure(address, error)));
			request.on('response', (response) => {
				const status = response.statusCode ?? 0;
				if (status >= 500 || (status === UNAUTHORIZED && credentials !== null)) {
					response.resume();
					reject(new PeerError(codeOf(status, target), `${address} answered ${status}`));
				} else {
					resolve(response);
				}
			});
			request.end();
		});
	}
}

/** True for a fault that says nothing against the upstream. */
export function isAboutObject({ code }: PeerError): boolean {
	return ABOUT_THE_OBJECT.includes(code);
}

/** True when an LL-HLS request for `target` waits at the upstream until its part is there. */
export function isBlocking(target: string): boolean {
	return BLOCKING.test(target);
}

/** Returns the code for a server error. */
function codeOf(status: number, target: string): ErrorCode {
	if (status === 508) {
		return 'RELAY_LOOP';
	}
	return status === 503 && isBlocking(target) ? 'HLS_STALLED' : 'UPSTREAM_FAILED';
}

function failure(address: string, { message }: Error): PeerError {
	return new PeerError('UPSTREAM_FAILED', `${address}: ${message}`);
}

/** True when reading an answer, or handing it on, has failed because a connection ended. */
function isOfConnection(error: unknown, response: IncomingMessage | null): error is Error {
	return (
		error instanceof Error &&
		!(error instanceof PeerError) &&
		((response !== null && error === response.errored) ||
			STREAM_CODES.includes((error as NodeJS.ErrnoException).code ?? ''))
	);
}
