import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../config/schema.js';
import type { Access, AccessLog } from '../../log/access-log.js';
import type { Counters, ThreadCounter } from '../../metrics/counters.js';
import { plainAddress } from '../../stream/connection-limits.js';
import { answerError, errorBody } from '../http-answer.js';
import { endOf, type SessionEnd } from '../session-end.js';
import { directoryListing } from './directory-listing.js';
import { DiskFiles, type Place } from './disk-files.js';
import { localPathOf } from './local-path.js';
import type { Representation } from './representation.js';
import { type Exchange, respond } from './respond.js';

/** The pages as the build leaves them, beside this folder's. */
const WEB_ROOT = fileURLToPath(new URL('../../web', import.meta.url));
/** Folders of the media root that are open to the public. */
const MEDIA_FOLDERS = ['flv', 'hls', 'mp4'];
const INDEX = '/index.html';
/** By the first digit of the status. */
const STATUS_COUNTER: Readonly<Record<number, ThreadCounter>> = {
	2: 'fileRequests2xx',
	3: 'fileRequests3xx',
	4: 'fileRequests4xx',
	5: 'fileRequests5xx',
};

export type FileServerOptions = {
	config: () => Config;
	/** What hot files may take. */
	memoryBytes: number;
	counters: Counters;
	accessLog: AccessLog | null;
	/** A file is there and cannot be read. */
	onFault: (fault: string, detail: string) => void;
	/** Everything below the media root is public, not only the recordings. */
	wholeRoot: boolean;
};

/** Serves files: recordings below the media root, everything else from the built pages. */
export class FileServer {
	readonly #options: FileServerOptions;
	readonly #files: DiskFiles;

	constructor(options: FileServerOptions) {
		this.#options = options;
		this.#files = new DiskFiles(options.memoryBytes, options.counters);
	}

	/** Answers GET and HEAD of `target` (percent-encoded, without the query). `cors` goes with every answer. */
	serve(
		request: IncomingMessage,
		response: ServerResponse,
		target: string,
		cors: Readonly<Record<string, string>>,
	): void {
		const exchange = this.#exchange(request, response, cors);
		const local = localPathOf(target === '/' ? INDEX : target);
		const hot = local === null ? null : this.#files.hot(local);
		if (hot !== null) {
			respond(exchange, hot);
		} else if (local === null) {
			this.#refuse(exchange, cors, 404, endOf('HTTP_REQUEST', 'no such file'));
		} else {
			this.#find(local).then(
				(representation) => {
					if (representation === null) {
						this.#refuse(exchange, cors, 404, endOf('HTTP_REQUEST', 'no such file'));
					} else {
						respond(exchange, representation);
					}
				},
				(error: Error) => {
					this.#options.onFault('a file cannot be read', error.message);
					this.#refuse(exchange, cors, 500, endOf('FILE_UNREADABLE'));
				},
			);
		}
	}

	async #find(local: string): Promise<Representation | null> {
		const places = this.#places(local);
		if (!local.endsWith('/')) {
			const found = await this.#files.find(local, places);
			return found?.kind === 'file' ? found.representation : null;
		}
		if (!this.#options.config().files.listing) {
			return null;
		}
		for (const place of places) {
			const names = await this.#files.list(place);
			if (names !== null) {
				return directoryListing(local, names);
			}
		}
		return null;
	}

	/** Where a path is looked for. Each folder of recordings is a root of its own. */
	#places(local: string): Place[] {
		const media = path.resolve(this.#options.config().media);
		const pages = { root: WEB_ROOT, local };
		if (this.#options.wholeRoot) {
			return [{ root: media, local }, pages];
		}
		const [, folder = ''] = local.split('/', 2);
		const below = local.slice(folder.length + 1);
		return MEDIA_FOLDERS.includes(folder) && below !== ''
			? [{ root: path.join(media, folder), local: below }]
			: [pages];
	}

	#exchange(request: IncomingMessage, response: ServerResponse, cors: Readonly<Record<string, string>>): Exchange {
		const { counters, accessLog } = this.#options;
		const startedAtMs = accessLog === null ? 0 : performance.now();
		const address = accessLog === null ? '' : request.socket.remoteAddress;
		const { Vary: vary = '', ...fields } = cors;
		return {
			request,
			response,
			fields: Object.entries(fields).flat(),
			vary,
			done: (status, bytes) => {
				counters.add(STATUS_COUNTER[Math.floor(status / 100)] ?? 'fileRequests5xx', 1);
				counters.add('fileBytesOut', bytes);
				accessLog?.write(accessOf(request, address, startedAtMs, status, bytes));
			},
		};
	}

	#refuse(
		{ request, response, done }: Exchange,
		cors: Readonly<Record<string, string>>,
		status: number,
		error: SessionEnd,
	): void {
		answerError(response, error, cors, { status, keepAlive: true });
		response.end();
		done(status, request.method === 'HEAD' ? 0 : errorBody(error).length);
	}
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
