/** Collects bit fields, most significant bit first, for small headers. */
export class BitWriter {
	readonly #bytes: number[] = [];
	#bitsInLast = 8;

	/** Appends the low `count` bits of `value` (up to 53). */
	bits(value: number, count: number): this {
		for (let left = count; left > 0; ) {
			if (this.#bitsInLast === 8) {
				this.#bytes.push(0);
				this.#bitsInLast = 0;
			}
			const take = Math.min(8 - this.#bitsInLast, left);
			const field = Math.floor(value / 2 ** (left - take)) % 2 ** take;
			this.#bytes[this.#bytes.length - 1]! |= field << (8 - this.#bitsInLast - take);
			this.#bitsInLast += take;
			left -= take;
		}
		return this;
	}

	/** Appends whole bytes, wherever the last bit was. */
	bytes(bytes: Uint8Array): this {
		for (const byte of bytes) {
			this.bits(byte, 8);
		}
		return this;
	}

	/** Appends zero bits up to the next whole byte. */
	alignToByte(): this {
		this.#bitsInLast = 8;
		return this;
	}

	flag(value: boolean): this {
		return this.bits(value ? 1 : 0, 1);
	}

	/** Returns the written bits, with zero bits up to the next whole byte. */
	toBuffer(): Buffer {
		return Buffer.from(this.#bytes);
	}
}
