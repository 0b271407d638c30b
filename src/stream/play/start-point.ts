import type { Position } from '../../ring/layout.js';
import type { RingReader } from '../../ring/ring-reader.js';

/** Subscribers of an audio-only stream start this far back. */
const AUDIO_BACK_MS = 1000;

/**
 * The place where new subscribers of a stream start. It is looked for once for all who come or wait between two
 * records.
 */
export class StartPoint {
	#reader: RingReader | null = null;
	#tail: Position = 0;
	#position: Position | null = null;

	/** Null while the stream's tracks are not known or there is nothing to start at. `resumeMs` is SubscriberPort's. */
	of(reader: RingReader, resumeMs?: number): Position | null {
		if (!reader.ready) {
			return null;
		}
		const resumed = resumeMs === undefined ? null : reader.startBefore(resumeMs);
		if (resumed !== null) {
			return resumed;
		}
		const { tail } = reader;
		if (reader !== this.#reader || tail !== this.#tail) {
			this.#reader = reader;
			this.#tail = tail;
			this.#position = reader.startPosition(AUDIO_BACK_MS);
		}
		return this.#position;
	}
}
