import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BufferPool } from '#src/bytes/buffer-pool.js';
import { parseFlacTrackConfig, parseOpusConfig, parseVpConfig, type TrackConfig } from '#src/codec/track-config.js';
import { FlvReader } from '#src/container/flv/reader.js';
import { TagType } from '#src/container/flv/tag.js';
import { PeerError } from '#src/errors.js';
import { CmafPackager } from '#src/remux/cmaf-packager.js';
import type { Frame, FrameSink, SourceTrack } from '#src/remux/frame.js';
import { FramesFromFlv } from '#src/remux/frames-from-flv.js';
import { FramesFromTs } from '#src/remux/frames-from-ts.js';
import { FramesToFlv } from '#src/remux/frames-to-flv.js';
import { SegmentPlanner } from '#src/remux/segment-planner.js';
import { TsSegmenter } from '#src/remux/ts-segmenter.js';
import * as vectors from '../codec/vectors.js';
import { AUDIO, every, FrameSource, OTHER_VIDEO, VIDEO } from '../support/frame-source.js';

const TIME_BOX = { interruptAfterTimeLimit: 700, markInterruptAsFailure: false };

class Collector implements FrameSink {
	readonly tracks: SourceTrack[] = [];
	readonly frames: string[] = [];
	ended = false;

	track(track: SourceTrack): void {
		this.tracks.push(track);
	}

	frame({ kind, dtsMs, compositionTimeMs, keyframe, payload }: Frame): void {
		this.frames.push([kind, dtsMs, compositionTimeMs, keyframe, payload.toString('hex')].join(' '));
	}

	splice(): void {
		this.frames.push('splice');
	}

	end(): void {
		this.ended = true;
	}
}

function flvOf(config: readonly TrackConfig[], lengthMs = 3000): Buffer {
	const chunks: Buffer[] = [];
	const sink = new FramesToFlv(new BufferPool(), (bytes) => chunks.push(Buffer.from(bytes)));
	new FrameSource(sink, config).run(lengthMs, every(1000)).sink.end();
	return Buffer.concat(chunks);
}

function readFlv(bytes: Buffer): Collector {
	const collector = new Collector();
	const frames = new FramesFromFlv(collector);
	const reader = new FlvReader(
		{ tag: (type, timestampMs, body) => frames.tag(type, timestampMs, Buffer.from(body)) },
		1 << 24,
	);
	reader.push(bytes);
	frames.end();
	return collector;
}

describe('FLV made of frames', () => {
	const vp9 = parseVpConfig('vp9', vectors.vpcCBox, vectors.vp9KeyFrame);
	const pairs: [string, TrackConfig[]][] = [
		['H.264 and AAC', [VIDEO, AUDIO]],
		['H.264 alone', [OTHER_VIDEO]],
		['Opus', [VIDEO, parseOpusConfig(vectors.opusHead)]],
		['FLAC', [VIDEO, parseFlacTrackConfig(vectors.dfLa)]],
	];
	for (const [name, configs] of pairs) {
		test(`of ${name} gives the same frames back`, () => {
			const direct = new Collector();
			new FrameSource(direct, configs).run(3000, every(1000)).sink.end();
			const read = readFlv(flvOf(configs));
			const kinds = new Set(configs.map(({ kind }) => kind as string));
			assert.deepEqual(
				read.frames,
				direct.frames.filter((frame) => kinds.has(frame.split(' ')[0]!)),
			);
			assert.deepEqual(
				read.tracks.map(({ config }) => config),
				configs,
			);
			assert(read.ended);
		});
	}

	test('of VP9 waits for a key frame to know its size', () => {
		const tags: Buffer[] = [];
		const sink = new FramesToFlv(new BufferPool(), (bytes) => tags.push(Buffer.from(bytes)));
		sink.track({ kind: 'video', sourceId: 0, config: vp9 });
		for (const [keyframe, payload] of [
			[false, Buffer.from([0x86, 0])],
			[true, vectors.vp9KeyFrame],
		] as const) {
			const times = { dtsMs: 0, compositionTimeMs: 0 };
			sink.frame({ kind: 'video', sourceId: 0, ...times, keyframe, droppable: false, payload });
		}
		sink.end();
		const read = readFlv(Buffer.concat(tags));
		assert.equal(read.frames.length, 1);
		assert.deepEqual(read.tracks[0]?.config, vp9);
	});
});

describe('whatever a source sends', () => {
	/** Everything that a stream's frames may go into. */
	function outputs(): FrameSink[] {
		const fragments = new SegmentPlanner(
			new CmafPackager({
				init: () => undefined,
				fragment: ({ runs }) => {
					for (const { run } of runs) {
						assert(run.baseDecodeTime >= 0 && Number.isSafeInteger(run.baseDecodeTime));
						assert(run.durations.subarray(0, run.count).every((duration) => duration < 2 ** 31));
					}
				},
				segmentEnd: () => undefined,
				end: () => undefined,
			}),
			{ partMs: 200 },
		);
		const ts = new TsSegmenter({
			tracks: () => undefined,
			leftOut: () => undefined,
			segment: ({ bytes }) => assert.equal(bytes.length % 188, 0),
			end: () => undefined,
		});
		return [fragments, new SegmentPlanner(ts), new FramesToFlv(new BufferPool(), () => undefined)];
	}

	const good = fc.constantFrom(
		Buffer.concat([Buffer.from('1700000000', 'hex'), vectors.avcC]),
		Buffer.concat([Buffer.from('1700000000', 'hex'), vectors.avcCInterlaced]),
		Buffer.concat([Buffer.from('9068766331', 'hex'), vectors.hvcC]),
		Buffer.from('17010000000000000465888484', 'hex'),
		Buffer.from('2701ffff9c0000000441884321', 'hex'),
		Buffer.concat([Buffer.from('af00', 'hex'), vectors.ascLc]),
		Buffer.from('af0121100504', 'hex'),
		Buffer.concat([Buffer.from('904f707573', 'hex'), vectors.opusHead]),
		Buffer.from('914f707573fc00', 'hex'),
		Buffer.concat([Buffer.from('2f', 'hex'), vectors.mp3Frame]),
	);
	const body = fc.oneof(
		good,
		fc.tuple(good, fc.nat(40), fc.nat(255)).map(([bytes, at, value]) => {
			const mutant = Buffer.from(bytes);
			mutant[at % mutant.length] = value;
			return mutant;
		}),
		fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
	);
	const event = fc.oneof(
		{
			weight: 20,
			arbitrary: fc.record({
				type: fc.constantFrom(TagType.audio, TagType.video),
				stepMs: fc.oneof(fc.nat(60), fc.integer({ min: -5000, max: 20_000 })),
				body,
			}),
		},
		{ weight: 1, arbitrary: fc.constant('splice' as const) },
	);

	test('is packaged or left out, never a crash', () => {
		fc.assert(
			fc.property(fc.array(event, { maxLength: 60 }), (events) => {
				for (const sink of outputs()) {
					const frames = new FramesFromFlv(sink);
					let timeMs = 100_000;
					for (const step of events) {
						if (step === 'splice') {
							frames.splice();
						} else {
							timeMs = Math.max(0, timeMs + step.stepMs);
							frames.tag(step.type, timeMs, step.body);
						}
					}
					frames.end();
				}
			}),
			TIME_BOX,
		);
	});

	test('as a transport stream is read or refused, never a crash', () => {
		const segments: Buffer[] = [];
		const segmenter = new TsSegmenter({
			tracks: () => undefined,
			leftOut: () => undefined,
			segment: ({ bytes }) => segments.push(bytes),
			end: () => undefined,
		});
		new FrameSource(new SegmentPlanner(segmenter)).run(1000, every(1000)).sink.end();
		const bytes = Buffer.concat(segments);
		fc.assert(
			fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 60 }), (changes) => {
				const mutant = Buffer.from(bytes);
				for (const [at, value] of changes) {
					mutant[at] = value;
				}
				try {
					const frames = new FramesFromTs(new Collector());
					frames.push(mutant);
					frames.end();
				} catch (error) {
					assert(error instanceof PeerError, String(error));
				}
			}),
			TIME_BOX,
		);
	});
});
