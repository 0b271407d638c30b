import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AudioPacketType, parseAudioTag } from '#src/container/flv/audio-tag.js';
import { classifyAudio, classifyVideo } from '#src/container/flv/classify.js';
import { FlvReader } from '#src/container/flv/reader.js';
import { TagType } from '#src/container/flv/tag.js';
import { AudioTagHead, VideoTagHead } from '#src/container/flv/tag-body.js';
import { FrameType, hasCompositionTime, parseVideoTag, VideoPacketType } from '#src/container/flv/video-tag.js';
import { buildFileHeader, buildTag } from '#src/container/flv/writer.js';
import { everySplit, lend } from '../../support/splits.js';
import { WRITTEN_AUDIO, WRITTEN_VIDEO, type WrittenAudio, type WrittenVideo } from './written-cases.js';

const FUZZ_RUNS = { numRuns: 2000, interruptAfterTimeLimit: 1000 };
const MAX_TAG_BYTES = 1024;

describe('the body of a video tag', () => {
	for (const written of WRITTEN_VIDEO) {
		it(`is written: ${written.name}`, () => assert.deepEqual(writeVideo(written), written.body));
		it(`is read as it was written: ${written.name}`, () => {
			assert.deepEqual(readVideo(written.body), expectedVideo(written));
			assert.equal(classifyVideo(written.body).role, written.frameType === null ? 'sequenceHeader' : 'frame');
		});
	}

	it('is read as it was written, whatever the track, the times and the bytes', () => {
		fc.assert(
			fc.property(
				fc.record({
					name: fc.constant(''),
					codec: fc.constantFrom(...WRITTEN_VIDEO.map(({ codec }) => codec)),
					trackId: fc.nat(255),
					frameType: fc.constantFrom(
						null,
						FrameType.key,
						FrameType.inter,
						FrameType.disposableInter,
						FrameType.generatedKey,
					),
					compositionTimeMs: fc.integer({ min: -0x800000, max: 0x7fffff }),
					payload: fc.uint8Array({ maxLength: 20 }),
					body: fc.constant(new Uint8Array(0)),
				}),
				(written) => assert.deepEqual(readVideo(writeVideo(written)), expectedVideo(written)),
			),
			FUZZ_RUNS,
		);
	});

	it('begins with the same array for every frame', () => {
		const head = new VideoTagHead('h265', 4);
		assert.equal(head.frame(FrameType.key, 5), head.frame(FrameType.inter, 9));
	});
});

describe('the body of an audio tag', () => {
	for (const written of WRITTEN_AUDIO) {
		it(`is written: ${written.name}`, () => assert.deepEqual(writeAudio(written), written.body));
		it(`is read as it was written: ${written.name}`, () => {
			assert.deepEqual(readAudio(written.body), expectedAudio(written));
			assert.equal(classifyAudio(written.body).role, written.isHeader ? 'sequenceHeader' : 'frame');
		});
	}

	it('is read as it was written, whatever the track, the sound and the bytes', () => {
		fc.assert(
			fc.property(
				fc.record({
					name: fc.constant(''),
					codec: fc.constantFrom(...WRITTEN_AUDIO.map(({ codec }) => codec)),
					trackId: fc.nat(255),
					isHeader: fc.constant(false),
					sampleRate: fc.integer({ min: 8000, max: 96_000 }),
					channels: fc.integer({ min: 1, max: 8 }),
					payload: fc.uint8Array({ minLength: 1, maxLength: 20 }),
					body: fc.constant(new Uint8Array(0)),
				}),
				(written) => assert.deepEqual(readAudio(writeAudio(written)), expectedAudio(written)),
			),
			FUZZ_RUNS,
		);
	});
});

describe('a file of written bodies', () => {
	const cases = [
		...WRITTEN_VIDEO.map(({ body }) => ({ tagType: TagType.video, body })),
		...WRITTEN_AUDIO.map(({ body }) => ({ tagType: TagType.audio, body })),
	];

	it('gives every body back, wherever it is cut', () => {
		const tags = cases.map(({ tagType, body }, index) =>
			buildTag(tagType, index, body.subarray(3), body.subarray(0, 3)),
		);
		const file = Buffer.concat([buildFileHeader(true, true), ...tags]);
		for (const pieces of everySplit(file)) {
			const read: { tagType: number; body: Uint8Array }[] = [];
			const reader = new FlvReader(
				{ tag: (tagType, _, body) => read.push({ tagType, body: Uint8Array.from(body) }) },
				MAX_TAG_BYTES,
			);
			for (const piece of lend(pieces)) {
				reader.push(piece);
			}
			assert.deepEqual(read, cases);
		}
	});
});

function writeVideo({ codec, trackId, frameType, compositionTimeMs = 0, payload }: WrittenVideo): Uint8Array {
	const head = new VideoTagHead(codec, trackId);
	const bytes = frameType === null ? head.sequenceStart : head.frame(frameType, compositionTimeMs);
	return Uint8Array.of(...bytes, ...payload);
}

function writeAudio({
	codec,
	trackId,
	isHeader,
	sampleRate = 44_100,
	channels = 2,
	payload,
}: WrittenAudio): Uint8Array {
	const head = new AudioTagHead(codec, sampleRate, channels, trackId);
	return Uint8Array.of(...(isHeader ? head.sequenceStart : head.frame), ...payload);
}

function readVideo(body: Uint8Array): object {
	const { frameType, packetType, packets } = parseVideoTag(body);
	assert.equal(packets.length, 1);
	const { codec, trackId, compositionTimeMs, start, end } = packets[0]!;
	return { frameType, packetType, codec, trackId, compositionTimeMs, payload: body.subarray(start, end) };
}

function readAudio(body: Uint8Array): object {
	const { packetType, packets } = parseAudioTag(body);
	assert.equal(packets.length, 1);
	const { codec, trackId, start, end } = packets[0]!;
	return { packetType, codec, trackId, payload: body.subarray(start, end) };
}

function expectedVideo({ codec, trackId = 0, frameType, compositionTimeMs = 0, payload }: WrittenVideo): object {
	return {
		frameType: frameType ?? FrameType.key,
		packetType: frameType === null ? VideoPacketType.sequenceStart : VideoPacketType.codedFrames,
		codec,
		trackId,
		compositionTimeMs: frameType !== null && hasCompositionTime(codec) ? compositionTimeMs : 0,
		payload,
	};
}

function expectedAudio({ codec, trackId = 0, isHeader, payload }: WrittenAudio): object {
	return {
		packetType: isHeader ? AudioPacketType.sequenceStart : AudioPacketType.codedFrames,
		codec,
		trackId,
		payload,
	};
}
