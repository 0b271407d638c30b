import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';
import { classifyVideo } from '#src/container/flv/classify.js';
import { TagType } from '#src/container/flv/tag.js';
import { buildFileHeader } from '#src/container/flv/writer.js';
import { EndlessClip } from '#src/tools/endless-clip.js';
import { encodeTag } from '#src/tools/load/flv-scanner.js';
import { framesOfTags } from '../support/frames.js';
import { assertLarge, LARGE_CLIP } from '../support/large-clip.js';

const DEMO_CLIP = new URL('../../../src/tools/demo.flv', import.meta.url);
const MAX_CLIP_BYTES = 400_000;

describe('EndlessClip', () => {
	const clip = new EndlessClip(readFileSync(DEMO_CLIP));

	it('reads the demo clip: small, H.264 with B-frames and AAC, eight seconds', () => {
		assert.ok(statSync(DEMO_CLIP).size < MAX_CLIP_BYTES);
		assert.deepEqual(clip.headers.map((header) => header.tagType).sort(), [TagType.audio, TagType.video]);
		assert.equal(clip.turnMs, 8000);
		const first = clip.frame(0);
		assert.equal(first.tagType, TagType.video);
		assert.equal(classifyVideo(first.body).keyframe, true);
	});

	it('goes on in time from turn to turn, each track in even steps', () => {
		const last = new Map<number, number>();
		let before = 0;
		for (let index = 0; index < 575 * 3; index++) {
			const { tagType, timestampMs } = clip.frame(index);
			assert.ok(timestampMs >= before, `frame ${index} goes back`);
			const step = timestampMs - (last.get(tagType) ?? Number.NaN);
			const even = tagType === TagType.video ? step === 40 : step === 21 || step === 22;
			assert.ok(even || !last.has(tagType), `${tagType} steps by ${step} ms`);
			last.set(tagType, timestampMs);
			before = timestampMs;
		}
		assert.ok(before > 2 * clip.turnMs);
	});

	it('keeps what it sends, whatever becomes of the file that it was read from', () => {
		const file = Buffer.concat([
			buildFileHeader(true, true),
			...[...LARGE_CLIP.headers, ...LARGE_CLIP.frames].map(encodeTag).map((tag) => Buffer.from(tag)),
		]);
		const large = new EndlessClip(file);
		file.fill(0xee);
		const sent = LARGE_CLIP.frames.map((_, index) => large.frame(index + LARGE_CLIP.frames.length));
		assertLarge(
			framesOfTags(sent.map(({ tagType, timestampMs, body }) => ({ type: tagType, dtsMs: timestampMs, body }))),
			'all',
		);
	});

	it('refuses a file without pictures', () => {
		assert.throws(() => new EndlessClip(buildFileHeader(true, true)), RangeError);
	});
});
