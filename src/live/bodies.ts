import { findBox } from '../container/mp4/box-reader.js';
import { singleTrackInit } from '../container/mp4/init-segment.js';
import { buildSegmentType } from '../container/mp4/media-segment.js';
import { type MovieTrack, readMovie } from '../container/mp4/movie-reader.js';
import type { PartRecord } from '../ring/part-layout.js';
import type { PartRingReader } from '../ring/part-ring-reader.js';
import { LAPPED } from '../ring/ring-reader.js';
import { SharedBody } from './answer.js';
import type { LiveTrackKind } from './names.js';
import type { LiveSegment } from './window.js';

/** A segment of a track that has nothing in it. */
const NOTHING = new SharedBody(buildSegmentType());

/**
 * Bytes out of a part ring, copied once for all who ask. They are kept as long as their record or segment. Null for
 * bytes that were there a moment ago and are too old now.
 */
export class LiveBodies {
	/** Follows the ring as it is replaced. */
	reader: PartRingReader;
	readonly #whole = new WeakMap<object, SharedBody>();
	readonly #tracks: Record<LiveTrackKind, WeakMap<object, SharedBody>> = { video: new WeakMap(), audio: new WeakMap() };

	constructor(reader: PartRingReader) {
		this.reader = reader;
	}

	/** An init segment, or a part. */
	record(record: PartRecord): SharedBody | null {
		return this.#whole.get(record) ?? this.#read(this.#whole, record, [record], null);
	}

	segment(segment: LiveSegment): SharedBody | null {
		return this.#whole.get(segment) ?? this.#read(this.#whole, segment, segment.parts, null);
	}

	/** One track of a segment that is complete. */
	trackSegment(segment: LiveSegment, track: LiveTrackKind): SharedBody | null {
		if (segment[track] === null) {
			return NOTHING;
		}
		const kept = this.#tracks[track];
		return kept.get(segment) ?? this.#read(kept, segment, segment.parts, track);
	}

	/** One track of a part. */
	chunk(part: PartRecord, track: LiveTrackKind): Buffer | null {
		const { at, length } = part[track];
		return this.record(part)?.bytes.subarray(at, at + length) ?? null;
	}

	/** One track of an init segment; null also when it has no such track. */
	trackInit(init: PartRecord, track: LiveTrackKind): SharedBody | null {
		const known = this.#tracks[track].get(init);
		const trackId = this.tracks(init).find(({ config }) => config?.kind === track)?.trackId;
		const whole = this.record(init);
		if (known !== undefined || trackId === undefined || whole === null) {
			return known ?? null;
		}
		const body = new SharedBody(singleTrackInit(whole.bytes, trackId));
		this.#tracks[track].set(init, body);
		return body;
	}

	/** The tracks that an init segment tells of. */
	tracks(init: PartRecord): readonly MovieTrack[] {
		const bytes = this.record(init)?.bytes ?? Buffer.alloc(0);
		const moov = findBox(bytes, 0, bytes.length, 'moov');
		return moov === null ? [] : readMovie(bytes, moov).tracks;
	}

	#read(
		kept: WeakMap<object, SharedBody>,
		of: object,
		records: readonly PartRecord[],
		track: LiveTrackKind | null,
	): SharedBody | null {
		const bytes = this.reader.payload(records, track);
		if (bytes === LAPPED) {
			return null;
		}
		const body = new SharedBody(bytes);
		kept.set(of, body);
		return body;
	}
}
