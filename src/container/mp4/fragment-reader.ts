// Spec: ISO/IEC 14496-12 8.8.4 to 8.8.8, 8.8.12 (moof, traf, tfhd, trun, tfdt)
import { type Box, badBox, FieldReader, iterateBoxes } from './box-reader.js';
import type { FragmentDefaults } from './movie-reader.js';
import { SampleRun } from './sample-run.js';

/** One `trun`: its samples, without their bytes, and where those start. */
export type ReadRun = {
	trackId: number;
	run: SampleRun;
	/** From the first byte of the `moof`, or of the file when the fragment says so (`base_data_offset`). */
	dataOffset: number;
	offsetIsAbsolute: boolean;
};

const MAX_SAMPLES_PER_RUN = 1 << 20;

/** The runs of a `moof`. `defaultsOf` gives what `trex` said of a track. Throws PeerError MP4_BOX. */
export function readFragment(
	bytes: Buffer,
	moof: Box,
	defaultsOf: (trackId: number) => FragmentDefaults | undefined,
): ReadRun[] {
	const runs: ReadRun[] = [];
	for (const box of iterateBoxes(bytes, moof.bodyStart, moof.end)) {
		if (box.type === 'traf') {
			readTrackFragment(bytes, box, defaultsOf, runs);
		}
	}
	return runs;
}

function readTrackFragment(
	bytes: Buffer,
	traf: Box,
	defaultsOf: (trackId: number) => FragmentDefaults | undefined,
	runs: ReadRun[],
): void {
	let header: TrackFragmentHeader | null = null;
	let decodeTime = 0;
	let nextOffset = 0;
	for (const box of iterateBoxes(bytes, traf.bodyStart, traf.end)) {
		if (box.type === 'tfhd') {
			header = readHeader(bytes, box, defaultsOf);
		} else if (box.type === 'tfdt') {
			const fields = new FieldReader(bytes, box);
			const version = fields.u8();
			fields.skip(3);
			decodeTime = version === 1 ? fields.u64() : fields.u32();
		} else if (box.type === 'trun') {
			if (header === null) {
				badBox('trun without tfhd');
			}
			const { run, dataOffset } = readRun(bytes, box, header, decodeTime);
			const at = header.baseDataOffset + (dataOffset ?? nextOffset);
			runs.push({ trackId: header.trackId, run, dataOffset: at, offsetIsAbsolute: header.absolute });
			decodeTime += run.durationTicks;
			nextOffset = at - header.baseDataOffset + totalBytes(run);
		}
	}
}

type TrackFragmentHeader = FragmentDefaults & { trackId: number; baseDataOffset: number; absolute: boolean };

function readHeader(
	bytes: Buffer,
	tfhd: Box,
	defaultsOf: (trackId: number) => FragmentDefaults | undefined,
): TrackFragmentHeader {
	const fields = new FieldReader(bytes, tfhd);
	fields.skip(1);
	const flags = fields.u24();
	const trackId = fields.u32();
	const defaults = defaultsOf(trackId) ?? { duration: 0, size: 0, flags: 0 };
	const absolute = (flags & 0x000001) !== 0;
	const baseDataOffset = absolute ? fields.u64() : 0;
	if (flags & 0x000002) {
		fields.skip(4); // sample_description_index
	}
	return {
		trackId,
		baseDataOffset,
		absolute,
		duration: flags & 0x000008 ? fields.u32() : defaults.duration,
		size: flags & 0x000010 ? fields.u32() : defaults.size,
		flags: flags & 0x000020 ? fields.u32() : defaults.flags,
	};
}

function readRun(
	bytes: Buffer,
	trun: Box,
	header: TrackFragmentHeader,
	decodeTime: number,
): { run: SampleRun; dataOffset: number | null } {
	const fields = new FieldReader(bytes, trun);
	fields.skip(1);
	const flags = fields.u24();
	const count = fields.u32();
	if (count > MAX_SAMPLES_PER_RUN) {
		badBox(`trun of ${count} samples`);
	}
	const dataOffset = flags & 0x000001 ? fields.i32() : null;
	const firstFlags = flags & 0x000004 ? fields.u32() : null;
	const run = new SampleRun();
	run.reset(decodeTime);
	for (let index = 0; index < count; index++) {
		const duration = flags & 0x000100 ? fields.u32() : header.duration;
		const size = flags & 0x000200 ? fields.u32() : header.size;
		const own = flags & 0x000400 ? fields.u32() : header.flags;
		// Version 0 has unsigned offsets, but writers exist that mean them signed.
		const offset = flags & 0x000800 ? fields.i32() : 0;
		run.add(size, duration, index === 0 && firstFlags !== null ? firstFlags : own, offset);
	}
	return { run, dataOffset };
}

/** Bytes of all samples of a run. */
export function totalBytes(run: SampleRun): number {
	let sum = 0;
	for (let index = 0; index < run.count; index++) {
		sum += run.sizes[index]!;
	}
	return sum;
}
