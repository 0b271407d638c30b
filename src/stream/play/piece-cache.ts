import { distance, type Position, UNIT_BYTES } from '../../ring/layout.js';
import { LAPPED, type RingReader } from '../../ring/ring-reader.js';
import type { WireFormat } from './subscriber.js';

/** Pieces end at multiples of this many bytes of ring, so that subscribers who stand in the same stretch meet at its end. */
const PIECE_BYTES = 128 * 1024;
const PIECE_UNITS = PIECE_BYTES / UNIT_BYTES;
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/** One step of a subscriber that is not at the live edge: encoded records from `start` up to `next`. */
export type Piece = { bytes: Buffer; start: Position; next: Position; firstDtsMs: number };

type CacheEntry = { bytes: WeakRef<Buffer>; next: Position; firstDtsMs: number };

/**
 * Pieces of the ring in one format, shared by all subscribers that stand at the same place. The cache keeps none alive
 * itself: a piece lives as long as somebody's socket holds it. So any number of viewers stalled at one place hold one
 * Buffer, and the ring stays the only GOP cache.
 */
export class PieceCache {
	readonly #entries = new Map<Position, CacheEntry>();

	/**
	 * The piece that begins at `cursor` and goes on to the end of its stretch or to `edge`, whichever comes first. A shorter
	 * one that exists is taken when it is at least half as long: that bounds the number of different Buffers of a stretch.
	 * @returns null when there is nothing between `cursor` and `edge`.
	 */
	pieceAt(reader: RingReader, format: WireFormat, cursor: Position, edge: Position): Piece | typeof LAPPED | null {
		const stretchEnd = ((cursor & -PIECE_UNITS) + PIECE_UNITS) | 0;
		const until = distance(stretchEnd, edge) > 0 ? stretchEnd : edge;
		const known = this.#entries.get(cursor);
		if (known !== undefined && distance(cursor, known.next) * 2 >= distance(cursor, until)) {
			const bytes = known.bytes.deref();
			if (bytes !== undefined) {
				return { bytes, start: cursor, next: known.next, firstDtsMs: known.firstDtsMs };
			}
		}
		const batch = reader.read(cursor, NO_LIMIT, format.room, until);
		if (batch === null || batch === LAPPED) {
			return batch;
		}
		const bytes = format.encodeBatch(batch);
		const firstDtsMs = batch.records[0]!.dtsMs;
		this.#entries.set(cursor, { bytes: new WeakRef(bytes), next: batch.next, firstDtsMs });
		return { bytes, start: cursor, next: batch.next, firstDtsMs };
	}

	/** Forgets the pieces that nobody holds any more. */
	sweep(): void {
		for (const [cursor, entry] of this.#entries) {
			if (entry.bytes.deref() === undefined) {
				this.#entries.delete(cursor);
			}
		}
	}
}
