import { randomBytes } from 'node:crypto';
import { MessageChannel } from 'node:worker_threads';
import { listenersOf, type ThreadKind } from '../config/listeners.js';
import type { Config } from '../config/schema.js';
import type { Logger } from '../log/logger.js';
import { CounterLedger } from '../metrics/ledger.js';
import { replicaSnapshot } from '../metrics/replica-snapshot.js';
import type { ProcessSnapshot } from '../metrics/snapshot.js';
import { Pulls } from '../relay/pulls.js';
import { allocateConnectionTable, type ConnectionShare, clearConnectionShare } from '../stream/connection-table.js';
import { type PublicationOwner, type RegistryListener, StreamRegistry } from '../stream/registry.js';
import type {
	CoordinatorToThread,
	PublisherInfo,
	PublishVerdict,
	ServerFacts,
	StreamInfo,
	ThreadData,
	ThreadToCoordinator,
} from '../stream/thread-messages.js';

import { type StreamName, streamLabels } from '../stream-name.js';
import { Condition } from './condition.js';
import { DescriptorStock, type ListenerDescriptors } from './descriptor-stock.js';
import { StreamOutputs } from './stream-outputs.js';
import { HEARTBEAT_CHECK_MS, SupervisedThread, type ThreadListener } from './supervised-thread.js';
import { type ThreadCounts, threadCounts } from './thread-counts.js';
import { ORIGIN, type Topology } from './topology.js';

export type CoordinatorOptions = {
	/** Shown in snapshots: `origin`. */
	role: string;
	/** Among the processes of the role. */
	index?: number;
	topology?: Topology;
	/** Only in a delivery process: the Unix socket of the origin process that it delivers for. */
	originSocket?: string | undefined;
	server: ServerFacts;
	config: Config;
	/** Inherited listening descriptors: one for each thread that listens, and spares for restarts. No descriptors = not listened to. */
	listeners: ListenerDescriptors;
	log: Logger;
	/** The process cannot go on and should be replaced by a fresh one. Called at most once. */
	onFatal: (reason: string) => void;
	threads?: ThreadCounts;
	entries?: Readonly<Record<ThreadKind, URL>>;
};

const ENTRIES: Readonly<Record<ThreadKind, URL>> = {
	ingest: new URL('../workers/ingest.js', import.meta.url),
	delivery: new URL('../workers/delivery.js', import.meta.url),
};

const REFUSAL_KEPT_MS = 1000;
const PROCESS_ID_BYTES = 8;

/** The share of sessions in a drain's deadline. The rest is for the recordings. */
const SESSIONS_SHARE = 0.7;

/**
 * The main thread of a role process: starts, watches and replaces the threads, keeps the stream registry, and carries what has
 * to be said between them. Media never passes here.
 */
export class Coordinator {
	readonly #options: CoordinatorOptions;
	readonly #log: Logger;
	readonly #ledger = new CounterLedger();
	readonly #registry: StreamRegistry;
	readonly #descriptors: DescriptorStock;
	readonly #threads: SupervisedThread[];
	readonly #connections: SharedArrayBuffer;
	/** Null in roles that give streams out as they are. */
	readonly #outputs: StreamOutputs | null;
	/** Null in roles that do not pull. */
	readonly #pulls: Pulls | null;
	/** The field of ThreadData. */
	readonly #filesOnly: Pick<ThreadData, 'filesOnly'>;
	readonly #processId = randomBytes(PROCESS_ID_BYTES).toString('hex');
	/** Changes when a thread is ready, has drained, or is gone. */
	readonly #progress = new Condition();
	readonly #ready = new Set<SupervisedThread>();
	readonly #drained = new Set<SupervisedThread>();
	#config: Config;
	#heartbeatTimer: NodeJS.Timeout | undefined;
	#fatal = false;

	constructor(options: CoordinatorOptions) {
		this.#options = options;
		this.#config = options.config;
		this.#log = options.log;
		this.#descriptors = new DescriptorStock(options.listeners);
		this.#registry = new StreamRegistry({
			config: options.config,
			clock: systemClock,
			listener: this.#registryListener(),
			slots: this.#ledger,
		});
		const { records, pulls, filesOnly } = options.topology ?? ORIGIN;
		const counts = options.threads ?? threadCounts(options.config, { filesOnly });
		this.#filesOnly = filesOnly ? { filesOnly: { threads: counts.delivery } } : {};
		this.#outputs = records ? this.#createOutputs(counts.remux) : null;
		const entries = options.entries ?? ENTRIES;
		const listener = this.#threadListener();
		this.#threads = (['ingest', 'delivery'] as const).flatMap((kind) =>
			Array.from(
				{ length: counts[kind] },
				(_, index) => new SupervisedThread({ kind, index, entry: entries[kind], listener, log: options.log }),
			),
		);
		this.#connections = allocateConnectionTable(this.#threads.length);
		this.#pulls = pulls
			? new Pulls({
					config: options.config,
					clock: systemClock,
					// A stream of the origin process is there for viewers of every process at once.
					refusalKeptMs: options.originSocket === undefined ? REFUSAL_KEPT_MS : 0,
					ingest: this.#threads.filter(({ kind }) => kind === 'ingest'),
					broadcast: (message) => this.#broadcast(message),
					endStream: (name) => this.#registry.end(name),
				})
			: null;
	}

	/** Starts the threads; resolves when all of them are ready. When one dies before that, it is `onFatal` and a rejection. */
	async start(): Promise<void> {
		await this.#outputs?.start();
		for (const thread of this.#threads) {
			thread.start();
		}
		this.#heartbeatTimer = setInterval(() => {
			for (const thread of this.#threads) {
				thread.checkHeartbeat();
			}
		}, HEARTBEAT_CHECK_MS);
		await this.#progress.until(() => this.#fatal || this.#threads.every((thread) => this.#ready.has(thread)));
		if (this.#fatal) {
			throw new Error('a thread did not start');
		}
	}

	/** Takes a reloaded configuration to every thread; what needs a restart is the caller's to tell. */
	reload(config: Config): void {
		this.#config = config;
		this.#registry.config = config;
		for (const part of [this.#outputs, this.#pulls]) {
			if (part !== null) {
				part.config = config;
			}
		}
		this.#broadcast({ type: 'config', config });
	}

	/** Ends all sessions politely, finishes the recordings, then ends all threads; after `deadlineMs` impolitely. */
	async drain(deadlineMs: number): Promise<void> {
		const deadline = Date.now() + deadlineMs;
		const sessionsMs = deadlineMs * SESSIONS_SHARE;
		this.#outputs?.serverStops();
		this.#pulls?.close();
		this.#registry.drain();
		this.#descriptors.close();
		for (const thread of this.#threads) {
			thread.drain(sessionsMs);
		}
		const gone = (thread: SupervisedThread): boolean => this.#drained.has(thread) || !thread.running;
		await this.#progress.until(() => this.#threads.every(gone), Date.now() + sessionsMs);
		this.#registry.endAll();
		clearInterval(this.#heartbeatTimer);
		await this.#outputs?.finish(deadline);
		await Promise.all(this.#threads.map((thread) => thread.stop()));
	}

	/** Returns the state of the process, for metrics and the API. */
	snapshot(): ProcessSnapshot {
		// A publisher's query may hold its key: it stays here.
		const streams = [...this.#registry.streams()].map(({ stream, publisher }) => ({
			...stream,
			publisher: publisher === null ? null : { protocol: publisher.protocol, address: publisher.address },
		}));
		const recorders = this.#outputs?.counts() ?? {};
		const { role, index = 0, originSocket } = this.#options;
		const snapshot = this.#ledger.snapshot({ role, index }, streams, recorders, this.#pulls?.counts());
		return originSocket === undefined ? snapshot : replicaSnapshot(snapshot);
	}

	/** Takes a stream away from its publisher. @returns whether it had one. The publishers of a delivery process are elsewhere. */
	evict(name: StreamName): boolean {
		return this.#options.originSocket === undefined && this.#registry.evict(name);
	}

	#createOutputs(threads: number): StreamOutputs {
		return new StreamOutputs({
			config: this.#options.config,
			threads,
			log: this.#log,
			partsReplaced: ({ streamId, parts }) => {
				if (parts !== undefined) {
					this.#broadcast({ type: 'stream-parts', streamId, parts }, 'delivery');
				}
			},
		});
	}

	#threadListener(): ThreadListener {
		return {
			prepare: (thread) => {
				const listeners = this.#descriptors.take(listenersOf(thread.kind));
				if (listeners === null) {
					this.#die(`no listening descriptors are left to restart ${thread.name}`);
					return null;
				}
				const streams = [...this.#registry.streams()].map(({ stream }) => stream);
				const { originSocket, server } = this.#options;
				return {
					config: this.#config,
					listeners,
					counters: this.#ledger.openThread(thread.name).slab,
					connections: this.#connectionShare(thread),
					server,
					relay: { processId: this.#processId, onDemand: this.#pulls !== null },
					...this.#filesOnly,
					...(originSocket === undefined ? {} : { originSocket }),
					streams,
				};
			},
			created: (thread) => this.#onCreated(thread),
			message: (thread, message) => this.#onMessage(thread, message),
			lost: (thread, owner) => this.#onLost(thread, owner),
			stuck: (thread) => this.#die(`${thread.name} hangs and cannot be ended`),
		};
	}

	#registryListener(): RegistryListener {
		const tell = (what: string, { name, streamId }: StreamInfo): void =>
			this.#log.info({ ...streamLabels(name), streamId }, what);
		return {
			opened: (stream) => {
				tell('stream opened', stream);
				this.#outputs?.opened(stream);
				this.#broadcast({ type: 'stream-opened', stream });
				this.#pulls?.opened(stream);
			},
			ringReplaced: (stream) => {
				this.#broadcast({ type: 'stream-ring', streamId: stream.streamId, ring: stream.ring });
				this.#outputs?.ringReplaced(stream);
			},
			publisherChanged: (stream, present) => {
				tell(present ? 'publisher is back' : 'publisher is gone', stream);
				this.#broadcast({ type: 'stream-publisher', streamId: stream.streamId, present });
			},
			ended: (stream) => {
				tell('stream ended', stream);
				this.#broadcast({ type: 'stream-ended', streamId: stream.streamId });
				this.#outputs?.ended(stream);
				this.#pulls?.ended(stream);
			},
			contested: ({ name }, { holder, newcomer, outcome }) => {
				const who = ({ protocol, address }: PublisherInfo): string => `${address} (${protocol})`;
				const facts = { ...streamLabels(name), holder: who(holder), newcomer: who(newcomer), outcome };
				this.#log.info(facts, 'two publishers want one stream');
			},
		};
	}

	#onMessage(thread: SupervisedThread, message: ThreadToCoordinator): void {
		const { owner } = thread;
		switch (message.type) {
			case 'ready':
				this.#ready.add(thread);
				this.#progress.changed();
				break;
			case 'publish-request':
				if (owner !== null) {
					this.#onPublishRequest(thread, owner, message);
				}
				break;
			case 'publication-ended':
			case 'publication-released':
				this.#registry.publicationEnded(message.publicationId, message.final);
				break;
			case 'ring-grown':
				this.#registry.ringGrown(message.publicationId, message.ring);
				break;
			case 'stream-wanted':
				this.#pulls?.wanted(thread, message.name, message);
				break;
			case 'audience':
				this.#pulls?.audience(thread, message.streamId, message.present);
				break;
			case 'pull-missing':
				this.#pulls?.missing(message.name, { code: message.code, message: message.message });
				break;
			case 'pull-upstream':
				this.#pulls?.upstream(message.name, message.upstream);
				break;
			case 'drained':
				this.#drained.add(thread);
				this.#progress.changed();
				break;
		}
	}

	#onPublishRequest(
		thread: SupervisedThread,
		owner: PublicationOwner,
		request: Extract<ThreadToCoordinator, { type: 'publish-request' }>,
	): void {
		const reply = (verdict: PublishVerdict): void => {
			// The thread may have been replaced meanwhile; its successor knows nothing of this request.
			if (thread.owner === owner) {
				thread.post({ type: 'publish-verdict', requestId: request.requestId, verdict });
			}
		};
		if (this.#pulls !== null && request.publisher.protocol !== 'pull') {
			reply({ granted: false, code: 'PUBLISH_REFUSED', message: 'this is a gateway: publish to its upstream' });
		} else {
			this.#registry.request(owner, request, reply);
		}
	}

	#onCreated(thread: SupervisedThread): void {
		this.#wire(thread);
		if (thread.kind === 'ingest') {
			this.#pulls?.threadStarted(thread);
		}
	}

	#onLost(thread: SupervisedThread, owner: PublicationOwner): void {
		this.#ledger.closeThread(thread.name);
		clearConnectionShare(this.#connectionShare(thread));
		this.#registry.ownerGone(owner);
		this.#pulls?.threadLost(thread);
		if (thread.kind === 'ingest') {
			this.#broadcast({ type: 'push-port-closed', index: thread.index }, 'delivery');
		} else if (this.#filesOnly.filesOnly !== undefined) {
			this.#broadcast({ type: 'peer-port-closed', index: thread.index }, 'delivery');
		}
		if (!this.#ready.has(thread) && !thread.stopped) {
			this.#die(`${thread.name} died before it was ready`);
		}
		this.#progress.changed();
	}

	#connectionShare(thread: SupervisedThread): ConnectionShare {
		return { table: this.#connections, share: this.#threads.indexOf(thread) };
	}

	/** A channel between this thread and every running thread of the other kind; where there is no other, of its own. */
	#wire(thread: SupervisedThread): void {
		const { filesOnly } = this.#filesOnly;
		const type = filesOnly === undefined ? 'push-port' : 'peer-port';
		for (const other of this.#threads) {
			const isPartner = filesOnly === undefined ? other.kind !== thread.kind : other !== thread;
			if (isPartner && other.running) {
				const { port1, port2 } = new MessageChannel();
				thread.post({ type, index: other.index, port: port1 }, [port1]);
				other.post({ type, index: thread.index, port: port2 }, [port2]);
			}
		}
	}

	#broadcast(message: CoordinatorToThread, kind?: ThreadKind): void {
		for (const thread of this.#threads) {
			if (kind === undefined || thread.kind === kind) {
				thread.post(message);
			}
		}
	}

	#die(reason: string): void {
		if (!this.#fatal) {
			this.#fatal = true;
			this.#log.fatal({ reason }, 'the process cannot go on');
			this.#options.onFatal(reason);
			this.#progress.changed();
		}
	}
}

const systemClock = {
	now: (): number => Date.now(),
	schedule: (delayMs: number, action: () => void): (() => void) => {
		const timer = setTimeout(action, delayMs);
		return () => clearTimeout(timer);
	},
};
