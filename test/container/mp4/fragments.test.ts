import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseAacConfig, parseH264Config } from '#src/codec/track-config.js';
import { findBox } from '#src/container/mp4/box-reader.js';
import { buildFaststartHead } from '#src/container/mp4/faststart.js';
import { readFragment } from '#src/container/mp4/fragment-reader.js';
import { buildFragmentHead } from '#src/container/mp4/media-segment.js';
import { presentationShiftSeconds, readMovie } from '#src/container/mp4/movie-reader.js';
import { SampleCursor } from '#src/container/mp4/sample-cursor.js';
import { DELTA_SAMPLE_FLAGS, SampleRun, SYNC_SAMPLE_FLAGS } from '#src/container/mp4/sample-run.js';
import { SampleTable } from '#src/container/mp4/sample-table.js';
import { PeerError } from '#src/errors.js';
import * as vectors from '../../codec/vectors.js';

type Sample = { bytes: Uint8Array; duration: number; sync: boolean; offset: number };

const video = parseH264Config(vectors.avcC);
const audio = parseAacConfig(vectors.ascLc);

const arbitrarySample: fc.Arbitrary<Sample> = fc.record(
	{
		bytes: fc.uint8Array({ maxLength: 12 }),
		duration: fc.oneof(fc.constant(3000), fc.nat(100_000)),
		sync: fc.boolean(),
		offset: fc.oneof(fc.constant(0), fc.integer({ min: -9000, max: 9000 })),
	},
	{ noNullPrototype: true },
);
const arbitraryRun = fc.record({
	base: fc.maxSafeNat().map((value) => value % 2 ** 50),
	samples: fc.array(arbitrarySample, { minLength: 1, maxLength: 12 }),
});
const TIME_BOX = { interruptAfterTimeLimit: 700, markInterruptAsFailure: false };

function makeRun(base: number, samples: readonly Sample[]): SampleRun {
	const run = new SampleRun();
	run.reset(base);
	for (const sample of samples) {
		run.push(sample.bytes, sample.duration, sample.sync ? SYNC_SAMPLE_FLAGS : DELTA_SAMPLE_FLAGS, sample.offset);
	}
	return run;
}

function samplesOf(file: Buffer, run: SampleRun, from: number): Sample[] {
	let at = from;
	return Array.from({ length: run.count }, (_, index) => {
		const bytes = Uint8Array.from(file.subarray(at, at + run.sizes[index]!));
		at += run.sizes[index]!;
		return {
			bytes,
			duration: run.durations[index]!,
			sync: run.flags[index] === SYNC_SAMPLE_FLAGS,
			offset: run.compositionOffsets[index]!,
		};
	});
}

describe('a fragment', () => {
	test('gives back the samples of each of its tracks', () => {
		fc.assert(
			fc.property(fc.array(arbitraryRun, { minLength: 1, maxLength: 3 }), (runs) => {
				const made = runs.map(({ base, samples }, index) => ({ trackId: index + 1, run: makeRun(base, samples) }));
				const head = buildFragmentHead(5, made);
				const file = Buffer.concat([head, ...made.map(({ run }) => run.payload)]);
				const moof = findBox(file, 0, head.length - 8, 'moof');
				assert(moof !== null);
				assert.equal(file.readUInt32BE(moof.end), file.length - moof.end, 'size of mdat');
				const read = readFragment(file, moof, () => undefined);
				assert.deepEqual(
					read.map(({ trackId, run, dataOffset }) => ({
						trackId,
						base: run.baseDecodeTime,
						samples: samplesOf(file, run, moof.start + dataOffset),
					})),
					runs.map(({ base, samples }, index) => ({ trackId: index + 1, base, samples })),
				);
			}),
			TIME_BOX,
		);
	});

	test('leaves out a track that has no samples', () => {
		const runs = [
			{ trackId: 1, run: makeRun(0, []) },
			{ trackId: 2, run: makeRun(7, [{ bytes: Buffer.from('abc'), duration: 1, sync: true, offset: 0 }]) },
		];
		const head = buildFragmentHead(1, runs);
		const moof = findBox(head, 0, head.length - 8, 'moof');
		assert(moof !== null);
		assert.deepEqual(
			readFragment(head, moof, () => undefined).map(({ trackId }) => trackId),
			[2],
		);
	});

	test('keeps its payload when the run goes on to the next one', () => {
		const run = makeRun(0, [{ bytes: Buffer.from('first'), duration: 1, sync: true, offset: 0 }]);
		const payload = run.payload;
		run.reset(1);
		run.push(Buffer.from('later'), 1, SYNC_SAMPLE_FLAGS, 0);
		assert.equal(payload.toString(), 'first');
		assert.equal(run.payload.toString(), 'later');
	});

	test('with any byte of its head changed is read or refused, never a crash', () => {
		const head = buildFragmentHead(1, [
			{ trackId: 1, run: makeRun(5, [{ bytes: Buffer.from('abc'), duration: 9, sync: false, offset: -3 }]) },
		]);
		for (let at = 0; at < head.length; at++) {
			const mutant = Buffer.from(head);
			mutant[at]! ^= 0x7f;
			try {
				const moof = findBox(mutant, 0, mutant.length, 'moof');
				if (moof !== null) {
					readFragment(mutant, moof, () => undefined);
				}
			} catch (error) {
				assert(error instanceof PeerError, String(error));
			}
		}
	});
});

describe('an MP4 with its index in front', () => {
	test('lists every sample of every run where it lies, at its time', () => {
		fc.assert(
			fc.property(fc.array(fc.array(arbitrarySample, { minLength: 1, maxLength: 9 }), { minLength: 1 }), (runs) => {
				const table = new SampleTable();
				const chunks: Buffer[] = [];
				let decodeTime = 90_000;
				let bytes = 0;
				const expected: (Omit<Sample, 'duration'> & { decodeTime: number })[] = [];
				for (const samples of runs) {
					const run = makeRun(decodeTime, samples);
					table.addRun(run, bytes);
					bytes += run.payloadBytes;
					chunks.push(run.payload);
					for (const { duration, ...sample } of samples) {
						expected.push({ ...sample, decodeTime: decodeTime - 90_000 });
						decodeTime += duration;
					}
				}
				const head = buildFaststartHead([{ trackId: 1, config: video, table, mediaTimeOffset: 0 }], bytes);
				const file = Buffer.concat([head, ...chunks]);
				const moov = findBox(file, 0, file.length, 'moov');
				const mdat = findBox(file, 0, file.length, 'mdat');
				assert(moov !== null && mdat !== null);
				assert.equal(mdat.end, file.length);
				const [track] = readMovie(file, moov).tracks;
				assert(track !== undefined);
				assert.equal(track.durationTicks, decodeTime - 90_000);
				const cursor = new SampleCursor(file, track.sampleTable);
				const shift = table.compositionShift;
				const read: typeof expected = [];
				while (cursor.next()) {
					read.push({
						bytes: Uint8Array.from(file.subarray(cursor.offset, cursor.offset + cursor.size)),
						sync: cursor.sync,
						offset: cursor.compositionOffset - shift,
						decodeTime: cursor.decodeTime,
					});
				}
				assert.deepEqual(read, expected);
			}),
			TIME_BOX,
		);
	});

	test('presents its tracks as far apart as they were, from zero', () => {
		const videoTable = new SampleTable();
		// Decoded from 10 s, shown from 10.08 s; audio from 10.2 s.
		videoTable.addRun(makeRun(900_000, [{ bytes: Buffer.from('v'), duration: 3600, sync: true, offset: 7200 }]), 0);
		const audioTable = new SampleTable();
		const audioStart = Math.round(44_100 * 10.2);
		audioTable.addRun(makeRun(audioStart, [{ bytes: Buffer.from('a'), duration: 1024, sync: true, offset: 0 }]), 1);
		const file = buildFaststartHead(
			[
				{ trackId: 1, config: video, table: videoTable, mediaTimeOffset: 0 },
				{ trackId: 2, config: audio, table: audioTable, mediaTimeOffset: 0 },
			],
			2,
		);
		const moov = findBox(file, 0, file.length, 'moov');
		assert(moov !== null);
		const shifts = readMovie(file, moov).tracks.map(presentationShiftSeconds);
		assert.deepEqual(shifts, [-0.08, 0.12]);
	});

	test('uses 64-bit chunk offsets and a long mdat header beyond 4 GiB', () => {
		const table = new SampleTable();
		const sample = { bytes: Buffer.from('v'), duration: 3000, sync: true, offset: 0 };
		table.addRun(makeRun(0, [sample]), 0);
		table.addRun(makeRun(3000, [sample]), 5 * 2 ** 32);
		const head = buildFaststartHead([{ trackId: 1, config: video, table, mediaTimeOffset: 0 }], 5 * 2 ** 32 + 1);
		const moov = findBox(head, 0, head.length - 16, 'moov');
		assert(moov !== null);
		const [track] = readMovie(head, moov).tracks;
		const cursor = new SampleCursor(head, track!.sampleTable);
		cursor.next();
		assert.equal(cursor.offset, head.length);
		cursor.next();
		assert.equal(cursor.offset, head.length + 5 * 2 ** 32);
		assert.equal(head.readUInt32BE(head.length - 16), 1);
	});

	test('leaves out a track without samples', () => {
		const table = new SampleTable();
		table.addRun(makeRun(0, [{ bytes: Buffer.from('v'), duration: 3000, sync: true, offset: 0 }]), 0);
		const head = buildFaststartHead(
			[
				{ trackId: 1, config: video, table, mediaTimeOffset: 0 },
				{ trackId: 2, config: audio, table: new SampleTable(), mediaTimeOffset: 0 },
			],
			1,
		);
		const moov = findBox(head, 0, head.length - 8, 'moov');
		assert(moov !== null);
		assert.deepEqual(
			readMovie(head, moov).tracks.map(({ trackId }) => trackId),
			[1],
		);
	});
});
