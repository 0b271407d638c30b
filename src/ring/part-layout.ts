/**
 * Layout of a stream's part ring: how LL-HLS parts travel from the remux task that makes them to the delivery threads. The only
 * file that knows an offset of it.
 *
 * One SharedArrayBuffer: a header, then `capacity` bytes of records (a power of two). One writer, any number of readers.
 * Positions count 8-byte units, int32, wrapping, as in the frame ring (layout.ts), and stay valid when another ring takes over.
 *
 * Header (byte offsets; W = the one writer, D = any delivery thread):
 *
 *      0                   4                   8                  12
 *   0  | magic           W | capacityUnits   W | tailIntent      W | tail            W |   notify/wait on `tail`
 *  16  | oldest          W | replaced        W | targetDuration  W | partTargetMs    W |   oldest: a segment record
 *  32  | nextMsn         W | firstMsn        W | discontinuities W | segmentOpen     W |
 *  48  | wantedAt        D | reserved                                                  |   seconds since 1970
 * 256  records
 *
 * A record (32 bytes, then the payload, then padding to a multiple of 8):
 *
 *   0  | payloadLength int32 | kind u8 | flags u8 | reserved u16 |
 *   8  | msn int32           | index int32                       |
 *  16  | time float64                                            |
 *  24  | reserved                                                |
 *  32  | payload
 *
 *   kind      index                              time                            payload
 *   segment   msn that named its init segment    wall clock of its first sample  init segment
 *   part      place in its segment, from 0       duration in ms                  movie fragment
 *   close     discontinuities before the window  first msn of the window         -
 *   end       -                                  -                               -
 *
 * A segment's records are contiguous: segment, parts, close. What lies before `oldest` is lost or about to be.
 */

export const PART_RING_MAGIC = 0x4d495031; // "MIP1"
export const PART_HEADER_BYTES = 256;
export const PART_RECORD_BYTES = 32;
export const PART_UNIT_BYTES = 8;
export const PART_RECORD_UNITS = PART_RECORD_BYTES / PART_UNIT_BYTES;
/** Holds the header's words and nothing to speak of: of a stream that nobody watches. */
export const MIN_PART_RING_BYTES = 16 * 1024;
export const MAX_PART_RING_BYTES = 64 * 1024 * 1024;

/** Int32 word indexes. */
export const PartWord = {
	magic: 0,
	capacityUnits: 1,
	tailIntent: 2,
	tail: 3,
	oldest: 4,
	replaced: 5,
	targetDuration: 6,
	partTargetMs: 7,
	nextMsn: 8,
	firstMsn: 9,
	discontinuities: 10,
	segmentOpen: 11,
	wantedAt: 12,
} as const;

export const PartKind = { segment: 1, part: 2, close: 3, end: 4 } as const;
export type PartKind = (typeof PartKind)[keyof typeof PartKind];

/**
 * Bits of a record's flags. Of a segment: `discontinuity`, it does not continue the one before; `unmeasured`, its parts were cut
 * before the part target was known and may not be listed. Of a part: `independent`.
 */
export const PartFlag = { discontinuity: 1, unmeasured: 2, independent: 4 } as const;

/** Units of a record with a payload of `payloadBytes`. */
export function partRecordUnits(payloadBytes: number): number {
	return (PART_RECORD_BYTES + payloadBytes + PART_UNIT_BYTES - 1) >>> 3;
}

/** Smallest ring (a power of two within the limits) that holds `bytes`. */
export function partRingBytesFor(bytes: number): number {
	let size = MIN_PART_RING_BYTES;
	while (size < bytes && size < MAX_PART_RING_BYTES) {
		size *= 2;
	}
	return size;
}

export type PartRingViews = {
	readonly words: Int32Array;
	readonly bytes: Buffer;
	readonly capacityUnits: number;
	readonly unitMask: number;
};

export function viewPartRing(ring: SharedArrayBuffer): PartRingViews {
	const capacityUnits = (ring.byteLength - PART_HEADER_BYTES) / PART_UNIT_BYTES;
	return {
		words: new Int32Array(ring, 0, PART_HEADER_BYTES / 4),
		bytes: Buffer.from(ring as unknown as ArrayBuffer, PART_HEADER_BYTES),
		capacityUnits,
		unitMask: capacityUnits - 1,
	};
}

/** One record without its payload, which is at `payloadAt` (a position) and `length` bytes long. */
export type PartRecord = {
	kind: PartKind;
	flags: number;
	msn: number;
	index: number;
	time: number;
	position: number;
	length: number;
};

/** A record's head as it stands at its 32 bytes. `position` is where it begins. */
export function parsePartRecord(head: Buffer, position: number): PartRecord {
	return {
		length: head.readInt32LE(0),
		kind: head[4]! as PartKind,
		flags: head[5]!,
		msn: head.readInt32LE(8),
		index: head.readInt32LE(12),
		time: head.readDoubleLE(16),
		position,
	};
}

export function writePartRecord(head: Buffer, record: Omit<PartRecord, 'position'>): void {
	head.fill(0, 0, PART_RECORD_BYTES);
	head.writeInt32LE(record.length, 0);
	head[4] = record.kind;
	head[5] = record.flags;
	head.writeInt32LE(record.msn, 8);
	head.writeInt32LE(record.index, 12);
	head.writeDoubleLE(record.time, 16);
}

/** Copies `length` bytes out of the record area, from byte `at` on, over its end if need be. */
export function copyFromRing(bytes: Buffer, at: number, target: Buffer, targetAt: number, length: number): void {
	const room = bytes.length - at;
	if (length <= room) {
		bytes.copy(target, targetAt, at, at + length);
	} else {
		bytes.copy(target, targetAt, at, bytes.length);
		bytes.copy(target, targetAt + room, 0, length - room);
	}
}
