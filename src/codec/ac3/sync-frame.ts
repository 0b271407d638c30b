// Spec: ETSI TS 102 366 4.3, E.1.2 (syncinfo and bsi of AC-3 and Enhanced AC-3), F.4 (`dac3`), F.6 (`dec3`)
import { BitReader } from '../../bytes/bit-reader.js';
import { BitWriter } from '../../bytes/bit-writer.js';

export type Ac3SyncFrame = {
	/** bsid above 10: the frame is Enhanced AC-3. */
	enhanced: boolean;
	fscod: number;
	bsid: number;
	bsmod: number;
	acmod: number;
	lfeon: boolean;
	/** AC-3 only: frmsizecod without its lowest bit, the index of the nominal bit rate. */
	bitRateCode: number;
	/** E-AC-3 only: 0 independent, 1 dependent, 2 converted from AC-3. */
	streamType: number;
	substreamId: number;
	sampleRate: number;
	channels: number;
	frameBytes: number;
	frameSamples: number;
	bitsPerSecond: number;
};

const SYNC_WORD = 0x0b77;
const SAMPLE_RATES: readonly number[] = [48000, 44100, 32000];
const BIT_RATES: readonly number[] = [
	32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
];
const CHANNELS: readonly number[] = [2, 1, 2, 3, 3, 4, 4, 5];
const BLOCKS: readonly number[] = [1, 2, 3, 6];
const BLOCK_SAMPLES = 256;
const HEAD_BYTES = 16;

/** The sync frame at `at`, or null when there is none or it is incomplete. */
export function parseAc3SyncFrame(bytes: Uint8Array, at: number): Ac3SyncFrame | null {
	const head = bytes.subarray(at, at + HEAD_BYTES);
	if (head.length < 8 || ((head[0]! << 8) | head[1]!) !== SYNC_WORD) {
		return null;
	}
	return head[5]! >>> 3 > 10 ? parseEnhanced(head) : parsePlain(head);
}

function parsePlain(head: Uint8Array): Ac3SyncFrame | null {
	const fscod = head[4]! >>> 6;
	const frmsizecod = head[4]! & 0x3f;
	const sampleRate = SAMPLE_RATES[fscod];
	const kbps = BIT_RATES[frmsizecod >>> 1];
	if (sampleRate === undefined || kbps === undefined) {
		return null;
	}
	const reader = new BitReader(head.subarray(5));
	const bsid = reader.bits(5);
	const bsmod = reader.bits(3);
	const acmod = reader.bits(3);
	if ((acmod & 1) !== 0 && acmod !== 1) {
		reader.skip(2); // cmixlev
	}
	if ((acmod & 4) !== 0) {
		reader.skip(2); // surmixlev
	}
	if (acmod === 2) {
		reader.skip(2); // dsurmod
	}
	const lfeon = reader.flag();
	const words = Math.floor((kbps * 96_000) / sampleRate) + (fscod === 1 ? frmsizecod & 1 : 0);
	return {
		enhanced: false,
		fscod,
		bsid,
		bsmod,
		acmod,
		lfeon,
		bitRateCode: frmsizecod >>> 1,
		streamType: 0,
		substreamId: 0,
		sampleRate,
		channels: CHANNELS[acmod]! + (lfeon ? 1 : 0),
		frameBytes: words * 2,
		frameSamples: 6 * BLOCK_SAMPLES,
		bitsPerSecond: kbps * 1000,
	};
}

function parseEnhanced(head: Uint8Array): Ac3SyncFrame | null {
	const reader = new BitReader(head.subarray(2));
	const streamType = reader.bits(2);
	const substreamId = reader.bits(3);
	const frameBytes = (reader.bits(11) + 1) * 2;
	const fscod = reader.bits(2);
	const fscod2OrBlocks = reader.bits(2);
	const sampleRate = fscod === 3 ? (SAMPLE_RATES[fscod2OrBlocks] ?? 0) / 2 : SAMPLE_RATES[fscod]!;
	if (sampleRate === 0 || streamType === 3) {
		return null;
	}
	const frameSamples = BLOCK_SAMPLES * (fscod === 3 ? 6 : BLOCKS[fscod2OrBlocks]!);
	const acmod = reader.bits(3);
	const lfeon = reader.flag();
	return {
		enhanced: true,
		fscod,
		bsid: reader.bits(5),
		bsmod: 0, // behind the mixing metadata; 0 = complete main is what everybody sends
		acmod,
		lfeon,
		bitRateCode: 0,
		streamType,
		substreamId,
		sampleRate,
		channels: CHANNELS[acmod]! + (lfeon ? 1 : 0),
		frameBytes,
		frameSamples,
		bitsPerSecond: Math.round((frameBytes * 8 * sampleRate) / frameSamples),
	};
}

/** A number that stays the same while the first sync frame of a sample says the same of the sound; -1 when there is none. */
export function ac3FrameKey(sample: Uint8Array): number {
	if (sample.length < 8 || ((sample[0]! << 8) | sample[1]!) !== SYNC_WORD) {
		return -1;
	}
	const isEnhanced = sample[5]! >>> 3 > 10;
	// E-AC-3: fscod, numblkscod, acmod, lfeon; bsid. AC-3: fscod; bsid, bsmod; acmod and what is between it and lfeon.
	return isEnhanced
		? (1 << 24) | (sample[4]! << 8) | sample[5]!
		: ((sample[4]! >>> 6) << 16) | (sample[5]! << 8) | sample[6]!;
}

/** Compares the bodies of two `dac3` boxes, or `dec3` if `enhanced`: true when they differ in the bit rate at most. */
export function sameAc3Sound(a: Buffer, b: Buffer, enhanced: boolean): boolean {
	const soundOf = (record: Buffer): Buffer => {
		const copy = Buffer.from(record);
		if (enhanced) {
			copy[0] = 0; // data_rate
			copy[1]! &= 0b111;
		} else {
			copy[1]! &= 0b1111_1100; // bit_rate_code, reserved
			copy[2] = 0;
		}
		return copy;
	};
	return soundOf(a).equals(soundOf(b));
}

/** The sync frames of one sample, back to back. */
export function* iterateAc3SyncFrames(sample: Uint8Array): Generator<Ac3SyncFrame> {
	for (let at = 0; at < sample.length; ) {
		const frame = parseAc3SyncFrame(sample, at);
		if (frame === null) {
			return;
		}
		yield frame;
		at += frame.frameBytes;
	}
}

/** The body of a `dac3` box. */
export function serializeDac3(frame: Ac3SyncFrame): Buffer {
	return new BitWriter()
		.bits(frame.fscod, 2)
		.bits(frame.bsid, 5)
		.bits(frame.bsmod, 3)
		.bits(frame.acmod, 3)
		.flag(frame.lfeon)
		.bits(frame.bitRateCode, 5) // bit_rate_code
		.bits(0, 5) // reserved
		.toBuffer();
}

/** The body of a `dec3` box for the substreams of one sample. Dependent substreams are counted, their chan_loc left empty. */
export function serializeDec3(frames: readonly Ac3SyncFrame[]): Buffer {
	const independent = frames.filter((frame) => frame.streamType !== 1);
	const perSubstream = new Map(independent.map((frame) => [frame.substreamId, frame]));
	const rate = frames
		.filter((frame, index) => frames.findIndex((other) => sameSubstream(frame, other)) === index)
		.reduce((sum, frame) => sum + frame.bitsPerSecond, 0);
	const writer = new BitWriter().bits(Math.round(rate / 1000), 13).bits(perSubstream.size - 1, 3);
	for (const frame of perSubstream.values()) {
		const dependents = new Set(dependentsOf(frames, frame.substreamId).map((dependent) => dependent.substreamId)).size;
		writer
			.bits(frame.fscod, 2)
			.bits(frame.bsid, 5)
			.bits(0, 1) // reserved
			.bits(0, 1) // asvc
			.bits(frame.bsmod, 3)
			.bits(frame.acmod, 3)
			.flag(frame.lfeon)
			.bits(0, 3) // reserved
			.bits(dependents, 4); // num_dep_sub
		writer.bits(0, dependents > 0 ? 9 : 1); // chan_loc or reserved
	}
	return writer.toBuffer();
}

function sameSubstream(a: Ac3SyncFrame, b: Ac3SyncFrame): boolean {
	return (a.streamType === 1) === (b.streamType === 1) && a.substreamId === b.substreamId;
}

/** Dependent substreams follow the independent one that they belong to. */
function dependentsOf(frames: readonly Ac3SyncFrame[], substreamId: number): Ac3SyncFrame[] {
	let owner = -1;
	return frames.filter((frame) => {
		if (frame.streamType !== 1) {
			owner = frame.substreamId;
			return false;
		}
		return owner === substreamId;
	});
}
