// Spec: ISO/IEC 14496-12 8.8.4 to 8.8.8, 8.8.12 (moof, mfhd, traf, tfhd, trun, tfdt), 8.16.2 (styp), 8.16.5 (prft)
import { assert } from '../../errors.js';
import { BoxWriter } from './box-writer.js';
import type { SampleRun } from './sample-run.js';

const TFHD_DEFAULT_DURATION = 0x000008;
const TFHD_DEFAULT_FLAGS = 0x000020;
const TFHD_DEFAULT_BASE_IS_MOOF = 0x020000;
const TRUN_DATA_OFFSET = 0x000001;
const TRUN_FIRST_SAMPLE_FLAGS = 0x000004;
const TRUN_DURATION = 0x000100;
const TRUN_SIZE = 0x000200;
const TRUN_FLAGS = 0x000400;
const TRUN_COMPOSITION_OFFSET = 0x000800;

/** Seconds between 1900, where NTP starts, and 1970. */
const NTP_EPOCH_SECONDS = 2_208_988_800;

/** The samples of one track in a fragment. Runs without samples are left out. */
export type FragmentRun = { trackId: number; run: SampleRun };

/** The `styp` box that a segment (not each of its parts) starts with. */
export function buildSegmentType(): Buffer {
	const writer = new BoxWriter(32);
	writer.box('styp', () => writer.ascii('msdh').u32(0).ascii('msdhcmfs')); // major_brand, minor_version, compatible_brands
	return writer.toBuffer();
}

/**
 * The `prft` box of a low-latency chunk: `mediaTime` (ticks of track `trackId`) left the encoder at wall clock `utcMs`.
 */
export function buildProducerReferenceTime(trackId: number, mediaTime: number, utcMs: number): Buffer {
	const writer = new BoxWriter(32);
	writer.fullBox('prft', 1, 24, () => {
		const seconds = Math.floor(utcMs / 1000);
		writer.u32(trackId); // reference_track_ID
		writer.u32(seconds + NTP_EPOCH_SECONDS); // ntp_timestamp, seconds
		writer.u32(Math.floor(((utcMs - seconds * 1000) / 1000) * 2 ** 32)); // ntp_timestamp, fraction
		writer.u64(mediaTime); // media_time
	});
	return writer.toBuffer();
}

/**
 * Everything of a fragment but its samples: `moof` and the header of `mdat`. The payloads of `runs` follow in order, with
 * nothing between them. A fresh Buffer.
 */
export function buildFragmentHead(sequenceNumber: number, runs: readonly FragmentRun[]): Buffer {
	const writer = scratch;
	writer.reset();
	const dataOffsets: number[] = [];
	writer.box('moof', () => {
		writer.fullBox('mfhd', 0, 0, () => writer.u32(sequenceNumber));
		for (const { trackId, run } of runs) {
			if (run.count > 0) {
				writer.box('traf', () => dataOffsets.push(writeTrackFragment(writer, trackId, run)));
			}
		}
	});
	const payloadBytes = runs.reduce((sum, { run }) => sum + run.payloadBytes, 0);
	assert(payloadBytes < 0xfffffff0, `fragment of ${payloadBytes} bytes`);
	writer.u32(payloadBytes + 8).ascii('mdat');
	let at = writer.length;
	let index = 0;
	for (const { run } of runs) {
		if (run.count > 0) {
			writer.patchI32(dataOffsets[index++]!, at);
			at += run.payloadBytes;
		}
	}
	return writer.toBuffer();
}

const scratch = new BoxWriter(4096);

/** @returns where the run's data_offset stands. */
function writeTrackFragment(writer: BoxWriter, trackId: number, run: SampleRun): number {
	const sameDuration = allEqual(run.durations, 0, run.count);
	const sameFlags = allEqual(run.flags, 1, run.count);
	const firstDiffers = run.count > 1 && run.flags[0] !== run.flags[1];
	const anyOffset = !allZero(run.compositionOffsets, run.count);
	const tfhdFlags =
		TFHD_DEFAULT_BASE_IS_MOOF | (sameDuration ? TFHD_DEFAULT_DURATION : 0) | (sameFlags ? TFHD_DEFAULT_FLAGS : 0);
	writer.fullBox('tfhd', 0, tfhdFlags, () => {
		writer.u32(trackId);
		if (sameDuration) {
			writer.u32(run.durations[0]!); // default_sample_duration
		}
		if (sameFlags) {
			writer.u32(run.flags[run.count - 1]!); // default_sample_flags
		}
	});
	writer.fullBox('tfdt', 1, 0, () => writer.u64(run.baseDecodeTime)); // baseMediaDecodeTime
	let dataOffsetAt = 0;
	const trunFlags =
		TRUN_DATA_OFFSET |
		TRUN_SIZE |
		(sameDuration ? 0 : TRUN_DURATION) |
		(sameFlags ? (firstDiffers ? TRUN_FIRST_SAMPLE_FLAGS : 0) : TRUN_FLAGS) |
		(anyOffset ? TRUN_COMPOSITION_OFFSET : 0);
	writer.fullBox('trun', 1, trunFlags, () => {
		writer.u32(run.count); // sample_count
		dataOffsetAt = writer.length;
		writer.i32(0); // data_offset, patched
		if (sameFlags && firstDiffers) {
			writer.u32(run.flags[0]!); // first_sample_flags
		}
		for (let index = 0; index < run.count; index++) {
			if (!sameDuration) {
				writer.u32(run.durations[index]!);
			}
			writer.u32(run.sizes[index]!);
			if (!sameFlags) {
				writer.u32(run.flags[index]!);
			}
			if (anyOffset) {
				writer.i32(run.compositionOffsets[index]!); // signed in version 1
			}
		}
	});
	return dataOffsetAt;
}

function allEqual(values: Uint32Array, from: number, to: number): boolean {
	for (let index = from + 1; index < to; index++) {
		if (values[index] !== values[from]) {
			return false;
		}
	}
	return true;
}

function allZero(values: Int32Array, to: number): boolean {
	for (let index = 0; index < to; index++) {
		if (values[index] !== 0) {
			return false;
		}
	}
	return true;
}
