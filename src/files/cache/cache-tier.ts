import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { MessagePort } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import type { Config } from '../../config/schema.js';
import { PeerError, peerErrorOf } from '../../errors.js';
import { statusOf } from '../../http/answer.js';
import { parseMediaPath, parseStreamPath } from '../../http/paths.js';
import { parseLiveName } from '../../live/names.js';
import type { Counters, FileCounter } from '../../metrics/counters.js';
import { formatVia, parseVia, VIA_HEADER } from '../../protocol/relay.js';
import { Upstreams } from '../../relay/upstreams.js';
import type { FileSource, Supply, Wanted } from '../file-source.js';
import type { Representation } from '../representation.js';
import { type Exchange, respond } from '../respond.js';
import { sendGrowing } from '../send-growing.js';
import { CachePeers, ownerOf } from './cache-peers.js';
import { DiskStore } from './disk-store.js';
import { GrowingObjects, type GrowingOutcome } from './growing-objects.js';
import { encodeTarget, ObjectFetcher, type Outcome } from './object-fetcher.js';
import { passThrough, refuse } from './pass-through.js';
import {
	cacheFields,
	objectRepresentation,
	type Result,
	type StoredObject,
	storedBytes,
	VIA,
} from './stored-object.js';
import { isAboutObject, UpstreamClient } from './upstream-request.js';

const RESULT_COUNTER: Readonly<Record<Result, FileCounter>> = {
	hit: 'fileCacheHits',
	miss: 'fileCacheMisses',
	revalidated: 'fileCacheRevalidated',
	stale: 'fileCacheStale',
};

/** At the upstream this path would be a live stream. No file would ever end. */
function namesStream(local: string): boolean {
	return parseStreamPath(local)?.flv === true;
}

/** A segment of live DASH is passed on while it is being made. */
function isGrowing(local: string): boolean {
	const media = local.endsWith('.m4s') ? parseMediaPath(local) : null;
	return media?.folder === 'hls' && parseLiveName(media.rest)?.kind === 'track-segment';
}

/** Header fields of what is passed on while it is being made. */
const PASSED_ON = ['Cache-Status', 'millrace; fwd=uri-miss', 'Via', VIA];

export type CacheTierOptions = {
	/** The current one. */
	config: () => Config;
	/** The index of this thread among `threads`. */
	index: number;
	threads: number;
	/** By which an answer that goes in a circle is found out. */
	processId: string;
	/** Unix socket of the one upstream that there is. */
	socketPath?: string;
	counters: Counters;
	onFault: (fault: string, detail: string) => void;
};

/** Files of upstreams, kept as long as they may be: one thread's share of a cache of several. */
export class CacheTier implements FileSource {
	readonly #options: CacheTierOptions;
	readonly #upstreams: Upstreams;
	readonly #client: UpstreamClient;
	readonly #disk: DiskStore | null;
	readonly #fetcher: ObjectFetcher;
	readonly #growing: GrowingObjects;
	readonly #peers: CachePeers;
	/** Objects that other threads own; their bodies are shared with them. */
	readonly #foreign: LRUCache<string, StoredObject>;
	readonly #representations = new WeakMap<StoredObject, Representation>();
	readonly #asking = new Map<string, Promise<Outcome>>();

	constructor(options: CacheTierOptions) {
		const { config, threads, index, socketPath, counters, onFault } = options;
		const { cache, gateway } = config();
		this.#options = options;
		this.#upstreams = new Upstreams(gateway.upstreams);
		const onAttempt = (fault: PeerError | null): void => {
			counters.add('fileUpstreamRequests', 1);
			counters.add('fileUpstreamFailures', fault === null ? 0 : 1);
			if (fault !== null && !isAboutObject(fault)) {
				onFault('an upstream has failed', fault.message);
			}
		};
		this.#client = new UpstreamClient(this.#upstreams, onAttempt, socketPath);
		const shareBytes = Math.floor(cache.memory / (threads === 1 ? 1 : threads * 2));
		this.#foreign = new LRUCache({ maxSize: Math.max(1, shareBytes), sizeCalculation: storedBytes });
		const onBytes = (bytes: number): void => counters.set('currentFileDiskBytes', bytes);
		const owns = (name: string): boolean => ownerOf(name, threads) === index;
		this.#disk =
			cache.directory === ''
				? null
				: new DiskStore({
						directory: cache.directory,
						maxBytes: Math.floor(cache.disk / threads),
						owns,
						onBytes,
						onFault,
					});
		const asking = {
			config,
			client: this.#client,
			counters,
			relayFields: (via: readonly string[]) => this.#relayFields(via),
		};
		this.#fetcher = new ObjectFetcher({ ...asking, memoryBytes: shareBytes, disk: this.#disk });
		this.#growing = new GrowingObjects({ ...asking, fetcher: this.#fetcher });
		this.#peers = new CachePeers(index, threads, (key, via) => this.#fetcher.fetch(key, via));
	}

	/** Reads what is on the disk. */
	async start(): Promise<void> {
		await this.#disk?.start();
	}

	/** Takes over another list of upstreams. */
	configure(): void {
		this.#upstreams.configure(this.#options.config().gateway.upstreams);
	}

	addPeer(index: number, port: MessagePort): void {
		this.#peers.add(index, port);
	}

	removePeer(index: number): void {
		this.#peers.remove(index);
	}

	/** Gives up its connections; resolves when nothing is being written to the disk any more. */
	async close(): Promise<void> {
		this.#client.close();
		await this.#disk?.flush();
	}

	hot({ local, query, request }: Wanted): Representation | null {
		const object = isForAll(request) ? this.#kept(local + query) : undefined;
		const nowMs = Date.now();
		if (object === undefined || object.freshUntilMs <= nowMs || object.status !== 200) {
			return null;
		}
		return this.#answer(object, object.stale ? 'stale' : 'hit', nowMs);
	}

	async find({ local, query, request }: Wanted): Promise<Supply> {
		if (namesStream(local)) {
			throw new PeerError('STREAM_NOT_FOUND', 'this is a gateway of files');
		}
		const via = this.#checkLoop(request);
		const key = local + query;
		const growing = isGrowing(local);
		if (!isForAll(request) || (growing && request.method === 'HEAD')) {
			return this.#through(key, via);
		}
		if (growing) {
			return (exchange) => this.#serveGrowing(exchange, key, via);
		}
		const kept = this.#kept(key);
		const nowMs = Date.now();
		if (kept !== undefined && kept.status === 200 && kept.freshUntilMs <= nowMs && nowMs < kept.reuseUntilMs) {
			// The next request gets the result. When it fails, the next request is told.
			this.#ask(key, via).catch((error: unknown) =>
				this.#options.onFault('an object was not renewed', peerErrorOf(error).message),
			);
			return this.#answer(kept, 'stale', nowMs);
		}
		const outcome = await this.#ask(key, via);
		if (outcome === 'through') {
			return this.#through(key, via);
		}
		const { object, result } = outcome;
		if (object.status === 200) {
			return this.#answer(object, result, Date.now());
		}
		this.#options.counters.add(RESULT_COUNTER[result], 1);
		return null;
	}

	/** The object from its owner; one question for all in this thread who have it. */
	#ask(key: string, via: readonly string[]): Promise<Outcome> {
		const known = this.#asking.get(key);
		if (known !== undefined) {
			return known;
		}
		const asking = this.#peers
			.fetch(key, via)
			.then((outcome) => {
				if (outcome !== 'through' && !this.#peers.owns(key) && outcome.object.freshUntilMs > Date.now()) {
					this.#foreign.set(key, outcome.object);
				}
				return outcome;
			})
			.finally(() => {
				this.#asking.delete(key);
				this.#options.counters.set('currentFileCacheBytes', this.#fetcher.memoryBytes + this.#foreign.calculatedSize);
			});
		this.#asking.set(key, asking);
		return asking;
	}

	#kept(key: string): StoredObject | undefined {
		return this.#fetcher.kept(key) ?? this.#foreign.get(key);
	}

	#answer(object: StoredObject, result: Result, nowMs: number): Representation {
		this.#options.counters.add(RESULT_COUNTER[result], 1);
		let representation = this.#representations.get(object);
		if (representation === undefined) {
			representation = objectRepresentation(object);
			this.#representations.set(object, representation);
		}
		return { ...representation, extra: cacheFields(object, result, nowMs) };
	}

	/** Answers with as much as there is of an object, and with the rest as it comes. */
	#serveGrowing(exchange: Exchange, key: string, via: readonly string[]): void {
		const { response, done } = exchange;
		const { outcome, leave } = this.#growing.join(key, via);
		response.once('close', leave);
		const use = (found: GrowingOutcome): void => {
			if (found === 'through') {
				this.#through(key, via)(exchange);
			} else if ('growing' in found) {
				const { growing, contentType, cacheControl } = found;
				this.#options.counters.add('fileCacheMisses', 1);
				sendGrowing(exchange, ['Content-Type', contentType, 'Cache-Control', cacheControl, ...PASSED_ON], growing);
			} else if (found.object.status === 200) {
				respond(exchange, this.#answer(found.object, found.result, Date.now()));
			} else {
				this.#options.counters.add(RESULT_COUNTER[found.result], 1);
				refuse(exchange, new PeerError('STREAM_NOT_FOUND'));
			}
		};
		outcome.then(
			(found) => (response.destroyed ? done(statusOf('PEER_GONE'), 0) : use(found)),
			(error: unknown) => refuse(exchange, peerErrorOf(error)),
		);
	}

	#through(key: string, via: readonly string[]): (exchange: Exchange) => void {
		const { stallTimeout } = this.#options.config().gateway;
		const request = { target: encodeTarget(key), relayFields: this.#relayFields(via), timeoutMs: stallTimeout };
		return (exchange) => passThrough(exchange, this.#client, request);
	}

	/** The processes that the client relays for. Throws PeerError when this one is among them. */
	#checkLoop({ headers }: IncomingMessage): string[] {
		const header = headers[VIA_HEADER];
		const via = header === undefined ? [] : parseVia(header);
		if (via.includes(this.#options.processId)) {
			throw new PeerError('RELAY_LOOP');
		}
		return via;
	}

	#relayFields(via: readonly string[]): OutgoingHttpHeaders {
		return { Via: VIA, [VIA_HEADER]: formatVia([...via, this.#options.processId]) };
	}
}

/** True when the answer to one client is the answer to all. */
function isForAll({ headers }: IncomingMessage): boolean {
	return headers.authorization === undefined;
}
