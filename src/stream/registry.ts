import { policyOf } from '../config/policy.js';
import type { Config } from '../config/schema.js';
import { assert, type ErrorCode } from '../errors.js';
import { Lifecycle, RecordKind, ringBytesFor } from '../ring/layout.js';
import { RingControl } from '../ring/ring-control.js';
import { RingWriter } from '../ring/ring-writer.js';
import type { StreamName } from '../stream-name.js';
import type { PublisherInfo, PublishVerdict, StreamInfo } from './thread-messages.js';

/** One life of an ingest thread, as the registry needs it. Compared by identity. */
export type PublicationOwner = {
	/** Asks the thread to end a publication; it answers with `released`, or dies. */
	revoke(publicationId: number, code: ErrorCode, message: string): void;
};

/** Time as the registry sees it; tests bring their own. */
export type RegistryClock = {
	/** Milliseconds since 1970. */
	now(): number;
	/** Runs `action` once after `delayMs`. @returns what cancels it. */
	schedule(delayMs: number, action: () => void): () => void;
};

/** The news that the registry gives to the rest of the process, in the order in which it happens. */
export type RegistryListener = {
	opened(stream: StreamInfo): void;
	/** `stream.ring` is a bigger ring now. */
	ringReplaced(stream: StreamInfo): void;
	publisherChanged(stream: StreamInfo, present: boolean): void;
	/** The end record is in the ring. */
	ended(stream: StreamInfo): void;
	/** Two want one name. Neither is told who the other is: that is for the log. */
	contested(stream: StreamInfo, contest: Contest): void;
};

/** Two publishers of one name, and what became of the second. */
export type Contest = { holder: PublisherInfo; newcomer: PublisherInfo; outcome: 'refused' | 'takes over' };

/** Gives out the counter slots (metrics/ledger.ts). */
export type CounterSlots = {
	openStream(name: StreamName): number;
	closeStream(stream: StreamInfo): void;
};

export type RegistryParts = {
	config: Config;
	clock: RegistryClock;
	listener: RegistryListener;
	slots: CounterSlots;
};

export type PublishRequest = { name: StreamName; publisher: PublisherInfo };

/** A stream as snapshots show it. `publisher` is null in grace. */
export type RegisteredStream = {
	stream: StreamInfo;
	openedAtMs: number;
	publisher: (PublisherInfo & { sinceMs: number }) | null;
};

type Reply = (verdict: PublishVerdict) => void;
type Claim = { owner: PublicationOwner; publisher: PublisherInfo; reply: Reply };
type Publication = { id: number; owner: PublicationOwner; publisher: PublisherInfo; sinceMs: number };

/**
 *   (none) --request--> live --lost--> grace --expired--> ended
 *                        ^  \            |
 *                        |   `-takeover  | request
 *                        `-------'-------'
 *
 * Live: `publication` is set; during a takeover `takeover` too, until the holder lets go. Grace: neither, and a timer runs.
 */
type Entry = {
	info: StreamInfo;
	control: RingControl;
	openedAtMs: number;
	publication: Publication | null;
	takeover: { claim: Claim | null; cancelDeadline: () => void } | null;
	cancelGrace: () => void;
};

/** A revoked publisher's thread answers within milliseconds; a hung one is not waited for, the fencing epoch stops it. */
export const RELEASE_DEADLINE_MS = 1000;

const NOTHING = new Uint8Array(0);
const noTimer = (): void => undefined;

/**
 * All streams of the process, and the verdict on who may publish them. Pure bookkeeping on the coordinator's thread: it knows
 * rings, but no threads and no sockets. A stream has at most one writer at any time; every opened stream ends exactly once.
 */
export class StreamRegistry {
	#config: Config;
	readonly #clock: RegistryClock;
	readonly #listener: RegistryListener;
	readonly #slots: CounterSlots;
	readonly #byKey = new Map<string, Entry>();
	readonly #byPublication = new Map<number, Entry>();
	#lastId = 0;
	#draining = false;

	constructor(parts: RegistryParts) {
		this.#config = parts.config;
		this.#clock = parts.clock;
		this.#listener = parts.listener;
		this.#slots = parts.slots;
	}

	/** Policies of a reloaded configuration hold from the next decision on. */
	set config(config: Config) {
		this.#config = config;
	}

	/** Streams that are live or in grace. */
	*streams(): Iterable<RegisteredStream> {
		for (const { info, openedAtMs, publication } of this.#byKey.values()) {
			const publisher = publication === null ? null : { ...publication.publisher, sinceMs: publication.sinceMs };
			yield { stream: info, openedAtMs, publisher };
		}
	}

	/** Decides a publish request; `reply` may come later, when the present publisher has let go. */
	request(owner: PublicationOwner, { name, publisher }: PublishRequest, reply: Reply): void {
		const claim: Claim = { owner, publisher, reply };
		const entry = this.#byKey.get(name.key);
		if (this.#draining) {
			refuse(claim, 'SERVER_STOPPING', 'the server is stopping');
		} else if (entry === undefined) {
			this.#requestNew(claim, name);
		} else if (entry.publication === null) {
			this.#grant(entry, claim);
		} else {
			this.#contest(entry, entry.publication, claim);
		}
	}

	/** Takes the stream away from its publisher, as an operator may: it enters its grace. @returns false when it has none. */
	evict(name: StreamName): boolean {
		const entry = this.#byKey.get(name.key);
		if (entry === undefined || entry.publication === null) {
			return false;
		}
		if (entry.takeover === null) {
			this.#revoke(entry, entry.publication, null, 'SESSION_KICKED', `${name.key} was evicted by an operator`);
		}
		return true;
	}

	/**
	 * The publisher of `publicationId` is gone, and its thread writes no more. Unknown ids are late news and ignored.
	 * @param final nobody will come back: the stream ends without a grace.
	 */
	publicationEnded(publicationId: number, final = false): void {
		const entry = this.#byPublication.get(publicationId);
		if (entry !== undefined) {
			this.#vacate(entry, final);
		}
	}

	/** Ends a stream at once, if there is one; its writer is fenced. */
	end(name: StreamName): void {
		const entry = this.#byKey.get(name.key);
		if (entry?.publication === null) {
			this.#end(entry);
		} else if (entry !== undefined) {
			this.#vacate(entry, true);
		}
	}

	/** The writer of `publicationId` has moved its stream into a bigger ring. A fenced writer's news are ignored. */
	ringGrown(publicationId: number, ring: SharedArrayBuffer): void {
		const entry = this.#byPublication.get(publicationId);
		if (entry !== undefined) {
			entry.control = entry.control.follow(ring);
			entry.info.ring = ring;
			this.#listener.ringReplaced(entry.info);
		}
	}

	/** A thread died: what it published is lost, and what it asked for is forgotten. */
	ownerGone(owner: PublicationOwner): void {
		for (const entry of [...this.#byKey.values()]) {
			if (entry.takeover?.claim?.owner === owner) {
				entry.takeover.claim = null;
			}
			if (entry.publication?.owner === owner) {
				this.#vacate(entry);
			}
		}
	}

	/** From now on nothing is granted, and a stream that loses its publisher ends at once, as do those in grace. */
	drain(): void {
		this.#draining = true;
		for (const entry of [...this.#byKey.values()]) {
			if (entry.publication === null) {
				this.#end(entry);
			}
		}
	}

	/** Ends every stream, live ones too: their writers are fenced. */
	endAll(): void {
		this.drain();
		for (const entry of [...this.#byKey.values()]) {
			this.#vacate(entry);
		}
	}

	#requestNew(claim: Claim, name: StreamName): void {
		const { limits, ring: ringConfig } = this.#config;
		if (this.#byKey.size >= limits.streams) {
			refuse(claim, 'STREAM_LIMIT', `limits.streams is ${limits.streams}`);
			return;
		}
		const openedAtMs = this.#clock.now();
		const ring = RingWriter.allocate(ringBytesFor(ringConfig.minSize));
		const control = new RingControl(ring);
		control.startedAtMs = openedAtMs;
		const info: StreamInfo = {
			streamId: ++this.#lastId,
			name,
			ring,
			counterSlot: this.#slots.openStream(name),
		};
		const entry: Entry = { info, control, openedAtMs, publication: null, takeover: null, cancelGrace: noTimer };
		this.#byKey.set(name.key, entry);
		this.#listener.opened(info);
		this.#grant(entry, claim);
	}

	/** A second publisher on a live name. */
	#contest(entry: Entry, holder: Publication, claim: Claim): void {
		const { name } = entry.info;
		const { conflict, staleAfter } = policyOf(this.#config, name).publish;
		const { takeover } = entry;
		if (takeover !== null) {
			const rival = takeover.claim;
			if (rival !== null && conflict !== 'takeover') {
				this.#listener.contested(entry.info, { ...between(rival, claim), outcome: 'refused' });
				refuse(claim, 'PUBLISH_CONFLICT', `${name.key} is being taken over`);
				return;
			}
			takeover.claim = claim;
			if (rival !== null) {
				this.#listener.contested(entry.info, { ...between(rival, claim), outcome: 'takes over' });
				refuse(rival, 'PUBLISH_REPLACED', `${name.key} was claimed by another publisher`);
			}
			return;
		}
		const silentForMs = this.#clock.now() - Math.max(entry.control.lastMediaAtMs, holder.sinceMs);
		const mayTakeOver = conflict === 'takeover' || (conflict === 'takeover-if-stale' && silentForMs >= staleAfter);
		if (!mayTakeOver) {
			const since = new Date(holder.sinceMs).toISOString();
			this.#listener.contested(entry.info, { ...between(holder, claim), outcome: 'refused' });
			refuse(claim, 'PUBLISH_CONFLICT', `${name.key} has been published since ${since}`);
			return;
		}
		this.#listener.contested(entry.info, { ...between(holder, claim), outcome: 'takes over' });
		this.#revoke(entry, holder, claim, 'PUBLISH_REPLACED', `${name.key} was taken over by another publisher`);
	}

	/** Asks the holder to let go, for `claim` or for nobody. */
	#revoke(entry: Entry, holder: Publication, claim: Claim | null, code: ErrorCode, reason: string): void {
		const cancelDeadline = this.#clock.schedule(RELEASE_DEADLINE_MS, () => this.#vacate(entry));
		entry.takeover = { claim, cancelDeadline };
		holder.owner.revoke(holder.id, code, reason);
	}

	/** The publication is over: its successor gets the ring, or the grace begins. */
	#vacate(entry: Entry, final = false): void {
		const { publication, takeover } = entry;
		assert(publication !== null, 'a stream without a publication cannot lose it');
		this.#byPublication.delete(publication.id);
		entry.publication = null;
		entry.takeover = null;
		takeover?.cancelDeadline();
		const claim = takeover?.claim ?? null;
		if (claim !== null && this.#draining) {
			refuse(claim, 'SERVER_STOPPING', 'the server is stopping');
		} else if (claim !== null) {
			this.#grant(entry, claim);
			return;
		}
		const graceMs = policyOf(this.#config, entry.info.name).publish.grace;
		if (this.#draining || final || graceMs === 0) {
			this.#end(entry);
			return;
		}
		entry.control.setLifecycle(Lifecycle.grace);
		entry.cancelGrace = this.#clock.schedule(graceMs, () => this.#end(entry));
		this.#listener.publisherChanged(entry.info, false);
	}

	#grant(entry: Entry, { owner, publisher, reply }: Claim): void {
		const wasInGrace = entry.cancelGrace !== noTimer;
		entry.cancelGrace();
		entry.cancelGrace = noTimer;
		const publication: Publication = { id: ++this.#lastId, owner, publisher, sinceMs: this.#clock.now() };
		entry.publication = publication;
		this.#byPublication.set(publication.id, entry);
		const writerEpoch = entry.control.grantWriter();
		if (wasInGrace) {
			entry.control.setLifecycle(Lifecycle.live);
			this.#listener.publisherChanged(entry.info, true);
		}
		const resumed = entry.control.hasRecords;
		reply({ granted: true, grant: { publicationId: publication.id, stream: entry.info, writerEpoch, resumed } });
	}

	#end(entry: Entry): void {
		const { info, control } = entry;
		entry.cancelGrace();
		this.#byKey.delete(info.name.key);
		const writer = RingWriter.attach(info.ring, control.grantWriter());
		writer.write(RecordKind.end, 0, 0, control.lastDtsMs, NOTHING);
		control.setLifecycle(Lifecycle.ended);
		this.#listener.ended(info);
		this.#slots.closeStream(info);
	}
}

function refuse(claim: Claim, code: ErrorCode, message: string): void {
	claim.reply({ granted: false, code, message });
}

type Publishing = { publisher: PublisherInfo };

function between(
	{ publisher: holder }: Publishing,
	{ publisher: newcomer }: Publishing,
): Pick<Contest, 'holder' | 'newcomer'> {
	return { holder, newcomer };
}
