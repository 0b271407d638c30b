import { crc32 } from 'node:zlib';

/** At 75 frames a second these are 54 s: more than any group of pictures that an upstream begins with. */
const CAPACITY = 4096;

export type KnownTag = { tagType: number; timestampMs: number; length: number; checksum: number };

export function knownTag(tagType: number, timestampMs: number, body: Uint8Array): KnownTag {
	return { tagType, timestampMs, length: body.length, checksum: crc32(body) };
}

/**
 * The frames of a pulled stream that were passed on last, by type, time, length and checksum: by them the place is found from which
 * another source goes on. Times are the source's, modulo 2^32.
 */
export class TagHistory {
	readonly #types = new Uint8Array(CAPACITY);
	readonly #times = new Uint32Array(CAPACITY);
	readonly #lengths = new Uint32Array(CAPACITY);
	readonly #checksums = new Uint32Array(CAPACITY);
	#count = 0;

	get empty(): boolean {
		return this.#count === 0;
	}

	add({ tagType, timestampMs, length, checksum }: KnownTag): void {
		const index = this.#count % CAPACITY;
		this.#types[index] = tagType;
		this.#times[index] = timestampMs;
		this.#lengths[index] = length;
		this.#checksums[index] = checksum;
		this.#count += 1;
	}

	/** Returns the known tags, the oldest first. */
	*entries(): Iterable<KnownTag> {
		for (let place = Math.max(0, this.#count - CAPACITY); place < this.#count; place++) {
			const index = place % CAPACITY;
			yield {
				tagType: this.#types[index]!,
				timestampMs: this.#times[index]!,
				length: this.#lengths[index]!,
				checksum: this.#checksums[index]!,
			};
		}
	}
}
