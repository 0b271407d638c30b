import { policyOf } from '../config/policy.js';
import type { Config } from '../config/schema.js';
import { type Reason, reasonOf } from '../errors.js';
import type { PullCounts } from '../metrics/snapshot.js';
import type { RegistryClock } from '../stream/registry.js';
import type { CoordinatorToThread, RelayWish, StreamInfo } from '../stream/thread-messages.js';
import type { StreamName } from '../stream-name.js';

/** A thread as the pulls need it. Compared by identity. */
export type PullThread = { readonly running: boolean; post(message: CoordinatorToThread): void };

export type PullsParts = {
	config: Config;
	clock: RegistryClock;
	/** "Not there" is answered from memory for this long: players that ask in a loop are not passed on. */
	refusalKeptMs: number;
	/** The threads that can take pulls. */
	ingest: readonly PullThread[];
	/** Reaches every thread. */
	broadcast(message: CoordinatorToThread): void;
	/** Ends a stream that nobody wants any more. */
	endStream(name: StreamName): void;
};

type Pull = {
	name: StreamName;
	/** Processes that the stream is relayed to. They stay in here as long as the pull lasts. */
	via: Set<string>;
	/** The time at which the relay goes on for which the pull was begun. */
	resumeMs: number | undefined;
	/** Null while no ingest thread runs. */
	thread: PullThread | null;
	/** Once it is live. */
	streamId: number | null;
	/** Threads with viewers. */
	audience: Set<PullThread>;
	upstream: string | null;
	cancelStop: () => void;
};

/** By then the last of those who wait for a stream has given up. */
const AFTER_WAIT_MS = 1000;

/**
 * The pulls of a gateway: one pull for each wanted stream, in one ingest thread, from the first viewer until some time
 * after the last. It keeps the books on the coordinator's thread; `Pull` does the pulling.
 */
export class Pulls {
	config: Config;
	readonly #parts: PullsParts;
	readonly #pulls = new Map<string, Pull>();
	readonly #refusals = new Map<string, Reason>();
	#closed = false;

	constructor(parts: PullsParts) {
		this.#parts = parts;
		this.config = parts.config;
	}

	/** A viewer in `asker` wants a stream, or a relay does. */
	wanted(asker: PullThread, name: StreamName, wish: RelayWish): void {
		const key = name.key;
		const pull = this.#pulls.get(key);
		const refusal = pull === undefined ? this.#refusalOf(key) : null;
		if (pull !== undefined) {
			this.#join(pull, wish.via);
		} else if (refusal !== null) {
			asker.post({ type: 'stream-missing', name, ...refusal });
		} else {
			this.#start(name, wish);
		}
	}

	/** A pulled stream is live. */
	opened({ name, streamId }: StreamInfo): void {
		const pull = this.#pulls.get(name.key);
		if (pull !== undefined) {
			pull.streamId = streamId;
			this.#considerStop(pull);
		}
	}

	/** A stream has viewers in `thread`, or none any more. */
	audience(thread: PullThread, streamId: number, present: boolean): void {
		for (const pull of this.#pulls.values()) {
			if (pull.streamId === streamId) {
				this.#setAudience(pull, thread, present);
			}
		}
	}

	/** No upstream has the stream: those who wait may be told. */
	missing(name: StreamName, reason: Reason): void {
		const key = name.key;
		const pull = this.#pulls.get(key);
		if (pull === undefined || pull.streamId !== null) {
			return;
		}
		this.#parts.broadcast({ type: 'stream-missing', name, ...reason });
		const mayCome = reason.code === 'STREAM_NOT_FOUND' || reason.code === 'UPSTREAM_FAILED';
		if (!mayCome || policyOf(this.config, name).play.missing === '404') {
			this.#forget(pull);
			this.#refusals.set(key, reason);
			this.#parts.clock.schedule(this.#parts.refusalKeptMs, () => this.#refusals.delete(key));
		}
	}

	/** A pull gets its stream from `upstream` now. */
	upstream(name: StreamName, upstream: string | null): void {
		const pull = this.#pulls.get(name.key);
		if (pull !== undefined) {
			pull.upstream = upstream;
		}
	}

	/** A stream has ended, by its upstream or by an operator. */
	ended({ name, streamId }: StreamInfo): void {
		const pull = this.#pulls.get(name.key);
		if (pull?.streamId === streamId) {
			this.#forget(pull);
		}
	}

	/** An ingest thread has started, perhaps in place of one that died: it takes what nobody pulls. */
	threadStarted(thread: PullThread): void {
		for (const pull of this.#pulls.values()) {
			if (pull.thread === null) {
				this.#assign(pull, thread);
			}
		}
	}

	/** A thread is gone: its viewers with it, its pulls go to another. The streams wait meanwhile, as for any lost publisher. */
	threadLost(thread: PullThread): void {
		for (const pull of [...this.#pulls.values()]) {
			this.#setAudience(pull, thread, false);
			if (pull.thread === thread) {
				pull.upstream = null;
				this.#assign(pull, this.#idlest());
			}
		}
	}

	/** From now on nothing is begun any more. */
	close(): void {
		this.#closed = true;
		for (const { cancelStop } of this.#pulls.values()) {
			cancelStop();
		}
	}

	/** Pulls that deliver, by upstream, and those that are still looking for one. */
	counts(): PullCounts {
		const upstreams = new Map(this.config.gateway.upstreams.map(({ address }) => [address, 0]));
		for (const { upstream } of this.#pulls.values()) {
			if (upstream !== null) {
				upstreams.set(upstream, (upstreams.get(upstream) ?? 0) + 1);
			}
		}
		return { active: this.#pulls.size, upstreams: Object.fromEntries(upstreams) };
	}

	#refusalOf(key: string): Reason | null {
		const { limits } = this.config;
		if (this.#closed) {
			return reasonOf('SERVER_STOPPING');
		}
		if (this.#pulls.size >= limits.streams) {
			return reasonOf('STREAM_LIMIT', `limits.streams is ${limits.streams}`);
		}
		return this.#refusals.get(key) ?? null;
	}

	#start(name: StreamName, { via, resumeMs }: RelayWish): void {
		const pull: Pull = {
			name,
			via: new Set(via),
			resumeMs,
			thread: null,
			streamId: null,
			audience: new Set(),
			upstream: null,
			cancelStop: () => undefined,
		};
		this.#pulls.set(name.key, pull);
		this.#considerStop(pull);
		this.#assign(pull, this.#idlest());
	}

	/** One more wants what is being pulled. A relay among them must be known to the upstreams before the pull goes on. */
	#join(pull: Pull, via: readonly string[]): void {
		if (pull.streamId === null) {
			this.#considerStop(pull);
		}
		const before = pull.via.size;
		for (const id of via) {
			pull.via.add(id);
		}
		if (pull.via.size > before) {
			this.#postStart(pull);
		}
	}

	#assign(pull: Pull, thread: PullThread | null): void {
		pull.thread = thread;
		this.#postStart(pull);
	}

	#postStart({ name, via, resumeMs, thread }: Pull): void {
		thread?.post({ type: 'pull-start', name, via: [...via], resumeMs });
	}

	#idlest(): PullThread | null {
		const load = (thread: PullThread): number =>
			[...this.#pulls.values()].filter((pull) => pull.thread === thread).length;
		const running = this.#parts.ingest.filter((thread) => thread.running);
		return running.sort((a, b) => load(a) - load(b))[0] ?? null;
	}

	#setAudience(pull: Pull, thread: PullThread, present: boolean): void {
		if (present) {
			pull.audience.add(thread);
			pull.cancelStop();
		} else if (pull.audience.delete(thread)) {
			this.#considerStop(pull);
		}
	}

	/** Without viewers a pull ends after gateway.linger; one that is not live yet, when nobody can be waiting for it any more. */
	#considerStop(pull: Pull): void {
		pull.cancelStop();
		if (pull.audience.size > 0) {
			return;
		}
		const waitMs = policyOf(this.config, pull.name).play.waitTimeout + AFTER_WAIT_MS;
		const delayMs = pull.streamId === null ? waitMs : this.config.gateway.linger;
		pull.cancelStop = this.#parts.clock.schedule(delayMs, () => this.#stop(pull));
	}

	#stop(pull: Pull): void {
		this.#forget(pull);
		if (pull.streamId !== null) {
			this.#parts.endStream(pull.name);
		}
	}

	#forget(pull: Pull): void {
		const { name, thread } = pull;
		pull.cancelStop();
		this.#pulls.delete(name.key);
		thread?.post({ type: 'pull-stop', name });
	}
}
