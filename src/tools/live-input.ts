import { copyOf } from '../bytes/kept.js';
import { TagType } from '../container/flv/tag.js';
import { PeerError } from '../errors.js';
import { factsOf, type MediaTag, type TagFacts } from '../relay/media-tag.js';
import { endOf, type SourceEnd } from '../relay/source.js';
import { Timeline } from '../stream/publish/timeline.js';
import { RetryDelay } from './retry-delay.js';
import { playStream } from './stream-source.js';
import { ToolError } from './tool.js';

export type LiveInputEvents = {
	/** A tag on the one timeline of all connections. */
	tag(tag: MediaTag, facts: TagFacts | null): void;
	/** The next media comes from another connection. */
	spliced(): void;
	/** Something the user should know. */
	say(text: string): void;
};

export type LiveInputOptions = {
	reconnect: boolean;
	/** A lost stream is waited for this long. */
	patienceMs: number;
	/** The server's word that the stream is over is the end; else it is waited for as well. */
	endsOrderly: boolean;
};

const STALL_MS = 10_000;
const STALL_LOOK_MS = 1000;

/** Plays a stream over as many connections as it takes; time goes on from one to the next. */
export class LiveInput {
	readonly #url: URL;
	readonly #options: LiveInputOptions;
	readonly #events: LiveInputEvents;
	#timeline = new Timeline('full', null);
	/** This connection has brought a frame that a decoder can start with. */
	#started = false;
	#everStarted = false;
	#hasVideo = false;
	#lastTagAtMs = 0;

	constructor(url: URL, options: LiveInputOptions, events: LiveInputEvents) {
		this.#url = url;
		this.#options = options;
		this.#events = events;
	}

	/** Resolves at the end of the stream, or when `stop` is aborted. Throws ToolError when it cannot be had, or is lost for good. */
	async run(stop: AbortSignal): Promise<void> {
		const retry = new RetryDelay();
		let lostAtMs = 0;
		while (!stop.aborted) {
			const end = await this.#play(stop);
			if (stop.aborted || (end.outcome === 'ended' && this.#options.endsOrderly && this.#everStarted)) {
				return;
			}
			if (!this.#everStarted || !this.#options.reconnect) {
				throw new ToolError(end.message);
			}
			const nowMs = performance.now();
			if (this.#started) {
				retry.reset();
				lostAtMs = nowMs;
				this.#events.say(`${end.message}; connecting again`);
			} else if (nowMs - lostAtMs > this.#options.patienceMs) {
				throw new ToolError(`lost for ${Math.round((nowMs - lostAtMs) / 1000)} s: ${end.message}`);
			}
			await retry.wait(stop);
		}
	}

	/** One connection, to its end. */
	async #play(stop: AbortSignal): Promise<SourceEnd> {
		const before = this.#timeline.latestMs;
		this.#timeline = new Timeline('full', this.#everStarted ? before : null);
		this.#started = false;
		this.#lastTagAtMs = performance.now();
		return new Promise((resolve) => {
			const finish = (end: SourceEnd): void => {
				clearInterval(timer);
				stop.removeEventListener('abort', abort);
				source.close();
				resolve(end);
			};
			const abort = (): void => finish(endOf('ended', new PeerError('STREAM_ENDED')));
			const source = playStream(this.#url, { tag: (...tag) => this.#take(...tag), over: finish });
			const timer = setInterval(() => {
				if (performance.now() - this.#lastTagAtMs > STALL_MS) {
					finish(endOf('failed', new PeerError('IDLE_TIMEOUT', `nothing has come for ${STALL_MS / 1000} s`)));
				}
			}, STALL_LOOK_MS);
			stop.addEventListener('abort', abort);
		});
	}

	#take(tagType: number, timestampMs: number, borrowed: Uint8Array): void {
		this.#lastTagAtMs = performance.now();
		const body = copyOf(borrowed);
		const facts = factsOf(tagType, body);
		if (facts === null && tagType !== TagType.script) {
			return;
		}
		this.#hasVideo ||= facts?.kind === 'video';
		if (facts?.role !== 'frame') {
			this.#events.tag({ tagType, dtsMs: this.#timeline.aside(timestampMs, facts?.kind, facts?.trackId), body }, facts);
			return;
		}
		if (!this.#started) {
			if (this.#hasVideo && !(facts.kind === 'video' && facts.keyframe)) {
				return;
			}
			this.#started = true;
			if (this.#everStarted) {
				this.#events.spliced();
			}
			this.#everStarted = true;
		}
		this.#events.tag({ tagType, dtsMs: this.#timeline.frame(facts.kind, facts.trackId, timestampMs), body }, facts);
	}
}
