/**
 * Reads bit fields, most significant bit first, from bytes that it borrows. A read past the end throws RangeError.
 * For headers that are read once per stream, not for anything on a per-frame path.
 */
export class BitReader {
	readonly #bytes: Uint8Array;
	#position = 0;

	constructor(bytes: Uint8Array) {
		this.#bytes = bytes;
	}

	/** Bits read so far. */
	get position(): number {
		return this.#position;
	}

	get bitsLeft(): number {
		return this.#bytes.length * 8 - this.#position;
	}

	/** An unsigned field of up to 53 bits. */
	bits(count: number): number {
		this.#check(count);
		let value = 0;
		for (let left = count; left > 0; ) {
			const byte = this.#bytes[this.#position >>> 3]!;
			const available = 8 - (this.#position & 7);
			const take = Math.min(available, left);
			value = value * 2 ** take + ((byte >>> (available - take)) & ((1 << take) - 1));
			this.#position += take;
			left -= take;
		}
		return value;
	}

	flag(): boolean {
		return this.bits(1) === 1;
	}

	skip(count: number): void {
		this.#check(count);
		this.#position += count;
	}

	/** A copy of the next `count` bytes. They must begin at a whole byte. */
	bytes(count: number): Buffer {
		this.#check(count * 8);
		const from = this.#position >>> 3;
		this.#position += count * 8;
		return Buffer.from(this.#bytes.subarray(from, from + count));
	}

	alignToByte(): void {
		this.#position = (this.#position + 7) & ~7;
	}

	/** ue(v): unsigned Exp-Golomb code (H.264, 9.1). */
	unsignedExpGolomb(): number {
		let leadingZeros = 0;
		while (!this.flag()) {
			leadingZeros++;
			if (leadingZeros > 32) {
				throw new RangeError('Exp-Golomb code of more than 32 leading zeros');
			}
		}
		return 2 ** leadingZeros - 1 + this.bits(leadingZeros);
	}

	/** se(v): signed Exp-Golomb code (H.264, 9.1.1). */
	signedExpGolomb(): number {
		const code = this.unsignedExpGolomb();
		return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
	}

	#check(count: number): void {
		if (count > this.bitsLeft) {
			throw new RangeError(`wanted ${count} bits, ${this.bitsLeft} left`);
		}
	}
}
