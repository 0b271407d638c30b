import { setImmediate as nextTurn } from 'node:timers/promises';
import { policyOf } from '../../config/policy.js';
import type { Config } from '../../config/schema.js';
import type { ErrorCode } from '../../errors.js';
import type { Logger } from '../../log/logger.js';
import type { Counters } from '../../metrics/counters.js';
import type { StreamDirectory } from '../directory.js';
import type { StreamInfo } from '../thread-messages.js';
import { Hub, type HubHost } from './hub.js';
import { type FlushCost, MergeWindow, unknownCost } from './merge-window.js';

/** Stuck subscribers and empty hubs are looked for this often. */
const HOUSEKEEPING_MS = 500;
/** Hubs due within this much of each other are flushed together. */
const TIMER_SLACK_MS = 1;

export type HubSetOptions = {
	directory: StreamDirectory;
	config: Config;
	counters: Counters;
	log: Logger;
	/** The stream has its first subscriber in this thread, or none any more. */
	onAudience?: (stream: StreamInfo, present: boolean) => void;
};

/** A hub and when it is flushed. */
type ScheduledHub = {
	hub: Hub;
	auto: boolean;
	/** 0 = at every record. */
	windowMs: number;
	dueAtMs: number;
	/** Present while the hub waits for its ring; to call that off, clear `on` and wake the ring. */
	watch: { on: boolean } | null;
	cost: FlushCost;
};

/**
 * The hubs of one thread, and the only one who flushes them: at every record while the merge window is 0 (woken by the ring),
 * otherwise from one timer for all of them. A stream without subscribers in this thread has no hub and costs nothing.
 */
export class HubSet implements HubHost {
	readonly counters: Counters;
	readonly #hubs = new Map<number, ScheduledHub>();
	readonly #log: Logger;
	readonly #window: MergeWindow;
	readonly #onAudience: (stream: StreamInfo, present: boolean) => void;
	#config: Config;
	#timer: NodeJS.Timeout | null = null;
	#timerDueAtMs = 0;
	#housekeeping: NodeJS.Timeout | null = null;

	constructor({ directory, config, counters, log, onAudience = () => undefined }: HubSetOptions) {
		this.#config = config;
		this.#onAudience = onAudience;
		this.counters = counters;
		this.#log = log;
		this.#window = new MergeWindow(performance.now(), loopUtilization());
		directory.listen({
			ringReplaced: (stream) => this.#hubs.get(stream.streamId)?.hub.replaceRing(),
			ended: (stream) => this.#endStream(stream),
		});
	}

	/** All subscribers of this thread. */
	get subscribers(): number {
		let sum = 0;
		for (const { hub } of this.#hubs.values()) {
			sum += hub.subscribers;
		}
		return sum;
	}

	/** The hub of `stream`. Subscribe soon: a hub without subscribers is not kept. */
	of(stream: StreamInfo): Hub {
		return this.#schedule(stream).hub;
	}

	/** Takes over play.mergeWindow and play.maxLag. */
	configure(config: Config): void {
		this.#config = config;
		for (const scheduled of this.#hubs.values()) {
			this.#applyPolicy(scheduled);
		}
	}

	/** Lets go of every subscriber with `code`, those that have begun with a polite end. */
	closeAll(code: ErrorCode): void {
		for (const { hub } of this.#hubs.values()) {
			hub.closeAll(code);
		}
	}

	occupied(hub: Hub): void {
		const scheduled = this.#schedule(hub.stream, hub);
		this.#setWindow(scheduled, scheduled.windowMs);
		this.#onAudience(hub.stream, true);
	}

	vacated(hub: Hub): void {
		this.#onAudience(hub.stream, false);
		this.#setWatch(this.#schedule(hub.stream, hub));
	}

	#schedule(stream: StreamInfo, known?: Hub): ScheduledHub {
		let scheduled = this.#hubs.get(stream.streamId);
		if (scheduled === undefined) {
			const hub = known ?? new Hub(stream, this);
			scheduled = { hub, auto: true, windowMs: 0, dueAtMs: 0, watch: null, cost: unknownCost() };
			this.#hubs.set(stream.streamId, scheduled);
			this.#applyPolicy(scheduled);
			this.#housekeeping ??= setInterval(() => this.#keepHouse(), HOUSEKEEPING_MS).unref();
		}
		return scheduled;
	}

	#applyPolicy(scheduled: ScheduledHub): void {
		const { mergeWindow, maxLag } = policyOf(this.#config, scheduled.hub.stream.name).play;
		scheduled.hub.maxLagMs = maxLag;
		scheduled.auto = mergeWindow === 'auto';
		this.#setWindow(scheduled, mergeWindow === 'auto' ? this.#window.windowMs : mergeWindow);
	}

	#setWindow(scheduled: ScheduledHub, windowMs: number): void {
		scheduled.windowMs = windowMs;
		scheduled.dueAtMs = performance.now() + windowMs;
		this.#setWatch(scheduled);
		if (windowMs > 0) {
			this.#armTimer(scheduled.dueAtMs);
		}
	}

	/** A hub waits for its ring while it has subscribers, no merge window, and records to come. */
	#setWatch(scheduled: ScheduledHub): void {
		const { hub, watch } = scheduled;
		const wanted = scheduled.windowMs === 0 && hub.subscribers > 0 && !hub.complete;
		if (wanted && watch === null) {
			scheduled.watch = { on: true };
			void this.#follow(scheduled, scheduled.watch);
		} else if (!wanted && watch !== null) {
			watch.on = false;
			scheduled.watch = null;
			hub.reader.wake();
		}
	}

	async #follow(scheduled: ScheduledHub, watch: { on: boolean }): Promise<void> {
		const { hub } = scheduled;
		while (watch.on) {
			await hub.reader.waitBeyond(hub.edge, Number.POSITIVE_INFINITY);
			if (watch.on) {
				this.#flush(scheduled);
			}
			if (watch.on && hub.reader.tail !== hub.edge) {
				// A writer that is faster than we are must not keep everything else in this thread from running.
				await nextTurn();
			}
		}
	}

	#armTimer(dueAtMs: number): void {
		if (this.#timer !== null && this.#timerDueAtMs <= dueAtMs) {
			return;
		}
		if (this.#timer !== null) {
			clearTimeout(this.#timer);
		}
		this.#timerDueAtMs = dueAtMs;
		this.#timer = setTimeout(() => this.#flushDue(), Math.max(1, dueAtMs - performance.now()));
	}

	#flushDue(): void {
		this.#timer = null;
		const nowMs = performance.now();
		let nextDueAtMs = Number.POSITIVE_INFINITY;
		for (const scheduled of this.#hubs.values()) {
			if (scheduled.windowMs === 0 || scheduled.hub.subscribers === 0) {
				continue;
			}
			if (scheduled.dueAtMs <= nowMs + TIMER_SLACK_MS) {
				scheduled.dueAtMs = Math.max(scheduled.dueAtMs + scheduled.windowMs, nowMs + scheduled.windowMs / 2);
				this.#flush(scheduled);
			}
			nextDueAtMs = Math.min(nextDueAtMs, scheduled.dueAtMs);
		}
		if (nextDueAtMs !== Number.POSITIVE_INFINITY) {
			this.#armTimer(nextDueAtMs);
		}
	}

	#flush(scheduled: ScheduledHub): void {
		const startedAtMs = performance.now();
		const records = scheduled.hub.flush(startedAtMs);
		if (scheduled.hub.complete) {
			this.#setWatch(scheduled);
		}
		if (records === 0) {
			return;
		}
		const nowMs = performance.now();
		const costMs = nowMs - startedAtMs;
		this.counters.add('flushes', 1);
		this.counters.add('flushMs', costMs);
		if (scheduled.auto && this.#window.account(scheduled.cost, costMs, records, nowMs)) {
			this.#moveWindow();
		}
	}

	#moveWindow(): void {
		const { windowMs } = this.#window;
		this.#log.debug({ windowMs }, 'merge window');
		this.counters.set('currentMergeWindowMs', windowMs);
		for (const scheduled of this.#hubs.values()) {
			if (scheduled.auto) {
				this.#setWindow(scheduled, windowMs);
			}
		}
	}

	#endStream(stream: StreamInfo): void {
		const scheduled = this.#hubs.get(stream.streamId);
		if (scheduled !== undefined) {
			scheduled.hub.endStream();
			this.#flush(scheduled);
		}
	}

	#keepHouse(): void {
		const nowMs = performance.now();
		for (const [streamId, scheduled] of this.#hubs) {
			const { hub } = scheduled;
			if (hub.reader.ended && !hub.complete) {
				// Its end was announced before its first subscriber came here.
				this.#flush(scheduled);
			}
			hub.keepHouse(nowMs);
			if (hub.subscribers === 0) {
				this.#hubs.delete(streamId);
			}
		}
		if (this.#hubs.size === 0 && this.#housekeeping !== null) {
			clearInterval(this.#housekeeping);
			this.#housekeeping = null;
		}
	}
}

/** Answers the share of time that this thread's event loop was busy since it was last asked. */
function loopUtilization(): () => number {
	let seen = performance.eventLoopUtilization();
	return () => {
		const now = performance.eventLoopUtilization();
		const { utilization } = performance.eventLoopUtilization(now, seen);
		seen = now;
		return utilization;
	};
}
