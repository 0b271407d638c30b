// Spec: ISO/IEC 13818-1 2.4.2.2 (PCR), 2.4.3.7 (PTS, DTS)

/** PTS and DTS count this many ticks per second... */
export const TICKS_PER_SECOND = 90_000;
/** ...modulo this: they wrap every 26.5 hours. */
export const TIMESTAMP_WRAP = 2 ** 33;

/** `ticks` as it fits into 33 bits. Negative values wrap too. */
export function wrapTimestamp(ticks: number): number {
	const wrapped = ticks % TIMESTAMP_WRAP;
	return wrapped < 0 ? wrapped + TIMESTAMP_WRAP : wrapped;
}

/** Writes a PTS or DTS of five bytes; `marker` is its first four bits. Above 32 bits only division is exact. */
export function writeTimestamp(target: Uint8Array, at: number, marker: number, ticks: number): void {
	const high = Math.floor(ticks / 2 ** 30); // bits 32 to 30
	const middle = Math.floor(ticks / 2 ** 15) % 2 ** 15; // bits 29 to 15
	const low = ticks % 2 ** 15; // bits 14 to 0
	target[at] = (marker << 4) | (high << 1) | 1;
	target[at + 1] = middle >>> 7;
	target[at + 2] = ((middle & 0x7f) << 1) | 1;
	target[at + 3] = low >>> 7;
	target[at + 4] = ((low & 0x7f) << 1) | 1;
}

export function readTimestamp(bytes: Uint8Array, at: number): number {
	const high = (bytes[at]! >>> 1) & 7;
	const middle = (bytes[at + 1]! << 7) | (bytes[at + 2]! >>> 1);
	const low = (bytes[at + 3]! << 7) | (bytes[at + 4]! >>> 1);
	return high * 2 ** 30 + middle * 2 ** 15 + low;
}

/** Writes a program_clock_reference of six bytes from 90 kHz ticks; its 27 MHz extension stays 0. */
export function writeClockReference(target: Uint8Array, at: number, ticks: number): void {
	const upper = Math.floor(ticks / 2); // bits 32 to 1 of the base
	target[at] = upper >>> 24;
	target[at + 1] = upper >>> 16;
	target[at + 2] = upper >>> 8;
	target[at + 3] = upper;
	target[at + 4] = ((ticks % 2) << 7) | 0x7e; // last bit of the base, reserved
	target[at + 5] = 0;
}

/** Turns timestamps modulo 2^33 into ever-growing ones: each is taken to be within 13 hours of the one before. */
export class TimestampUnwrapper {
	#last = Number.NaN;

	unwrap(ticks: number): number {
		if (Number.isNaN(this.#last)) {
			this.#last = ticks;
			return ticks;
		}
		const turns = Math.round((this.#last - ticks) / TIMESTAMP_WRAP);
		this.#last = ticks + turns * TIMESTAMP_WRAP;
		return this.#last;
	}
}
