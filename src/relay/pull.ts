import type { Agent } from 'node:http';
import { policyOf } from '../config/policy.js';
import type { Config } from '../config/schema.js';
import { type ErrorCode, PeerError } from '../errors.js';
import type { Logger } from '../log/logger.js';
import type { RepeatReporter } from '../log/repeat-reporter.js';
import type { Counters } from '../metrics/counters.js';
import type { ServerAddress } from '../protocol/credentials.js';
import type { PublishRequests } from '../stream/publish/publish-requests.js';
import type { RelayWish, ThreadToCoordinator } from '../stream/thread-messages.js';
import type { StreamName } from '../stream-name.js';
import { openSource } from './open-source.js';
import { PullOutput } from './pull-output.js';
import { endOf, reasonForViewers, type Source, type SourceEnd, streamUrl } from './source.js';
import type { Upstreams } from './upstreams.js';

/** The services that a thread's pulls share. */
export type PullServices = {
	/** The current one; replaced on reload. */
	config: Config;
	readonly processId: string;
	/** See SourceTarget. */
	readonly agent?: Agent;
	readonly upstreams: Upstreams;
	readonly requests: PublishRequests;
	readonly counters: Counters;
	readonly log: Logger;
	/** Faults of upstreams, which may come with every stream that is asked for. */
	readonly faults: RepeatReporter;
	readonly send: (message: ThreadToCoordinator) => void;
};

/** A connection and what has come of it. */
type Attempt = {
	source: Source;
	upstream: ServerAddress;
	/** It has brought something new. */
	delivers: boolean;
	startedAtMs: number;
	bytesSeen: number;
	quietChecks: number;
};

/** A stall is found out after this many looks in a row. Counted, not timed: a suspended machine is no stall. */
const STALL_CHECKS = 4;
/** A source that was lost sooner than this counts as one that failed. */
const STABLE_MS = 2000;

/**
 * One stream from whichever upstream has it, for as long as it is wanted. Every upstream is asked in turn; when one is lost, the next
 * takes its place at once; when none is left, all are asked again, after longer and longer pauses, without end. Viewers stay.
 *
 * The stream ends when the upstreams say that it is over: at once after an orderly end, after publish.grace when it was lost first, for
 * then its publisher may come back.
 */
export class Pull {
	readonly name: StreamName;
	readonly #services: PullServices;
	readonly #output: PullOutput;
	readonly #log: Logger;
	#via: readonly string[];
	/** The time at which the relay goes on that wants the stream first. */
	readonly #firstResumeMs: number | null;
	#attempt: Attempt | null = null;
	/** Upstreams that are still to be asked in this round. */
	#candidates: ServerAddress[] = [];
	#missing: SourceEnd | null = null;
	#failed: SourceEnd | null = null;
	/** Rounds that failed in a row. */
	#failures = 0;
	#missingSinceMs: number | null = null;
	#endedOrderly = false;
	#stopped = false;
	#retryTimer: NodeJS.Timeout | undefined;
	#stallTimer: NodeJS.Timeout | undefined;

	constructor(services: PullServices, name: StreamName, { via, resumeMs }: RelayWish) {
		this.#services = services;
		this.name = name;
		this.#via = via;
		this.#firstResumeMs = resumeMs ?? null;
		this.#log = services.log.child({ stream: name.key });
		this.#output = new PullOutput({
			name,
			requests: services.requests,
			events: {
				fresh: () => this.#onFresh(),
				joined: (how) => {
					this.#log.info({ upstream: this.#attempt?.upstream.address, how }, 'the source has changed');
					services.counters.add(how === 'continued' ? 'pullContinuations' : 'pullSplices', 1);
				},
				misplaced: () => this.#onMisplaced(),
				over: (code, message) => this.#onRefused(code, message),
			},
		});
	}

	start(): void {
		this.#startRound();
	}

	/** It is wanted for more processes. An upstream that has not delivered yet may be one of them, and is asked again. */
	follow(via: readonly string[]): void {
		this.#via = via;
		if (!this.#output.onAir && this.#attempt !== null && !this.#attempt.delivers) {
			this.#dropAttempt();
			this.#startRound();
		}
	}

	/** Ends the stream, if it is there, and everything else. */
	stop(code: ErrorCode): void {
		this.#stopped = true;
		clearTimeout(this.#retryTimer);
		this.#dropAttempt();
		this.#output.close(code);
	}

	#startRound(): void {
		this.#candidates = this.#services.upstreams.order();
		this.#missing = null;
		this.#failed = null;
		this.#askNext();
	}

	#askNext(): void {
		const upstream = this.#candidates.shift();
		if (upstream === undefined) {
			this.#onRoundOver();
		} else {
			this.#ask(upstream, this.#output.resumeMs ?? this.#firstResumeMs);
		}
	}

	#ask(upstream: ServerAddress, resumeMs: number | null): void {
		const { config, processId, agent } = this.#services;
		const { address, credentials } = upstream;
		this.#log.debug({ upstream: address, resumeMs }, 'asking an upstream');
		this.#output.begin(new URL(address).host, resumeMs);
		const source = openSource(
			{
				url: streamUrl(address, this.name),
				credentials,
				via: [...this.#via, processId],
				resumeMs,
				maxMessageBytes: config.limits.maxMessageSize,
				timeoutMs: config.gateway.stallTimeout,
				...(agent === undefined ? {} : { agent }),
			},
			{
				tag: (tagType, timestampMs, body) => this.#output.tag(tagType, timestampMs, body),
				over: (end) => this.#onOver(end),
			},
		);
		const startedAtMs = performance.now();
		this.#attempt = { source, upstream, delivers: false, startedAtMs, bytesSeen: 0, quietChecks: 0 };
		this.#stallTimer = setInterval(() => this.#checkStall(), Math.ceil(config.gateway.stallTimeout / STALL_CHECKS));
	}

	/** The present source has brought a frame that is new. */
	#onFresh(): void {
		const attempt = this.#attempt;
		if (attempt !== null && !attempt.delivers) {
			const { name } = this;
			attempt.delivers = true;
			this.#missingSinceMs = null;
			const { address } = attempt.upstream;
			this.#services.upstreams.worked(address);
			this.#services.send({ type: 'pull-upstream', name, upstream: address });
			this.#log.info({ upstream: address }, 'pulling');
		}
	}

	/** The upstream's media lies far back. It is asked again, for its newest. */
	#onMisplaced(): void {
		const attempt = this.#dropAttempt();
		if (attempt !== null) {
			this.#ask(attempt.upstream, null);
		}
	}

	#onOver(end: SourceEnd): void {
		const attempt = this.#dropAttempt();
		if (attempt === null) {
			return;
		}
		const { address } = attempt.upstream;
		if (end.outcome === 'failed') {
			this.#services.upstreams.failed(address);
		}
		const facts = { upstream: address, outcome: end.outcome, code: end.code, reason: end.message };
		if (!attempt.delivers) {
			this.#sayWhy(facts);
			this.#missing = end.outcome === 'failed' ? this.#missing : end;
			this.#failed = end.outcome === 'failed' ? end : this.#failed;
			this.#askNext();
			return;
		}
		this.#log.warn(facts, 'upstream lost');
		this.#services.counters.add('pullLosses', 1);
		this.#endedOrderly = end.outcome === 'ended';
		const wasStable = performance.now() - attempt.startedAtMs >= STABLE_MS;
		this.#failures = wasStable ? 0 : this.#failures + 1;
		if (wasStable || this.#services.upstreams.anyTrusted) {
			this.#startRound();
		} else {
			this.#retryIn(this.#pauseMs());
		}
	}

	/** Nobody delivers. */
	#onRoundOver(): void {
		this.#failures += 1;
		// An upstream that was restarted ended its streams in order; that says nothing of the publisher, who comes back.
		this.#endedOrderly &&= this.#failed === null;
		let pauseMs = this.#pauseMs();
		if (!this.#output.onAir) {
			const end = this.#missing ?? this.#failed ?? endOf('failed', new PeerError('UPSTREAM_FAILED'));
			this.#services.send({ type: 'pull-missing', name: this.name, ...reasonForViewers(end) });
		} else if (this.#missing === null) {
			this.#missingSinceMs = null;
		} else {
			const nowMs = performance.now();
			this.#missingSinceMs ??= nowMs;
			const graceMs = this.#endedOrderly ? 0 : policyOf(this.#services.config, this.name).publish.grace;
			const leftMs = this.#missingSinceMs + graceMs - nowMs;
			if (leftMs <= 0) {
				this.#log.info({ reason: this.#missing.message }, 'no upstream has the stream any more');
				this.stop('STREAM_ENDED');
				return;
			}
			pauseMs = Math.min(pauseMs, leftMs);
		}
		this.#retryIn(pauseMs);
	}

	/** An upstream that does not have a stream is no news; one that cannot be asked is. */
	#sayWhy({ upstream, outcome, reason }: { upstream: string; outcome: SourceEnd['outcome']; reason: string }): void {
		if (outcome === 'failed') {
			this.#services.faults.report('an upstream does not deliver', `${upstream}: ${reason}`);
		} else {
			this.#log.debug({ upstream, outcome, reason }, 'an upstream does not deliver');
		}
	}

	/** Exponential, with jitter: the gateways of an upstream that is back do not come all at once. */
	#pauseMs(): number {
		const { reconnectMin, reconnectMax } = this.#services.config.gateway;
		const fullMs = Math.min(reconnectMax, reconnectMin * 2 ** Math.max(0, this.#failures - 1));
		return fullMs * (0.5 + Math.random() / 2);
	}

	#retryIn(delayMs: number): void {
		if (!this.#stopped) {
			this.#retryTimer = setTimeout(() => this.#startRound(), delayMs);
		}
	}

	#checkStall(): void {
		const attempt = this.#attempt;
		if (attempt === null) {
			return;
		}
		const { bytesIn, answered } = attempt.source;
		attempt.quietChecks = bytesIn === attempt.bytesSeen ? attempt.quietChecks + 1 : 0;
		attempt.bytesSeen = bytesIn;
		if (attempt.quietChecks >= STALL_CHECKS) {
			// Some servers accept players of streams that are not there, and let them wait; some do not even answer them.
			const isIdle = bytesIn === 0 && (answered || this.#endedOrderly);
			const code = isIdle ? 'STREAM_NOT_FOUND' : 'IDLE_TIMEOUT';
			this.#onOver(endOf(isIdle ? 'missing' : 'failed', new PeerError(code)));
		}
	}

	#onRefused(code: ErrorCode, message: string): void {
		this.#log.info({ code, reason: message }, 'pull ended');
		this.stop(code);
		this.#services.send({ type: 'pull-missing', name: this.name, code, message });
	}

	/** Ends the present connection. @returns what it was. */
	#dropAttempt(): Attempt | null {
		const attempt = this.#attempt;
		this.#attempt = null;
		clearInterval(this.#stallTimer);
		attempt?.source.close();
		if (attempt?.delivers) {
			this.#services.send({ type: 'pull-upstream', name: this.name, upstream: null });
		}
		return attempt;
	}
}
