import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { serializeAmf0 } from '#src/codec/amf0.js';
import { buildTextTag } from '#src/codec/id3-tag.js';
import { parseAacConfig, parseH264Config } from '#src/codec/track-config.js';
import { ScriptToId3 } from '#src/remux/script-id3.js';
import { SegmentPlanner } from '#src/remux/segment-planner.js';
import { type TsSegment, TsSegmenter } from '#src/remux/ts-segmenter.js';
import * as vectors from '../codec/vectors.js';

/** Description and value of the one TXXX frame of a tag. */
function textOf(tag: Buffer): [string, string] {
	assert.equal(tag.subarray(0, 5).toString('latin1'), 'ID3\u0004\u0000');
	assert.equal(tag.subarray(10, 14).toString(), 'TXXX');
	const size = (tag[14]! << 21) | (tag[15]! << 14) | (tag[16]! << 7) | tag[17]!;
	assert.equal(tag.length, 20 + size);
	assert.equal(tag[20], 3);
	const [description = '', value = ''] = tag.subarray(21).toString().split('\0');
	return [description, value];
}

describe('script data as ID3', () => {
	it('has the name and, in JSON, the arguments', () => {
		const tag = buildTextTag('onTextData', JSON.stringify({ text: 'ö'.repeat(300) }));
		assert.deepEqual(textOf(tag), ['onTextData', JSON.stringify({ text: 'ö'.repeat(300) })]);
		const scripts = new ScriptToId3();
		const one = scripts.tagOf(serializeAmf0('onTextData', { text: 'goal', at: new Map([['minute', 90]]) }));
		assert.deepEqual(textOf(one!), ['onTextData', '{"text":"goal","at":{"minute":90}}']);
		const two = scripts.tagOf(serializeAmf0('onCuePoint', 'ad', null, [1, true]));
		assert.deepEqual(textOf(two!), ['onCuePoint', '["ad",null,[1,true]]']);
	});

	it('says only metadata that is news', () => {
		const scripts = new ScriptToId3();
		const metadata = (title: string) => scripts.tagOf(serializeAmf0('onMetaData', { title }));
		assert.equal(metadata('a'), null);
		assert.equal(metadata('a'), null);
		assert.deepEqual(textOf(metadata('b')!), ['onMetaData', '{"title":"b"}']);
	});

	it('leaves out what it cannot read, and what is too long', () => {
		const scripts = new ScriptToId3();
		assert.equal(scripts.tagOf(Buffer.from('02ffff00', 'hex')), null);
		assert.equal(scripts.tagOf(serializeAmf0(7)), null);
		assert.equal(scripts.tagOf(serializeAmf0('onTextData', 'x'.repeat(17_000))), null);
	});

	it('is announced by the tables from the next segment on, behind one discontinuity', () => {
		const segments: TsSegment[] = [];
		const segmenter = new TsSegmenter({
			tracks: () => undefined,
			leftOut: () => undefined,
			segment: (segment) => segments.push(segment),
			end: () => undefined,
		});
		const planner = new SegmentPlanner(segmenter);
		planner.script(0, serializeAmf0('onMetaData', { width: 1 }));
		for (const config of [parseH264Config(vectors.avcC), parseAacConfig(vectors.ascLc)]) {
			planner.track({ kind: config.kind, sourceId: 0, config });
		}
		for (let dtsMs = 0; dtsMs < 20_000; dtsMs += 100) {
			const head = { sourceId: 0, dtsMs, compositionTimeMs: 0, droppable: false };
			const payload = Buffer.from('0000000465000102', 'hex');
			planner.frame({ ...head, kind: 'video', keyframe: dtsMs % 2000 === 0, payload });
			planner.frame({ ...head, kind: 'audio', keyframe: true, payload: Buffer.alloc(10) });
			if (dtsMs === 5000 || dtsMs === 13_000) {
				planner.script(dtsMs, serializeAmf0('onTextData', `at ${dtsMs}`));
			}
		}
		planner.end();
		assert.deepEqual(
			segments.map(({ discontinuity }) => discontinuity),
			[false, true, false, false, false],
		);
		const texts = segments.map(({ bytes }) => bytes.toString('latin1').match(/at \d+/)?.[0] ?? null);
		assert.deepEqual(texts, [null, null, 'at 5000', 'at 13000', null]);
	});
});
