import type { IncomingMessage, ServerResponse } from 'node:http';
import { plainAddress } from '../access/address.js';
import { ERROR_CODES, isSystemError, peerErrorOf, type Reason, reasonOf } from '../errors.js';
import { answerError, errorBody, statusOf } from '../http/answer.js';
import type { Access, AccessLog } from '../log/access-log.js';
import type { Counters, ThreadCounter } from '../metrics/counters.js';
import type { FileSource } from './file-source.js';
import { localPathOf } from './local-path.js';
import { type Exchange, respond } from './respond.js';

const INDEX = '/index.html';
const NO_SUCH_FILE = reasonOf('HTTP_REQUEST', 'no such file');
/** By the first digit of the status. */
const STATUS_COUNTER: Readonly<Record<number, ThreadCounter>> = {
	2: 'fileRequests2xx',
	3: 'fileRequests3xx',
	4: 'fileRequests4xx',
	5: 'fileRequests5xx',
};

export type FileServerOptions = {
	source: FileSource;
	counters: Counters;
	accessLog: AccessLog | null;
	/** A file is there and cannot be read, or an upstream does not answer. */
	onFault: (fault: string, detail: string) => void;
};

/** Answers requests for files. */
export class FileServer {
	readonly #options: FileServerOptions;
	/** Header fields as lists, by the object that they came as: most often one and the same. */
	readonly #lists = new WeakMap<object, Pick<Exchange, 'fields' | 'vary'>>();

	constructor(options: FileServerOptions) {
		this.#options = options;
	}

	/** Answers GET and HEAD of `target` (percent-encoded, without the query). `cors` goes with every answer. */
	serve(
		request: IncomingMessage,
		response: ServerResponse,
		target: string,
		cors: Readonly<Record<string, string>>,
	): void {
		const { source } = this.#options;
		const exchange = this.exchange(request, response, cors);
		const local = localPathOf(target === '/' ? INDEX : target);
		if (local === null) {
			this.#refuse(exchange, cors, 404, NO_SUCH_FILE);
			return;
		}
		const wanted = { local, query: queryOf(request), request };
		const hot = source.hot(wanted);
		if (hot !== null) {
			respond(exchange, hot);
			return;
		}
		source.find(wanted).then(
			(supply) => {
				if (supply === null) {
					this.#refuse(exchange, cors, 404, NO_SUCH_FILE);
				} else if (typeof supply === 'function') {
					supply(exchange);
				} else {
					respond(exchange, supply);
				}
			},
			(error: unknown) => {
				// The message of the system names a path on the disk, which is for the log alone.
				const fault = isSystemError(error) ? reasonOf('FILE_UNREADABLE') : peerErrorOf(error);
				this.#options.onFault(ERROR_CODES[fault.code], (error as Error).message);
				this.#refuse(exchange, cors, statusOf(fault.code), fault);
			},
		);
	}

	/** A request as it is counted and logged when it is answered; also of what is served from elsewhere. */
	exchange(request: IncomingMessage, response: ServerResponse, cors: Readonly<Record<string, string>>): Exchange {
		const { counters, accessLog } = this.#options;
		const startedAtMs = accessLog === null ? 0 : performance.now();
		const address = accessLog === null ? '' : request.socket.remoteAddress;
		return {
			request,
			response,
			...this.#listed(cors),
			done: (status, bytes) => {
				counters.add(STATUS_COUNTER[Math.floor(status / 100)] ?? 'fileRequests5xx', 1);
				counters.add('fileBytesOut', bytes);
				accessLog?.write(accessOf(request, address, startedAtMs, status, bytes));
			},
		};
	}

	#listed(cors: Readonly<Record<string, string>>): Pick<Exchange, 'fields' | 'vary'> {
		let listed = this.#lists.get(cors);
		if (listed === undefined) {
			const { Vary: vary = '', ...fields } = cors;
			listed = { fields: Object.entries(fields).flat(), vary };
			this.#lists.set(cors, listed);
		}
		return listed;
	}

	#refuse(
		{ request, response, done }: Exchange,
		cors: Readonly<Record<string, string>>,
		status: number,
		error: Reason,
	): void {
		answerError(response, error, cors, { status, keepAlive: true });
		response.end();
		done(status, request.method === 'HEAD' ? 0 : errorBody(error).length);
	}
}

function queryOf({ url = '' }: IncomingMessage): string {
	const mark = url.indexOf('?');
	return mark < 0 ? '' : url.slice(mark);
}

function accessOf(
	request: IncomingMessage,
	address: string | undefined,
	startedAtMs: number,
	status: number,
	bytes: number,
): Access {
	const { method = '', url: target = '', httpVersion, headers } = request;
	const durationMs = performance.now() - startedAtMs;
	return {
		address: plainAddress(address ?? '-'),
		startedAtMs: Date.now() - durationMs,
		durationMs: Math.round(durationMs * 1000) / 1000,
		method,
		target,
		httpVersion,
		status,
		bytes,
		referer: headers.referer,
		userAgent: headers['user-agent'],
	};
}
