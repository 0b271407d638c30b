const INITIAL_LENGTH = 1024;

/** Unsigned 32-bit numbers in one typed array that grows by doubling: millions of them for 4 bytes each. */
export class Uint32List {
	#values = new Uint32Array(INITIAL_LENGTH);
	#length = 0;

	get length(): number {
		return this.#length;
	}

	push(value: number): void {
		if (this.#length === this.#values.length) {
			const grown = new Uint32Array(this.#length * 2);
			grown.set(this.#values);
			this.#values = grown;
		}
		this.#values[this.#length++] = value;
	}

	at(index: number): number {
		return this.#values[index]!;
	}

	set(index: number, value: number): void {
		this.#values[index] = value;
	}
}

/** Whole numbers of up to 53 bits, 8 bytes each. */
export class SafeIntegerList {
	#values = new Float64Array(INITIAL_LENGTH);
	#length = 0;

	get length(): number {
		return this.#length;
	}

	push(value: number): void {
		if (this.#length === this.#values.length) {
			const grown = new Float64Array(this.#length * 2);
			grown.set(this.#values);
			this.#values = grown;
		}
		this.#values[this.#length++] = value;
	}

	at(index: number): number {
		return this.#values[index]!;
	}
}
