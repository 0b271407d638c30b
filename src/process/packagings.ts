import { policyOf } from '../config/policy.js';
import type { Config } from '../config/schema.js';
import type { Logger } from '../log/logger.js';
import { MIN_PART_RING_BYTES } from '../ring/part-layout.js';
import { PartRingWriter } from '../ring/part-ring-writer.js';
import type { StreamInfo } from '../stream/thread-messages.js';
import { Packaging } from './packaging.js';
import type { RemuxPool } from './remux-pool.js';

export type PackagingsParts = {
	config: Config;
	pool: RemuxPool;
	log: Logger;
	/** `stream.parts` is another ring now. */
	partsReplaced: (stream: StreamInfo) => void;
};

const BEAT_CHECK_MS = 1000;

/** All streams of the process that are packaged for LL-HLS. */
export class Packagings {
	readonly #parts: PackagingsParts;
	readonly #running = new Map<number, Packaging>();
	#config: Config;
	#beatTimer: NodeJS.Timeout | undefined;

	constructor(parts: PackagingsParts) {
		this.#parts = parts;
		this.#config = parts.config;
	}

	/** A reloaded configuration: holds for streams that open from now on. */
	set config(config: Config) {
		this.#config = config;
	}

	/** Gives a stream that has just opened its part ring, if it is to be packaged. To be called before anybody is told of it. */
	opened(stream: StreamInfo): void {
		const { hls } = policyOf(this.#config, stream.name);
		if (!hls.lowLatency) {
			return;
		}
		const { liveSegment, maxSegment, partTarget } = this.#config.hls;
		stream.parts = PartRingWriter.allocate(MIN_PART_RING_BYTES);
		const packaging = new Packaging({
			stream,
			policy: { segmentMs: liveSegment, maxSegmentMs: maxSegment, partMs: partTarget },
			pool: this.#parts.pool,
			log: this.#parts.log,
			moved: (parts) => {
				stream.parts = parts;
				this.#parts.partsReplaced(stream);
			},
		});
		this.#running.set(stream.streamId, packaging);
		this.#beatTimer ??= setInterval(() => this.#checkBeats(), BEAT_CHECK_MS);
		void packaging.run().then(() => this.#running.delete(stream.streamId));
	}

	ringReplaced({ streamId, ring }: StreamInfo): void {
		this.#running.get(streamId)?.replaceRing(ring);
	}

	ended({ streamId }: StreamInfo): void {
		this.#running.get(streamId)?.ended();
	}

	/** Nothing is restarted any more. */
	close(): void {
		clearInterval(this.#beatTimer);
		for (const packaging of this.#running.values()) {
			packaging.ended();
		}
	}

	#checkBeats(): void {
		for (const packaging of this.#running.values()) {
			packaging.checkBeat();
		}
	}
}
