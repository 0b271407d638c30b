// Spec: see sample-table.ts
import { type Box, badBox, FieldReader, findBox } from './box-reader.js';

/**
 * Walks the samples of a track of a classic MP4 (`stbl`), in order, without building anything per sample: the fields hold the
 * present one. Starts in front of the first. `bytes` is kept and read as the cursor moves.
 */
export class SampleCursor {
	readonly count: number;
	/** From 0. */
	index = -1;
	size = 0;
	/** The place of the sample's first byte in the file. */
	offset = 0;
	decodeTime = 0;
	duration = 0;
	compositionOffset = 0;
	sync = false;

	readonly #sizes: FieldReader;
	readonly #sameSize: number;
	readonly #times: Runs;
	readonly #offsets: Runs;
	readonly #syncs: FieldReader | null;
	#syncsLeft: number;
	#nextSync = 0;
	readonly #chunks: FieldReader;
	readonly #chunkBytes: 4 | 8;
	readonly #samplesPerChunk: FieldReader;
	#perChunkRunsLeft: number;
	#chunk = 0;
	#perChunk = 0;
	#nextPerChunkFrom: number;
	#leftInChunk = 0;

	/** Throws PeerError MP4_BOX when a table is missing. */
	constructor(bytes: Buffer, stbl: Box) {
		const table = (type: string): FieldReader | null => {
			const box = findBox(bytes, stbl.bodyStart, stbl.end, type);
			if (box === null) {
				return null;
			}
			const fields = new FieldReader(bytes, box);
			fields.skip(4);
			return fields;
		};
		this.#sizes = table('stsz') ?? badBox('no stsz');
		this.#sameSize = this.#sizes.u32();
		this.count = this.#sizes.u32();
		this.#times = new Runs(table('stts') ?? badBox('no stts'));
		this.#offsets = new Runs(table('ctts'));
		this.#syncs = table('stss');
		this.#syncsLeft = this.#syncs?.u32() ?? 0;
		const stco = table('stco');
		this.#chunks = stco ?? table('co64') ?? badBox('no stco');
		this.#chunkBytes = stco === null ? 8 : 4;
		this.#chunks.skip(4);
		this.#samplesPerChunk = table('stsc') ?? badBox('no stsc');
		this.#perChunkRunsLeft = this.#samplesPerChunk.u32();
		this.#nextPerChunkFrom = this.#perChunkRunsLeft > 0 ? this.#samplesPerChunk.u32() : Number.POSITIVE_INFINITY;
	}

	/** Moves to the next sample. @returns false at the end. */
	next(): boolean {
		if (this.index + 1 >= this.count) {
			return false;
		}
		this.offset += this.size;
		this.decodeTime += this.duration;
		this.index++;
		if (this.#leftInChunk === 0) {
			this.#enterChunk();
		}
		this.#leftInChunk--;
		this.size = this.#sameSize > 0 ? this.#sameSize : this.#sizes.u32();
		this.duration = this.#times.next();
		this.compositionOffset = this.#offsets.next() | 0;
		this.sync = this.#isSync();
		return true;
	}

	#enterChunk(): void {
		this.#chunk++;
		if (this.#chunk >= this.#nextPerChunkFrom) {
			this.#perChunk = this.#samplesPerChunk.u32();
			this.#samplesPerChunk.skip(4); // sample_description_index
			this.#perChunkRunsLeft--;
			this.#nextPerChunkFrom = this.#perChunkRunsLeft > 0 ? this.#samplesPerChunk.u32() : Number.POSITIVE_INFINITY;
		}
		if (this.#perChunk === 0) {
			badBox('stsc with no samples in a chunk');
		}
		this.#leftInChunk = this.#perChunk;
		this.offset = this.#chunkBytes === 4 ? this.#chunks.u32() : this.#chunks.u64();
	}

	#isSync(): boolean {
		if (this.#syncs === null) {
			return true;
		}
		while (this.#syncsLeft > 0 && this.#nextSync < this.index + 1) {
			this.#nextSync = this.#syncs.u32();
			this.#syncsLeft--;
		}
		return this.#nextSync === this.index + 1;
	}
}

/** A table of (count, value) pairs, one value at a time. Past its end the last value goes on. */
class Runs {
	readonly #fields: FieldReader | null;
	#runsLeft: number;
	#left = 0;
	#value = 0;

	constructor(fields: FieldReader | null) {
		this.#fields = fields;
		this.#runsLeft = fields?.u32() ?? 0;
	}

	next(): number {
		while (this.#left === 0 && this.#fields !== null && this.#runsLeft > 0) {
			this.#left = this.#fields.u32();
			this.#value = this.#fields.u32();
			this.#runsLeft--;
		}
		this.#left = Math.max(0, this.#left - 1);
		return this.#value;
	}
}
