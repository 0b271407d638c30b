import { copyOf } from '../bytes/kept.js';
import type { Frame, FrameSink, SourceTrack } from './frame.js';

/** The second kind of track is waited for in so much of the source, and no longer. */
const MAX_WAIT_MS = 1000;
const MAX_HELD_FRAMES = 1024;
const MAX_HELD_BYTES = 16 * 1024 * 1024;

/**
 * Tells `sink` of both kinds of track before it gets the first frame: some files name their tracks at their beginning. A source
 * announces each with its first frame, so the first frames are held back until both are known, or one has come alone for long.
 */
export class TracksFirst implements FrameSink {
	readonly #sink: FrameSink;
	readonly #kinds = new Set<Frame['kind']>();
	/** Everything from the first frame on, in order. Null once it is passed on. */
	#held: (() => void)[] | null = [];
	#heldFrames = 0;
	#heldBytes = 0;
	#firstDtsMs = Number.NaN;

	constructor(sink: FrameSink) {
		this.#sink = sink;
	}

	track(track: SourceTrack): void {
		const isChange = this.#kinds.has(track.kind);
		this.#kinds.add(track.kind);
		if (isChange) {
			this.#inOrder(() => this.#sink.track(track));
		} else {
			this.#sink.track(track);
		}
		if (this.#kinds.size === 2) {
			this.#release();
		}
	}

	frame(frame: Frame): void {
		if (this.#held === null) {
			this.#sink.frame(frame);
			return;
		}
		const kept = { ...frame, payload: copyOf(frame.payload) };
		this.#held.push(() => this.#sink.frame(kept));
		this.#heldFrames++;
		this.#heldBytes += kept.payload.length;
		this.#firstDtsMs = Number.isNaN(this.#firstDtsMs) ? frame.dtsMs : this.#firstDtsMs;
		if (
			frame.dtsMs - this.#firstDtsMs >= MAX_WAIT_MS ||
			this.#heldFrames === MAX_HELD_FRAMES ||
			this.#heldBytes > MAX_HELD_BYTES
		) {
			this.#release();
		}
	}

	script(dtsMs: number, body: Buffer): void {
		const kept = this.#held === null ? body : copyOf(body);
		this.#inOrder(() => this.#sink.script?.(dtsMs, kept));
	}

	splice(): void {
		this.#inOrder(() => this.#sink.splice());
	}

	end(): void {
		this.#release();
		this.#sink.end();
	}

	#inOrder(pass: () => void): void {
		if (this.#held === null) {
			pass();
		} else {
			this.#held.push(pass);
		}
	}

	#release(): void {
		const held = this.#held ?? [];
		this.#held = null;
		for (const pass of held) {
			pass();
		}
	}
}
