import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type KnownTag, knownTag, TagHistory } from '#src/relay/tag-history.js';
import { TagJoin } from '#src/relay/tag-join.js';

type Frame = { tag: KnownTag; keyframe: boolean; serial: number };

const AUDIO = 8;
const VIDEO = 9;
const GOP = 12;

/** Frames 20 ms apart, sound and picture in turn, each of its own bytes. */
function clip(count: number, { video = true, startMs = 0, seed = 0 } = {}): Frame[] {
	return Array.from({ length: count }, (_, serial) => {
		const isVideo = video && serial % 2 === 0;
		const body = Buffer.alloc(40);
		body.writeUInt32BE(serial + seed);
		const tag = knownTag(isVideo ? VIDEO : AUDIO, (startMs + serial * 20) >>> 0, body);
		return { tag, keyframe: isVideo && serial % GOP === 0, serial };
	});
}

function historyOf(frames: readonly Frame[]): TagHistory {
	const history = new TagHistory();
	for (const { tag } of frames) {
		history.add(tag);
	}
	return history;
}

/** Serial numbers of what a join passes on; null when it finds the source to be another. */
function passed(join: TagJoin, frames: readonly Frame[]): number[] | null {
	const held: Frame[] = [];
	const fresh: number[] = [];
	for (const frame of frames) {
		const verdict = join.place(frame.tag, frame.keyframe);
		if (verdict === 'apart') {
			return null;
		}
		if (verdict === 'hold') {
			held.push(frame);
			continue;
		}
		for (const { tag, keyframe, serial } of held.splice(0)) {
			if (join.place(tag, keyframe) === 'new') {
				fresh.push(serial);
			}
		}
		if (verdict === 'new') {
			fresh.push(frame.serial);
		}
	}
	return fresh;
}

describe('joining a source to the one before it', () => {
	it('goes on at the very next frame, whatever the start of its time and wherever it begins', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 30, max: 300 }),
				fc.integer({ min: 0, max: 20 }),
				fc.constantFrom(0, 1234, 0xffff_ff00),
				fc.constantFrom(0, -777, 5_000_000, 2 ** 31),
				fc.boolean(),
				(seen, groupsBack, startMs, shiftMs, video) => {
					const before = clip(seen, { startMs, video });
					const after = clip(seen + 50, { startMs: startMs + shiftMs, video });
					const lastKeyframe = Math.floor((seen - 5) / GOP) * GOP;
					const first = Math.max(0, lastKeyframe - groupsBack * GOP);
					const join = new TagJoin(historyOf(before));
					const expected = Array.from({ length: 50 }, (_, index) => seen + index);
					assert.deepEqual(passed(join, after.slice(first)), expected);
				},
			),
			{ numRuns: 200 },
		);
	});

	it('keeps the sound that comes in front of the first picture until it is known', () => {
		const before = clip(60);
		const after = clip(100).slice(37);
		assert.equal(after[0]!.tag.tagType, AUDIO);
		assert.deepEqual(passed(new TagJoin(historyOf(before)), after)?.[0], 60);
	});

	const OTHERS: readonly [what: string, before: Frame[], after: Frame[]][] = [
		['a source with other pictures', clip(60), clip(60, { seed: 1000 })],
		['a source that begins after a gap', clip(60), clip(200).slice(84)],
		['other sound of a stream without video', clip(60, { video: false }), clip(60, { video: false, seed: 1000 })],
		['sound alone where there was video', clip(60), clip(600, { video: false })],
	];
	for (const [what, before, after] of OTHERS) {
		it(`is apart from ${what}`, () => {
			assert.equal(passed(new TagJoin(historyOf(before)), after), null);
		});
	}

	it('does not take one silence for another: frames that look alike at other times join nothing', () => {
		const silence = (startMs: number): Frame[] =>
			Array.from({ length: 60 }, (_, serial) => ({
				tag: knownTag(
					serial % 6 === 0 ? VIDEO : AUDIO,
					startMs + serial * 20,
					Buffer.alloc(8, serial % 6 === 0 ? serial : 0),
				),
				keyframe: false,
				serial,
			}));
		assert.equal(passed(new TagJoin(historyOf(silence(0))), silence(7)), null);
		assert.deepEqual(passed(new TagJoin(historyOf(silence(0).slice(0, 40))), silence(0)), [
			...Array.from({ length: 20 }, (_, index) => 40 + index),
		]);
	});

	it('looks at nothing any more once the source is well beyond what is known', () => {
		const join = new TagJoin(historyOf(clip(60)));
		passed(join, clip(150));
		assert.equal(join.over, false);
		passed(join, clip(200).slice(150));
		assert.equal(join.over, true);
	});
});

describe('the history of a pulled stream', () => {
	it('forgets the oldest and keeps the order of the rest', () => {
		const history = new TagHistory();
		assert.equal(history.empty, true);
		const frames = clip(5000);
		for (const { tag } of frames) {
			history.add(tag);
		}
		assert.equal(history.empty, false);
		assert.deepEqual(
			[...history.entries()],
			frames.slice(-4096).map(({ tag }) => tag),
		);
	});
});
