import { setTimeout as sleep } from 'node:timers/promises';
import type { MediaTag, StreamHeaders, TagFacts } from '../relay/media-tag.js';
import { openTarget, type StreamTarget } from '../relay/open-target.js';
import { RetryDelay } from './retry-delay.js';

/** A target may be behind by this much: some seconds of a large stream. Beyond it, the target goes on at a keyframe. */
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;
/** A target that takes nothing for this long is lost. */
const STALL_MS = 10_000;
const FINISH_MS = 3000;

/** One target of a stream: its own queue, its own connections. Whatever it does, nobody waits for it. */
export class ForwardTarget {
	readonly url: URL;
	/** Connections so far that were accepted. */
	connections = 0;
	/** Jumps to a keyframe because the target was too slow. */
	skips = 0;
	sentBytes = 0;
	readonly #headers: StreamHeaders;
	readonly #say: (text: string) => void;
	#target: StreamTarget | null = null;
	#queue: MediaTag[] = [];
	#queuedBytes = 0;
	#waitsForKeyframe = true;
	#wake: () => void = () => undefined;

	/** `headers` is shared with whoever keeps it up to date. */
	constructor(url: URL, headers: StreamHeaders, say: (text: string) => void) {
		this.url = url;
		this.#headers = headers;
		this.#say = say;
	}

	/** The next tag of the stream. */
	take(tag: MediaTag, facts: TagFacts | null): void {
		if (this.#target === null) {
			return;
		}
		if (this.#queuedBytes > MAX_QUEUED_BYTES) {
			this.#startAnew();
			this.skips++;
			this.#say(`${this.url.host} is too slow; it goes on at the next keyframe`);
		}
		if (this.#waitsForKeyframe) {
			const isStart =
				facts?.role === 'frame' && (!this.#headers.hasVideo || (facts.kind === 'video' && facts.keyframe));
			if (!isStart) {
				return;
			}
			this.#waitsForKeyframe = false;
			for (const header of this.#headers.at(tag.dtsMs)) {
				this.#enqueue(header);
			}
		}
		this.#enqueue(tag);
		this.#wake();
	}

	/** Keeps the target connected until `stop`. */
	async run(stop: AbortSignal): Promise<void> {
		const retry = new RetryDelay();
		stop.addEventListener('abort', () => this.#wake());
		while (!stop.aborted) {
			try {
				const target = await openTarget(this.url);
				this.connections++;
				this.#startAnew();
				this.#target = target;
				retry.reset();
				if (this.connections > 1) {
					this.#say(`${this.url.host}: connected again`);
				}
				await this.#send(target, stop);
			} catch (error) {
				if (!(error instanceof Error)) {
					throw error;
				}
				this.#say(`${this.url.host}: ${error.message}; trying again`);
			}
			this.#target?.close();
			this.#target = null;
			await retry.wait(stop);
		}
	}

	/** Throws why the target was lost. */
	async #send(target: StreamTarget, stop: AbortSignal): Promise<void> {
		while (!stop.aborted) {
			const queue = this.#queue;
			this.#queue = [];
			for (const tag of queue) {
				if (target.failure !== null) {
					throw target.failure;
				}
				target.write(tag);
				await withinTime(target);
				this.sentBytes += tag.body.length;
				this.#queuedBytes = Math.max(0, this.#queuedBytes - tag.body.length);
			}
			if (this.#queue.length === 0 && !stop.aborted) {
				const woken = new Promise<null>((resolve) => {
					this.#wake = () => resolve(null);
				});
				const failure = await Promise.race([woken, target.lost]);
				if (failure !== null) {
					throw failure;
				}
			}
		}
		await Promise.race([target.finish(), sleep(FINISH_MS, undefined, { ref: false })]);
	}

	#enqueue(tag: MediaTag): void {
		this.#queue.push(tag);
		this.#queuedBytes += tag.body.length;
	}

	#startAnew(): void {
		this.#queue = [];
		this.#queuedBytes = 0;
		this.#waitsForKeyframe = true;
	}
}

/** Resolves when the target takes more. Throws when that takes too long. */
async function withinTime(target: StreamTarget): Promise<void> {
	const over = new AbortController();
	const stalled = sleep(STALL_MS, true, { signal: over.signal }).catch(() => false);
	const isStalled = await Promise.race([target.drained().then(() => false), stalled]);
	over.abort();
	if (isStalled) {
		throw new Error(`has taken nothing for ${STALL_MS / 1000} s`);
	}
}
