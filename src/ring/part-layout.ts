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
 * A record (80 bytes, then the payload, then padding to a multiple of 8):
 *
 *   0  | payloadLength int32 | kind u8 | flags u8 | reserved u16 |
 *   8  | msn int32           | index int32                       |
 *  16  | time float64                                            |
 *  24  | videoBytes int32    | audioBytes int32                  |   of a part: its two chunks, 0 = none
 *  32  | videoStart float64                                      |   media time of the chunk's first sample, ticks
 *  40  | audioStart float64                                      |
 *  48  | videoTicks int32    | audioTicks int32                  |   duration of the chunk
 *  56  | periodMsn int32     | reserved                          |   of a segment: since when it goes on without a break
 *  64  | periodOrigin float64                                    |   wall clock of media time 0
 *  72  | periodStart float64                                     |   media time that segment `periodMsn` began with, ms
 *  80  | payload
 *
 *   kind      index                              time                            payload
 *   segment   msn that named its init segment    wall clock of its first sample  init segment of all tracks
 *   part      place in its segment, from 0       duration in ms                  video chunk, audio chunk
 *   close     discontinuities before the window  first msn of the window         -
 *   end       -                                  -                               -
 *
 * A chunk is a movie fragment of one track. The chunks of a part, one behind the other, are the part that LL-HLS gives out; those
 * of one track, part by part, are the segment that DASH gives out: one copy serves both.
 *
 * A segment's records are contiguous: segment, parts, close. What lies before `oldest` is lost or about to be.
 */

export const PART_RING_MAGIC = 0x4d495031; // "MIP1"
export const PART_HEADER_BYTES = 256;
export const PART_RECORD_BYTES = 80;
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

/** The share of one track in a part. */
export type PartChunk = {
	/** Its place in the part. */
	at: number;
	/** Bytes; 0 when the part has nothing of this track. */
	length: number;
	startTicks: number;
	durationTicks: number;
};

/** Segments that continue each other. */
export type PartPeriod = {
	/** The first of them. */
	msn: number;
	/** Wall clock of media time 0, milliseconds since 1970. */
	originMs: number;
	/** Media time that the first of them began with. */
	startMs: number;
};

/** One record without its payload, which is `length` bytes long. */
export type PartRecord = {
	kind: PartKind;
	flags: number;
	msn: number;
	index: number;
	time: number;
	/** The two tracks of a part, in the order of the payload. */
	video: PartChunk;
	audio: PartChunk;
	/** The period of a segment. */
	period: PartPeriod;
	position: number;
	length: number;
};

export const NO_CHUNK: PartChunk = { at: 0, length: 0, startTicks: 0, durationTicks: 0 };

/** The fields of a record that has nothing to state. */
export const PLAIN_RECORD = {
	...{ flags: 0, index: 0, time: 0, video: NO_CHUNK, audio: NO_CHUNK },
	period: { msn: 0, originMs: 0, startMs: 0 },
};

/** A record's head as it stands at its 80 bytes. `position` is where it begins. */
export function parsePartRecord(head: Buffer, position: number): PartRecord {
	const videoBytes = head.readInt32LE(24);
	return {
		length: head.readInt32LE(0),
		kind: head[4]! as PartKind,
		flags: head[5]!,
		msn: head.readInt32LE(8),
		index: head.readInt32LE(12),
		time: head.readDoubleLE(16),
		video: { at: 0, length: videoBytes, startTicks: head.readDoubleLE(32), durationTicks: head.readInt32LE(48) },
		audio: {
			at: videoBytes,
			length: head.readInt32LE(28),
			startTicks: head.readDoubleLE(40),
			durationTicks: head.readInt32LE(52),
		},
		period: { msn: head.readInt32LE(56), originMs: head.readDoubleLE(64), startMs: head.readDoubleLE(72) },
		position,
	};
}

export function writePartRecord(head: Buffer, record: Omit<PartRecord, 'position'>): void {
	const { video, audio, period } = record;
	head.fill(0, 0, PART_RECORD_BYTES);
	head.writeInt32LE(record.length, 0);
	head[4] = record.kind;
	head[5] = record.flags;
	head.writeInt32LE(record.msn, 8);
	head.writeInt32LE(record.index, 12);
	head.writeDoubleLE(record.time, 16);
	head.writeInt32LE(video.length, 24);
	head.writeInt32LE(audio.length, 28);
	head.writeDoubleLE(video.startTicks, 32);
	head.writeDoubleLE(audio.startTicks, 40);
	head.writeInt32LE(video.durationTicks, 48);
	head.writeInt32LE(audio.durationTicks, 52);
	head.writeInt32LE(period.msn, 56);
	head.writeDoubleLE(period.originMs, 64);
	head.writeDoubleLE(period.startMs, 72);
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
