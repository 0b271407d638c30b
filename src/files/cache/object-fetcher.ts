import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { LRUCache } from 'lru-cache';
import type { Config } from '../../config/schema.js';
import { type PeerError, peerErrorOf } from '../../errors.js';
import type { Counters } from '../../metrics/counters.js';
import { cachePolicy } from './cache-policy.js';
import type { DiskStore } from './disk-store.js';
import { type Result, type StoredObject, storedBytes } from './stored-object.js';
import { isBlocking, type UpstreamClient } from './upstream-request.js';

/**
 * An owner's word on an object: the object and its origin; or `through`: it is for one client alone, or too large to be
 * kept.
 */
export type Outcome = { object: StoredObject; result: Result } | 'through';

/** The request for an object that is not to be kept goes straight through for this long. */
const REMEMBER_THROUGH_MS = 60_000;
const MAX_REMEMBERED = 10_000;
/** While no upstream answers, what is stale is given out for this long before they are asked again. */
const STALE_HOLD_MS = 1000;
/** rfc8216bis 6.2.5.2: a server gives up after three target durations; this is three of the longest that anybody uses. */
const BLOCKING_TIMEOUT_MS = 60_000;

export type FetcherOptions = {
	config: () => Config;
	/** The memory that objects may take. */
	memoryBytes: number;
	disk: DiskStore | null;
	client: UpstreamClient;
	counters: Counters;
	/** Header fields of every request that pass on who asks. */
	relayFields: (via: readonly string[]) => OutgoingHttpHeaders;
};

/** Gets the objects that a thread owns from upstreams: one request at a time for each, however many want it. */
export class ObjectFetcher {
	readonly #options: FetcherOptions;
	readonly #memory: LRUCache<string, StoredObject>;
	readonly #fetching = new Map<string, Promise<Outcome>>();
	readonly #through = new LRUCache<string, true>({ max: MAX_REMEMBERED, ttl: REMEMBER_THROUGH_MS });

	constructor(options: FetcherOptions) {
		this.#options = options;
		this.#memory = new LRUCache({ maxSize: Math.max(1, options.memoryBytes), sizeCalculation: storedBytes });
	}

	/** Bytes in memory. */
	get memoryBytes(): number {
		return this.#memory.calculatedSize;
	}

	/** Returns an object that this thread owns, if it is in memory. */
	kept(key: string): StoredObject | undefined {
		return this.#memory.get(key);
	}

	/** The object, fresh or as fresh as can be had. Rejects with PeerError when there is none. */
	fetch(key: string, via: readonly string[]): Promise<Outcome> {
		const kept = this.#memory.get(key);
		if (kept !== undefined && kept.freshUntilMs > Date.now()) {
			return Promise.resolve({ object: kept, result: kept.stale ? 'stale' : 'hit' });
		}
		const running = this.#fetching.get(key);
		if (running !== undefined) {
			return running;
		}
		const fetching = this.#fetch(key, via, kept ?? null).finally(() => this.#fetching.delete(key));
		this.#fetching.set(key, fetching);
		return fetching;
	}

	/**
	 * Takes an answer of an upstream as the object that it is, in memory only: who owns it does not matter. For those who have asked
	 * for it by themselves.
	 */
	take(key: string, response: IncomingMessage): Promise<Outcome> {
		return this.#take(key, response, null, null);
	}

	async #fetch(key: string, via: readonly string[], inMemory: StoredObject | null): Promise<Outcome> {
		if (this.#through.has(key)) {
			return 'through';
		}
		const kept = inMemory ?? (await this.#options.disk?.get(key)) ?? null;
		if (kept !== null && kept.freshUntilMs > Date.now()) {
			this.#keep(kept);
			return { object: kept, result: 'hit' };
		}
		const { config, client, disk, relayFields } = this.#options;
		const blocks = isBlocking(key);
		const request = {
			method: 'GET',
			target: encodeTarget(key),
			headers: { ...relayFields(via), 'Accept-Encoding': 'identity', ...conditions(kept) },
			timeoutMs: blocks ? BLOCKING_TIMEOUT_MS : config().gateway.stallTimeout,
		};
		try {
			let status = 0;
			const outcome = await client.ask(request, (response) => {
				status = response.statusCode ?? 0;
				return this.#take(key, response, kept, disk);
			});
			// An answer that is refused now may be for all in a moment: a playlist that was asked for too early.
			if (outcome === 'through' && status < 400) {
				this.#through.set(key, true);
			}
			return outcome;
		} catch (error) {
			return this.#withoutUpstream(kept, blocks, peerErrorOf(error));
		}
	}

	async #take(
		key: string,
		response: IncomingMessage,
		kept: StoredObject | null,
		disk: DiskStore | null,
	): Promise<Outcome> {
		const { headers, statusCode = 0 } = response;
		const { maxObject, notFound, staleIfError } = this.#options.config().cache;
		if (statusCode === 304 && kept !== null) {
			response.resume();
			const { freshMs, reuseMs } = cachePolicy(
				key,
				{ ...headers, 'cache-control': headers['cache-control'] ?? kept.cacheControl ?? undefined },
				new Uint8Array(kept.body),
			);
			const object = { ...kept, ...times(headers, freshMs, reuseMs, staleIfError), stale: false };
			this.#keep(object);
			return { object, result: 'revalidated' };
		}
		const missing = statusCode === 404 || statusCode === 410;
		const isWhole = statusCode === 200 || missing;
		if (!isWhole || headers['content-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > maxObject) {
			response.destroy();
			return 'through';
		}
		const body = await readShared(response, maxObject);
		if (body === null) {
			return 'through';
		}
		this.#options.counters.add('fileUpstreamBytes', body.byteLength);
		const policy = cachePolicy(key, headers, new Uint8Array(body));
		if (policy.isPrivate) {
			return 'through';
		}
		const freshMs = missing ? notFound : policy.freshMs;
		const object: StoredObject = {
			key,
			status: missing ? statusCode : 200,
			contentType: headers['content-type'] ?? '',
			cacheControl: headers['cache-control'] ?? null,
			etag: headers.etag ?? null,
			lastModified: headers['last-modified'] ?? null,
			body,
			...times(headers, freshMs, missing ? 0 : policy.reuseMs, missing ? 0 : staleIfError),
			stale: false,
		};
		if (policy.mayKeep || missing) {
			this.#keep(object);
			disk?.put(object);
		} else {
			this.#memory.delete(key);
		}
		return { object, result: 'miss' };
	}

	#withoutUpstream(kept: StoredObject | null, blocks: boolean, error: PeerError): Outcome {
		const nowMs = Date.now();
		// An answer to a blocking request that comes too early would break its promise.
		if (kept === null || kept.status !== 200 || kept.errorUntilMs <= nowMs || blocks) {
			throw error;
		}
		const object = { ...kept, freshUntilMs: nowMs + STALE_HOLD_MS, reuseUntilMs: 0, stale: true };
		this.#keep(object);
		return { object, result: 'stale' };
	}

	#keep(object: StoredObject): void {
		this.#memory.set(object.key, object);
	}
}

function conditions(kept: StoredObject | null): OutgoingHttpHeaders {
	if (kept === null || kept.status !== 200) {
		return {};
	}
	return {
		...(kept.etag === null ? {} : { 'If-None-Match': kept.etag }),
		...(kept.lastModified === null ? {} : { 'If-Modified-Since': kept.lastModified }),
	};
}

function times(
	headers: IncomingMessage['headers'],
	freshMs: number,
	reuseMs: number,
	errorMs: number,
): Pick<StoredObject, 'bornAtMs' | 'freshUntilMs' | 'reuseUntilMs' | 'errorUntilMs'> {
	const nowMs = Date.now();
	const freshUntilMs = nowMs + freshMs;
	const bornAtMs = nowMs - (Number(headers.age ?? 0) || 0) * 1000;
	return { bornAtMs, freshUntilMs, reuseUntilMs: freshUntilMs + reuseMs, errorUntilMs: freshUntilMs + errorMs };
}

/** Reads a body into memory that threads share; null when it is larger than `maxBytes`. */
async function readShared(response: IncomingMessage, maxBytes: number): Promise<SharedArrayBuffer | null> {
	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of response as AsyncIterable<Buffer>) {
		chunks.push(chunk);
		length += chunk.length;
		if (length > maxBytes) {
			return null;
		}
	}
	const body = new SharedArrayBuffer(length);
	const bytes = new Uint8Array(body);
	let at = 0;
	for (const chunk of chunks) {
		bytes.set(chunk, at);
		at += chunk.length;
	}
	return body;
}

/** A key is a decoded path with its query. */
export function encodeTarget(key: string): string {
	const mark = key.indexOf('?');
	const [path, query] = mark < 0 ? [key, ''] : [key.slice(0, mark), key.slice(mark)];
	return path.split('/').map(encodeURIComponent).join('/') + query;
}
