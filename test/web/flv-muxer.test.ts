import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classifyAudio, classifyVideo } from '#src/container/flv/classify.js';
import { FlvReader } from '#src/container/flv/reader.js';
import { TagType } from '#src/container/flv/tag.js';
import { parseVideoTag } from '#src/container/flv/video-tag.js';
import { FlvMuxer } from '#src/web/assets/web/flv-muxer.js';

const CONFIG = Uint8Array.of(1, 2, 3);
const IDR = Uint8Array.of(0, 0, 0, 2, 0x65, 0xb8);
const P_PICTURE = Uint8Array.of(0, 0, 0, 2, 0x41, 0x9a);
const SOUND = Uint8Array.of(0x21, 16);

describe('FlvMuxer of the push page', () => {
	it('writes H.264 that the server reads as keyframe, frame and sequence header', () => {
		const muxer = new FlvMuxer(null);
		const parts = [
			muxer.videoHeader(5, CONFIG),
			muxer.videoFrame(5, true, IDR),
			muxer.videoFrame(38, false, P_PICTURE),
		];
		const { header, tags } = read([muxer.fileHeader(), ...parts]);
		assert.deepEqual([header?.hasAudio, header?.hasVideo], [false, true]);
		assert.deepEqual(
			tags.map(({ tagType, timestampMs, body }) => {
				const { role, codec, keyframe } = classifyVideo(body);
				return [tagType, timestampMs, role, codec, keyframe];
			}),
			[
				[TagType.video, 5, 'sequenceHeader', 'h264', false],
				[TagType.video, 5, 'frame', 'h264', true],
				[TagType.video, 38, 'frame', 'h264', false],
			],
		);
		const packet = parseVideoTag(tags[1]!.body).packets[0]!;
		assert.equal(packet.compositionTimeMs, 0);
		assert.deepEqual(tags[1]!.body.subarray(packet.start, packet.end), IDR);
	});

	for (const codec of ['aac', 'opus'] as const) {
		it(`writes ${codec} that the server reads as such`, () => {
			const muxer = new FlvMuxer(codec);
			const { header, tags } = read([muxer.fileHeader(), muxer.audioHeader(7, CONFIG), muxer.audioFrame(28, SOUND)]);
			assert.equal(header?.hasAudio, true);
			assert.deepEqual(
				tags.map(({ timestampMs, body }) => [timestampMs, classifyAudio(body).role, classifyAudio(body).codec]),
				[
					[7, 'sequenceHeader', codec],
					[28, 'frame', codec],
				],
			);
			assert.deepEqual(tags[1]!.body.subarray(-SOUND.length), SOUND);
		});
	}
});

type Tag = { tagType: number; timestampMs: number; body: Uint8Array };

function read(parts: readonly Uint8Array[]) {
	const tags: Tag[] = [];
	const found: { header?: { hasAudio: boolean; hasVideo: boolean } } = {};
	const reader = new FlvReader(
		{
			header: (header) => {
				found.header = header;
			},
			tag: (tagType, timestampMs, body) => tags.push({ tagType, timestampMs, body: Uint8Array.from(body) }),
		},
		1024,
	);
	for (const part of parts) {
		reader.push(part);
	}
	return { header: found.header, tags };
}
