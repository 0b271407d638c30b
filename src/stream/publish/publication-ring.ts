import type { Config } from '../../config/schema.js';
import {
	distance,
	MAX_RECORD_SHARE,
	MAX_RING_BYTES,
	type Position,
	ringBytesFor,
	UNIT_BYTES,
} from '../../ring/layout.js';
import type { RingWriter } from '../../ring/ring-writer.js';

/** Room for record headers and the like on top of a tag body. */
const RECORD_OVERHEAD_BYTES = 64;

/** When this much of the ring lies behind the newest keyframe, the ring grows before that is lost. */
const FULL_SHARE = 3 / 4;

/**
 * Keeps a stream's ring large enough, within the configured limits: for its bitrate, for its largest frame, and for all
 * records since its newest keyframe. Without that keyframe nobody could start to watch.
 */
export class RingGrowth {
	readonly #maxBytes: number;
	readonly #onGrown: (ring: SharedArrayBuffer) => void;
	#writer: RingWriter;
	#keyframe: Position | null = null;

	constructor(writer: RingWriter, config: Config['ring'], onGrown: (ring: SharedArrayBuffer) => void) {
		this.#writer = writer;
		this.#maxBytes = ringBytesFor(Math.min(config.maxSize, MAX_RING_BYTES));
		this.#onGrown = onGrown;
	}

	/** The writer of the present ring; another one after each growth. */
	get writer(): RingWriter {
		return this.#writer;
	}

	/** Grows to hold `bytes`, as far as the limits allow. */
	fit(bytes: number): void {
		const wanted = Math.min(ringBytesFor(bytes), this.#maxBytes);
		if (wanted > this.#writer.capacityBytes && !this.#writer.fenced) {
			this.#writer = this.#writer.grow(wanted);
			this.#onGrown(this.#writer.ring);
		}
	}

	/** @returns false when no ring within the limits takes a body of `bodyBytes`. */
	makeRoomFor(bodyBytes: number): boolean {
		if (bodyBytes > this.#writer.maxBodyBytes) {
			this.fit((bodyBytes + RECORD_OVERHEAD_BYTES) * MAX_RECORD_SHARE);
		}
		return bodyBytes <= this.#writer.maxBodyBytes;
	}

	/** The next record is a keyframe that viewers start at. */
	noteKeyframe(): void {
		this.#keyframe = this.#writer.tail;
	}

	/** More has been written since. */
	keepKeyframe(): void {
		if (this.#keyframe === null) {
			return;
		}
		const capacityBytes = this.#writer.capacityBytes;
		const heldBytes = distance(this.#keyframe, this.#writer.tail) * UNIT_BYTES;
		if (heldBytes > capacityBytes) {
			this.#keyframe = null;
		} else if (heldBytes > capacityBytes * FULL_SHARE) {
			this.fit(capacityBytes * 2);
		}
	}
}
