import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFlacTrackConfig, parseOpusConfig } from '#src/codec/track-config.js';
import { classifyAudio, classifyVideo } from '#src/container/flv/classify.js';
import { TagType } from '#src/container/flv/tag.js';
import { FramesToTags, type TagPurpose } from '#src/remux/frames-to-tags.js';
import * as vectors from '../codec/vectors.js';
import { AUDIO, every, FrameSource, OTHER_VIDEO, VIDEO } from '../support/frame-source.js';

type Tag = { tagType: number; timestampMs: number; body: Uint8Array; purpose: TagPurpose };

describe('tags made of frames', () => {
	it('begin with metadata and sequence headers, and say what each is', () => {
		const tags = tagsOf((source) => source.run(200, every(1000)));
		assert.deepEqual(
			tags.slice(0, 5).map(({ tagType, timestampMs, purpose }) => [tagType, timestampMs, purpose]),
			[
				[TagType.script, 0, 'metadata'],
				[TagType.video, 0, 'sequenceHeader'],
				[TagType.audio, 0, 'sequenceHeader'],
				[TagType.video, 0, 'keyframe'],
				[TagType.audio, 0, 'frame'],
			],
		);
		for (const { tagType, body, purpose } of tags) {
			if (tagType !== TagType.script) {
				const { role, keyframe } = tagType === TagType.video ? classifyVideo(body) : classifyAudio(body);
				assert.equal(keyframe ? 'keyframe' : role, purpose);
			}
		}
	});

	it('have the headers of FLV, not those of MP4', () => {
		const payloads = [parseOpusConfig(vectors.opusHead), parseFlacTrackConfig(vectors.dfLa)].map((config) => {
			const tags: Tag[] = [];
			new FrameSource(collect(tags), [config]).sink.end();
			return Buffer.from(tags[1]!.body.subarray(5, 13)).toString('latin1');
		});
		assert.equal(payloads[0], 'OpusHead');
		assert.match(payloads[1]!, /^fLaC/);
	});

	it('give another configuration the time at which it comes', () => {
		const tags = tagsOf((source) => source.run(2000, every(1000)).configure(OTHER_VIDEO).run(1000, every(1000)));
		const headers = tags.filter(({ tagType, purpose }) => tagType === TagType.video && purpose === 'sequenceHeader');
		assert.equal(headers.length, 2);
		const before = tags[tags.indexOf(headers[1]!) - 1]!;
		assert.equal(headers[1]!.timestampMs, before.timestampMs);
		assert.ok(headers[1]!.timestampMs > 1900);
	});

	it('say nothing of a second track of a kind', () => {
		const tags: Tag[] = [];
		const sink = collect(tags);
		sink.track({ kind: 'audio', sourceId: 0, config: AUDIO });
		sink.track({ kind: 'audio', sourceId: 1, config: AUDIO });
		for (const sourceId of [0, 1]) {
			const payload = Buffer.from([sourceId]);
			const times = { dtsMs: 0, compositionTimeMs: 0 };
			sink.frame({ kind: 'audio', sourceId, ...times, keyframe: true, droppable: false, payload });
		}
		assert.deepEqual(
			tags.filter(({ purpose }) => purpose === 'frame').map(({ body }) => body.at(-1)),
			[0],
		);
	});

	it('are the metadata alone when nothing came', () => {
		const tags: Tag[] = [];
		collect(tags).end();
		assert.deepEqual(
			tags.map(({ purpose }) => purpose),
			['metadata'],
		);
	});
});

function tagsOf(feed: (source: FrameSource) => unknown): Tag[] {
	const tags: Tag[] = [];
	feed(new FrameSource(collect(tags), [VIDEO, AUDIO]));
	return tags;
}

function collect(tags: Tag[]): FramesToTags {
	return new FramesToTags((tagType, timestampMs, head, payload, purpose) => {
		tags.push({ tagType, timestampMs, body: Buffer.concat([head, payload]), purpose });
	});
}
