/** `bytes` cut in two at every place, and into single bytes: a parser must not see any difference. */
export function* everySplit(bytes: Uint8Array): Generator<Uint8Array[]> {
	for (let at = 0; at <= bytes.length; at++) {
		yield [bytes.subarray(0, at), bytes.subarray(at)];
	}
	yield Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}

/** `bytes` cut at the given places, in any order. */
export function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
	const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
	const bounds = [0, ...cuts, bytes.length];
	return bounds.slice(1).map((end, index) => bytes.subarray(bounds[index]!, end));
}

/** Lends out a copy of each piece, overwritten as soon as the next is asked for: a parser that keeps a view gives itself away. */
export function* lend(pieces: Iterable<Uint8Array>): Generator<Buffer> {
	for (const piece of pieces) {
		const copy = Buffer.from(piece);
		yield copy;
		copy.fill(0xee);
	}
}
