/// <reference types="node" preserve="true" />

declare const kept: unique symbol;

/**
 * Bytes of their own, over which nobody writes: a field, a queue or a message may hold them, and nobody modifies them. Every other
 * Buffer or Uint8Array that a function is given is borrowed: its owner may use the memory again as soon as the function returns.
 */
export type KeptBytes = Buffer & { readonly [kept]: true };

/** The one way to keep borrowed bytes: a copy of `parts`, one behind the other. */
export function copyOf(...parts: readonly Uint8Array[]): KeptBytes {
	return Buffer.concat(parts) as Buffer as KeptBytes;
}

/** The type of a slice of bytes: it can be used for nothing. */
type Refused = { readonly 'slice of a Buffer is a view: take subarray for a view, copyOf for a copy': never };

declare global {
	interface Uint8Array<TArrayBuffer extends ArrayBufferLike> {
		/** Not to be used: of a Buffer it is a view, of any other array a copy, and the type does not tell. */
		slice(start?: number, end?: number): Refused;
	}

	// The declaration in the types of Node comes before that above.
	interface Buffer<TArrayBuffer extends ArrayBufferLike> {
		slice(start?: number, end?: number): Refused;
	}
}
