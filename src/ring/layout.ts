/**
 * Layout of a stream's ring: the only file that knows an offset.
 *
 * A ring is one SharedArrayBuffer: a fixed header, then `capacity` bytes of records (a power of two). Positions count
 * 8-byte units since the stream began, as a 32-bit integer that wraps (every 32 GiB of stream); compare two of them only
 * with `distance`. The byte at position p lives at `HEADER_BYTES + (p & (capacityUnits - 1)) * 8`, so a record may run over
 * the end and go on at the start, and a bigger ring can take over the bytes of a smaller one at unchanged positions.
 *
 * Header (byte offsets; W = the one writer, C = the coordinator, R = readers):
 *
 *      0                   4                   8                  12
 *   0  | magic           W | capacityUnits   W | tailIntent      W | tail            W |   notify/wait on `tail`
 *  16  | oldest          W | flags           W | lifecycle       C | writerEpoch     C |
 *  32  | headersVersion  W | startPointCount W | frameNumber     W | replaced        W |
 *  48  | lastDtsMs          float64        W   | lastMediaAtMs      float64        W   |   highest dts; ms since 1970
 *  64  | bytesIn            float64        W   | audioFrames        float64        W   |
 *  80  | videoFrames        float64        W   | keyframes          float64        W   |
 *  96  | repairedTimestamps float64        W   | droppedFrames      float64        W   |
 * 112  | splices            float64        W   | bitsPerSecond      float64        W   |
 * 128  | startedAtMs        float64        C   | gopMs              float64        W   |
 * 144  | startFloor      W | waiters         R | reserved                              |
 * 256  | start points: 8 x { position int32, reserved int32, dtsMs float64 }         W |
 * 512  | sequence headers: 16 x { kind u8, trackId u8, reserved u16, length u32, offset u32, reserved u32 }   W |
 * 1024 | bytes of the sequence headers, 63 KiB                                       W |
 * 64 KiB  records
 *
 * A record (24 bytes, then a complete FLV tag, then padding to a multiple of 8):
 *
 *   0  | tagLength int32  | kind u8 | flags u8 | trackId u16 |
 *   8  | dtsMs float64                                       |
 *  16  | frameNumber int32 | reserved int32                  |
 *  24  | FLV tag: header 11, body, previous tag size 4 (tagLength bytes; 0 for splice and end records)
 */

export const RING_MAGIC = 0x4d494c31; // "MIL1"
export const UNIT_BYTES = 8;
export const HEADER_BYTES = 64 * 1024;
export const RECORD_HEADER_BYTES = 24;
export const RECORD_HEADER_UNITS = RECORD_HEADER_BYTES / UNIT_BYTES;

export const MIN_RING_BYTES = 1024 * 1024;
export const MAX_RING_BYTES = 32 * 1024 * 1024;
/** A record may fill at most this share of a ring, so that a reader always has three more records' time to copy it. */
export const MAX_RECORD_SHARE = 4;

/** Int32 word indexes. */
export const Word = {
	magic: 0,
	capacityUnits: 1,
	tailIntent: 2,
	tail: 3,
	oldest: 4,
	flags: 5,
	lifecycle: 6,
	writerEpoch: 7,
	headersVersion: 8,
	startPointCount: 9,
	frameNumber: 10,
	replaced: 11,
	startFloor: 36,
	waiters: 37,
} as const;

/** Float64 indexes. */
export const Figure = {
	lastDtsMs: 6,
	lastMediaAtMs: 7,
	bytesIn: 8,
	audioFrames: 9,
	videoFrames: 10,
	keyframes: 11,
	repairedTimestamps: 12,
	droppedFrames: 13,
	splices: 14,
	bitsPerSecond: 15,
	startedAtMs: 16,
	gopMs: 17,
} as const;

export const START_POINTS = 8;
export const START_POINT_BYTES = 16;
export const START_POINTS_OFFSET = 256;

export const HEADER_SLOTS = 16;
export const HEADER_SLOT_BYTES = 16;
export const HEADER_SLOTS_OFFSET = 512;
export const HEADER_DATA_OFFSET = 1024;
export const HEADER_DATA_BYTES = HEADER_BYTES - HEADER_DATA_OFFSET;

/** Bits of the `flags` word: the kinds of tracks, and whether the tracks are known. */
export const StreamFlag = { hasAudio: 1, hasVideo: 2, ready: 4 } as const;

/** Values of the `lifecycle` word. In `grace` the publisher is gone and may come back; `ended` is final. */
export const Lifecycle = { live: 0, grace: 1, ended: 2 } as const;

/** Kind of a record. A sequence header and metadata are FLV tags too, so delivery copies them like any other. */
export const RecordKind = {
	audio: 1,
	video: 2,
	script: 3,
	audioHeader: 4,
	videoHeader: 5,
	splice: 6,
	end: 7,
} as const;
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

/** Bits of a record's flags. `droppable`: no other frame refers to it. */
export const RecordFlag = { keyframe: 1, droppable: 2 } as const;

/** A place in the stream in 8-byte units, int32, wrapping. */
export type Position = number;

/**
 * Returns how many units `to` is after `from` (negative: before). It is sound while the two are less than 16 GiB of
 * stream apart.
 */
export function distance(from: Position, to: Position): number {
	return (to - from) | 0;
}

/** Units that a record with a tag of `tagLength` bytes takes. */
export function recordUnits(tagLength: number): number {
	return (RECORD_HEADER_BYTES + tagLength + UNIT_BYTES - 1) >>> 3;
}

/** Smallest ring size (a power of two within the limits) that holds `bytes`. */
export function ringBytesFor(bytes: number): number {
	let size = MIN_RING_BYTES;
	while (size < bytes && size < MAX_RING_BYTES) {
		size *= 2;
	}
	return size;
}

/** Typed views over one ring; writer and readers each make their own. */
export type RingViews = {
	readonly words: Int32Array;
	readonly figures: Float64Array;
	/** The whole buffer, header included, as bytes. */
	readonly header: Buffer;
	/** The record area. */
	readonly bytes: Buffer;
	readonly recordWords: Int32Array;
	readonly recordFigures: Float64Array;
	readonly capacityUnits: number;
	readonly unitMask: number;
};

/** Views over `ring`. `capacityUnits` is taken from the buffer's length, so a fresh ring can be viewed before it is marked. */
export function viewRing(ring: SharedArrayBuffer): RingViews {
	const capacityUnits = (ring.byteLength - HEADER_BYTES) / UNIT_BYTES;
	return {
		words: new Int32Array(ring, 0, HEADER_BYTES / 4),
		figures: new Float64Array(ring, 0, HEADER_BYTES / 8),
		header: Buffer.from(ring as unknown as ArrayBuffer, 0, HEADER_BYTES),
		bytes: Buffer.from(ring as unknown as ArrayBuffer, HEADER_BYTES),
		recordWords: new Int32Array(ring, HEADER_BYTES),
		recordFigures: new Float64Array(ring, HEADER_BYTES),
		capacityUnits,
		unitMask: capacityUnits - 1,
	};
}
