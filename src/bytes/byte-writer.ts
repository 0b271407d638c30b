const INITIAL_BYTES = 1024;

/** Big-endian fields appended to one Buffer that grows by doubling. Reusable: `reset` keeps the memory. */
export class ByteWriter {
	#buffer: Buffer;
	#length = 0;

	constructor(initialBytes = INITIAL_BYTES) {
		this.#buffer = Buffer.allocUnsafe(initialBytes);
	}

	/** Bytes written so far. */
	get length(): number {
		return this.#length;
	}

	reset(): void {
		this.#length = 0;
	}

	u8(value: number): this {
		this.#reserve(1);
		this.#buffer[this.#length++] = value;
		return this;
	}

	u16(value: number): this {
		this.#reserve(2);
		this.#length = this.#buffer.writeUInt16BE(value, this.#length);
		return this;
	}

	i16(value: number): this {
		this.#reserve(2);
		this.#length = this.#buffer.writeInt16BE(value, this.#length);
		return this;
	}

	u24(value: number): this {
		this.#reserve(3);
		this.#length = this.#buffer.writeUIntBE(value, this.#length, 3);
		return this;
	}

	u32(value: number): this {
		this.#reserve(4);
		this.#length = this.#buffer.writeUInt32BE(value, this.#length);
		return this;
	}

	i32(value: number): this {
		this.#reserve(4);
		this.#length = this.#buffer.writeInt32BE(value, this.#length);
		return this;
	}

	/** A 64-bit field from an integer of up to 53 bits. */
	u64(value: number): this {
		this.#reserve(8);
		this.#buffer.writeUInt32BE(Math.floor(value / 2 ** 32), this.#length);
		this.#length = this.#buffer.writeUInt32BE(value % 2 ** 32, this.#length + 4);
		return this;
	}

	/** Two's complement of an integer of up to 53 bits. */
	i64(value: number): this {
		this.#reserve(8);
		this.#length = this.#buffer.writeBigInt64BE(BigInt(value), this.#length);
		return this;
	}

	/** Copies `bytes`. */
	bytes(bytes: Uint8Array): this {
		this.#reserve(bytes.length);
		this.#buffer.set(bytes, this.#length);
		this.#length += bytes.length;
		return this;
	}

	ascii(text: string): this {
		this.#reserve(text.length);
		this.#length += this.#buffer.write(text, this.#length, 'latin1');
		return this;
	}

	utf8(text: string): this {
		const byteLength = Buffer.byteLength(text);
		this.#reserve(byteLength);
		this.#length += this.#buffer.write(text, this.#length);
		return this;
	}

	zeros(count: number): this {
		this.#reserve(count);
		this.#buffer.fill(0, this.#length, this.#length + count);
		this.#length += count;
		return this;
	}

	/** Overwrites four bytes at `at`, which must have been written. */
	patchU32(at: number, value: number): void {
		this.#buffer.writeUInt32BE(value, at);
	}

	patchI32(at: number, value: number): void {
		this.#buffer.writeInt32BE(value, at);
	}

	/** Returns a view of the written bytes. It is overwritten after the next `reset`. */
	view(): Buffer {
		return this.#buffer.subarray(0, this.#length);
	}

	/** A copy of what was written. */
	toBuffer(): Buffer {
		return Buffer.from(this.view());
	}

	#reserve(count: number): void {
		const needed = this.#length + count;
		if (needed <= this.#buffer.length) {
			return;
		}
		const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
		this.#buffer.copy(grown, 0, 0, this.#length);
		this.#buffer = grown;
	}
}
