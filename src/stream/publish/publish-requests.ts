import { policyOf } from '../../config/policy.js';
import type { Config } from '../../config/schema.js';
import { type ErrorCode, PeerError } from '../../errors.js';
import type { Logger } from '../../log/logger.js';
import type { StreamName } from '../../stream-name.js';
import type {
	CoordinatorToThread,
	PublisherInfo,
	PublishGrant,
	PublishVerdict,
	ThreadToCoordinator,
} from '../thread-messages.js';
import { Publication } from './publication.js';

/** The publication is over although nobody closed it: taken over, evicted, idle. */
export type RevokeListener = (code: ErrorCode, message: string) => void;

export type PublishRequestsOptions = {
	config: Config;
	log: Logger;
	send(message: ThreadToCoordinator): void;
};

const TICK_MS = 1000;

type Held = {
	publication: Publication;
	onRevoked: RevokeListener;
	openedAtMs: number;
	log: Logger;
	revoked: boolean;
	/** A pull: when it ends, its upstream has no more. */
	relayed: boolean;
};

/**
 * Sessions of this thread ask here for the right to publish. The desk carries the coordinator's verdicts and
 * revocations to them, and tells the coordinator when a publication ends: every grant is answered by exactly one end.
 */
export class PublishRequests {
	readonly #log: Logger;
	readonly #send: (message: ThreadToCoordinator) => void;
	readonly #requests = new Map<number, (verdict: PublishVerdict) => void>();
	readonly #held = new Map<number, Held>();
	#config: Config;
	#lastRequestId = 0;
	#timer: NodeJS.Timeout | null = null;
	#closedWith: ErrorCode | null = null;

	constructor({ config, log, send }: PublishRequestsOptions) {
		this.#config = config;
		this.#log = log;
		this.#send = send;
	}

	/** Publications that are open now. */
	get publications(): number {
		return this.#held.size;
	}

	/** Takes over publish policies; jitter and ring sizes for new publications. */
	configure(config: Config): void {
		this.#config = config;
		for (const { publication } of this.#held.values()) {
			publication.policy = policyOf(config, publication.stream.name).publish;
		}
	}

	/**
	 * Asks for the right to publish `app/name`. Close the publication when its source is gone; when it is over by other means,
	 * `onRevoked` is called once, and `push` and `close` do nothing any more.
	 * @throws PeerError with the code of the refusal.
	 */
	open(name: StreamName, publisher: PublisherInfo, onRevoked: RevokeListener): Promise<Publication> {
		if (this.#closedWith !== null) {
			return Promise.reject(new PeerError(this.#closedWith));
		}
		const requestId = ++this.#lastRequestId;
		return new Promise((resolve, reject) => {
			this.#requests.set(requestId, (verdict) => {
				if (!verdict.granted) {
					reject(new PeerError(verdict.code, verdict.message));
				} else if (this.#closedWith !== null) {
					const { publicationId } = verdict.grant;
					this.#send({ type: 'publication-ended', publicationId, code: this.#closedWith });
					reject(new PeerError(this.#closedWith));
				} else {
					resolve(this.#hold(verdict.grant, publisher, onRevoked));
				}
			});
			this.#send({ type: 'publish-request', requestId, name, publisher });
		});
	}

	/** Applies a coordinator's message; messages about other things are left alone. */
	handle(message: CoordinatorToThread): void {
		if (message.type === 'publish-verdict') {
			const settle = this.#requests.get(message.requestId);
			this.#requests.delete(message.requestId);
			settle?.(message.verdict);
		} else if (message.type === 'revoke') {
			this.#revoke(message.publicationId, message.code, message.message);
		}
	}

	/** Ends every publication with `code`, and refuses all that is asked for from now on. */
	close(code: ErrorCode): void {
		this.#closedWith = code;
		for (const { publication, onRevoked } of [...this.#held.values()]) {
			publication.close(code);
			onRevoked(code, new PeerError(code).message);
		}
	}

	#hold(grant: PublishGrant, publisher: PublisherInfo, onRevoked: RevokeListener): Publication {
		const { name } = grant.stream;
		const relayed = publisher.protocol === 'pull';
		const log = this.#log.child({ stream: name.key, protocol: publisher.protocol, address: publisher.address });
		const publication = new Publication({
			grant,
			policy: policyOf(this.#config, name).publish,
			ring: this.#config.ring,
			log,
			relayed,
			onRingGrown: (ring) => this.#send({ type: 'ring-grown', publicationId: grant.publicationId, ring }),
			onClosed: (code, byItself) => this.#closed(grant.publicationId, code, byItself),
		});
		const openedAtMs = performance.now();
		this.#held.set(publication.id, { publication, onRevoked, openedAtMs, log, revoked: false, relayed });
		this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
		log.info({ resumed: grant.resumed }, 'publishing');
		return publication;
	}

	#revoke(publicationId: number, code: ErrorCode, message: string): void {
		const held = this.#held.get(publicationId);
		if (held !== undefined) {
			held.revoked = true;
			held.publication.close(code);
			held.onRevoked(code, message);
		}
	}

	#closed(publicationId: number, code: ErrorCode, byItself: boolean): void {
		const held = this.#held.get(publicationId)!;
		this.#held.delete(publicationId);
		if (this.#held.size === 0 && this.#timer !== null) {
			clearInterval(this.#timer);
			this.#timer = null;
		}
		const durationMs = Math.round(performance.now() - held.openedAtMs);
		// A session ends with a line of its own; of a pull this is the only one.
		const facts = { code, bytes: held.publication.bytesIn, durationMs };
		held.log[held.relayed ? 'info' : 'debug'](facts, 'publishing ended');
		const final = held.relayed ? { final: true } : {};
		this.#send(
			held.revoked
				? { type: 'publication-released', publicationId, ...final }
				: { type: 'publication-ended', publicationId, code, ...final },
		);
		if (byItself) {
			held.onRevoked(code, new PeerError(code).message);
		}
	}

	#tick(): void {
		const nowMs = performance.now();
		for (const { publication } of [...this.#held.values()]) {
			publication.tick(nowMs);
		}
	}
}
