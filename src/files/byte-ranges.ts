// Spec: RFC 9110, section 14 (range requests); section 14.6 for multipart/byteranges.

/** Bytes `start` to `end`, both included. */
export type ByteRange = { start: number; end: number };

/** Ranges of one request that are honoured; more of them is an attack or a mistake (RFC 9110, section 14.2). */
const MAX_RANGES = 16;
const SPEC = /^(\d*)-(\d*)$/;

/**
 * Returns the ranges of `sizeBytes` that a Range header selects, in the order asked for. Null means that the header
 * does not count (another unit, malformed, too many ranges, or ranges that overlap), and the whole is the answer. An
 * empty list means that none of it is there (416).
 */
export function parseRanges(header: string, sizeBytes: number): ByteRange[] | null {
	const [unit, set, ...more] = header.split('=');
	if (unit?.trim().toLowerCase() !== 'bytes' || set === undefined || more.length > 0) {
		return null;
	}
	const specs = set.split(',');
	if (specs.length > MAX_RANGES) {
		return null;
	}
	const ranges: ByteRange[] = [];
	for (const spec of specs) {
		const match = SPEC.exec(spec.trim());
		if (match === null || spec.trim() === '-') {
			return null;
		}
		const [first, last] = [match[1]!, match[2]!];
		const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
		const end = first === '' || last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
		if (first !== '' && last !== '' && Number(last) < Number(first)) {
			return null;
		}
		if (start <= end) {
			ranges.push({ start, end });
		}
	}
	return overlap(ranges) ? null : ranges;
}

/** `bytes 0-9/100`; without a range, what a 416 says. */
export function contentRange(range: ByteRange | null, sizeBytes: number): string {
	return range === null ? `bytes */${sizeBytes}` : `bytes ${range.start}-${range.end}/${sizeBytes}`;
}

/** The framing of a multipart/byteranges body: the head of each range, and the end. */
export type Multipart = { contentType: string; heads: Buffer[]; tail: Buffer; lengthBytes: number };

/** `boundary` must not occur in the body. */
export function frameMultipart(
	ranges: readonly ByteRange[],
	part: { type: string; sizeBytes: number; boundary: string },
): Multipart {
	const heads = ranges.map((range, index) =>
		Buffer.from(
			`${index === 0 ? '' : '\r\n'}--${part.boundary}\r\nContent-Type: ${part.type}\r\n` +
				`Content-Range: ${contentRange(range, part.sizeBytes)}\r\n\r\n`,
			'latin1',
		),
	);
	const tail = Buffer.from(`\r\n--${part.boundary}--\r\n`, 'latin1');
	const framing = heads.reduce((sum, head) => sum + head.length, tail.length);
	return {
		contentType: `multipart/byteranges; boundary=${part.boundary}`,
		heads,
		tail,
		lengthBytes: ranges.reduce((sum, { start, end }) => sum + end - start + 1, framing),
	};
}

function overlap(ranges: readonly ByteRange[]): boolean {
	const sorted = ranges.toSorted((a, b) => a.start - b.start);
	return sorted.some((range, index) => index > 0 && range.start <= sorted[index - 1]!.end);
}
