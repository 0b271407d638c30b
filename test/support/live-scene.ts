import assert from 'node:assert/strict';
import { type LiveAnswer, SharedBody } from '#src/live/answer.js';
import { parseLiveName } from '#src/live/names.js';
import { LivePackaging } from '#src/live/packaging.js';
import { LiveSource } from '#src/live/source.js';
import type { MediaPlaylist } from '#src/protocol/m3u8/media-playlist.js';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { MIN_PART_RING_BYTES } from '#src/ring/part-layout.js';
import { PartRingWriter } from '#src/ring/part-ring-writer.js';
import { RingFeed } from './ring-feed.js';

const START_MS = Date.UTC(2026, 5, 1);
const STEP_MS = 40;
export const POLICY = { segmentMs: 1500, maxSegmentMs: 8000, partMs: 333 };

/** A stream, its packaging and one viewer on a clock of their own. */
export class LiveScene {
	readonly feed = new RingFeed(16 * 1024 ** 2).open();
	parts = PartRingWriter.allocate(MIN_PART_RING_BYTES);
	nowMs = START_MS;
	dtsMs = 0;
	frameMs = STEP_MS;
	gopMs = 2000;
	frameBytes = 400;
	source: LiveSource;
	packaging: LivePackaging;
	#nextKeyMs = 0;
	#nextFrameMs = 0;
	#audioFrames = 0;
	/** Tracks that the publisher sends nothing of at present. */
	readonly silent = new Set<'video' | 'audio'>();

	constructor() {
		this.source = new LiveSource(this.parts, () => this.nowMs);
		this.packaging = this.#package();
	}

	/** Another task goes on where the present one has died. */
	restart(): void {
		this.packaging = this.#package();
	}

	splice(): void {
		this.feed.splice(this.dtsMs);
		this.#nextKeyMs = this.dtsMs;
	}

	/** Lets `ms` go by, with frames; `each` is called at every step. */
	run(ms: number, each: () => void = () => undefined): this {
		for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
			this.nowMs += STEP_MS;
			if (this.dtsMs >= this.#nextFrameMs) {
				const isKey = this.dtsMs >= this.#nextKeyMs;
				if (!this.silent.has('video')) {
					this.feed.video(this.dtsMs, isKey, isKey ? this.frameBytes * 10 : this.frameBytes);
				}
				this.#nextFrameMs = this.dtsMs + this.frameMs;
				this.#nextKeyMs = isKey ? this.dtsMs + this.gopMs : this.#nextKeyMs;
			}
			for (; audioMs(this.#audioFrames) <= this.dtsMs; this.#audioFrames++) {
				if (!this.silent.has('audio')) {
					this.feed.audio(Math.round(audioMs(this.#audioFrames)));
				}
			}
			this.dtsMs += STEP_MS;
			this.packaging.advance();
			each();
		}
		return this;
	}

	/** The answer that is there now; null when the request waits. */
	ask(name: string, query = ''): LiveAnswer | null {
		let answer: LiveAnswer | null = null;
		const resource = parseLiveName(name);
		assert.ok(resource !== null, name);
		this.source.ask(resource, query, (given) => {
			answer = given;
		})();
		return answer;
	}

	text(query = ''): string {
		return bytesOf(this.ask('live.m3u8', query))?.toString() ?? '';
	}

	playlist(query = ''): MediaPlaylist {
		return parseMediaPlaylist(this.text(query));
	}

	bytes(name: string): Buffer {
		const answer = this.ask(name);
		assert.equal(answer?.status, 200, name);
		return bytesOf(answer)!;
	}

	#package(): LivePackaging {
		return new LivePackaging({
			ring: this.feed.ring,
			parts: this.parts,
			policy: POLICY,
			now: () => this.nowMs,
			moved: (parts) => {
				this.parts = parts;
				this.source.replaceRing(parts);
			},
		});
	}
}

export function bytesOf(answer: LiveAnswer | null): Buffer | null {
	return answer?.body instanceof SharedBody ? answer.body.bytes : null;
}

/** Time of frame `n` of AAC. */
export function audioMs(n: number): number {
	return (n * 1024_000) / 44_100;
}
