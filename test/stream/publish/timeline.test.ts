import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
	BACKWARD_LIMIT_MS,
	FORWARD_LIMIT_MS,
	type JitterMode,
	Timeline,
	type TrackKind,
} from '#src/stream/publish/timeline.js';

const WRAP = 2 ** 32;

type Tag = readonly [kind: TrackKind, timestampMs: number];

/** Audio every 20 ms and video every 40 ms, as a muxer interleaves them, from `startMs` on, modulo 2^32. */
function* wellFormed(startMs: number, durationMs: number): Generator<Tag> {
	for (let ms = 0; ms < durationMs; ms += 20) {
		if (ms % 40 === 0) {
			yield ['video', (startMs + ms) % WRAP];
		}
		yield ['audio', (startMs + ms) % WRAP];
	}
}

function run(tags: Iterable<Tag>, mode: JitterMode = 'full', resumeAfterMs: number | null = null) {
	const timeline = new Timeline(mode, resumeAfterMs);
	const out = Array.from(tags, ([kind, ms]): Tag => [kind, timeline.frame(kind, 0, ms)]);
	return { out, repairs: timeline.repairs, timeline };
}

function times(out: readonly Tag[], kind: TrackKind): number[] {
	return out.filter((tag) => tag[0] === kind).map((tag) => tag[1]);
}

describe('a timeline', () => {
	const starts = [0, 12_345, 0xff_ffff - 5, 2 ** 31 - 5, 2 ** 32 - 5];
	for (const startMs of starts) {
		for (const mode of ['full', 'zero'] as const) {
			it(`moves a good source that starts at ${startMs} by one constant offset (${mode})`, () => {
				const { out, repairs } = run(wellFormed(startMs, 1000), mode);
				assert.deepEqual(out, [...wellFormed(0, 1000)]);
				assert.equal(repairs, 0);
			});
		}
		it(`leaves the times of a source that starts at ${startMs} alone but for their wrap (off)`, () => {
			const { out } = run(wellFormed(startMs, 1000), 'off');
			assert.deepEqual(
				out,
				Array.from(wellFormed(0, 1000), ([kind, ms]) => [kind, startMs + ms]),
			);
		});
	}

	it('takes a wrap of 24 bits for what it is', () => {
		const tags = Array.from(wellFormed(0xff_ffff - 500, 1000), ([kind, ms]): Tag => [kind, ms % 2 ** 24]);
		const { out, repairs } = run(tags);
		assert.deepEqual(out, [...wellFormed(0, 1000)]);
		assert.equal(repairs, 0);
	});

	it('takes a wrap of 24 bits for what it is when the tracks pass it out of order', () => {
		const end = 2 ** 24;
		const { out } = run([
			['video', end - 40],
			['video', 0],
			['audio', end - 20],
			['audio', 3],
			['video', 40],
		]);
		assert.deepEqual(times(out, 'video'), [0, 40, 80]);
		assert.deepEqual(times(out, 'audio'), [20, 43]);
	});

	it('lets a frame that steps back wait at the last time of its track, and recovers', () => {
		const { out, repairs } = run([
			['video', 1000],
			['video', 1033],
			['video', 1001],
			['video', 1066],
			['audio', 1050],
			['audio', 1040],
			['audio', 1073],
		]);
		assert.deepEqual(times(out, 'video'), [0, 33, 34, 66]);
		assert.deepEqual(times(out, 'audio'), [50, 50, 73]);
		assert.equal(repairs, 2);
	});

	it('parts video frames of the same time by a millisecond, and leaves audio frames of the same time alone', () => {
		const { out } = run([
			['video', 0],
			['video', 0],
			['video', 40],
			['audio', 40],
			['audio', 40],
		]);
		assert.deepEqual(times(out, 'video'), [0, 1, 40]);
		assert.deepEqual(times(out, 'audio'), [40, 40]);
	});

	it('goes on one frame after the newest when the encoder restarts, with both tracks still in sync', () => {
		const { out, repairs } = run([...wellFormed(500_000, 2000), ...wellFormed(7, 2000)]);
		const video = times(out, 'video');
		const audio = times(out, 'audio');
		const videoAtBreak = video[50]!;
		assert.equal(video[49], 1960);
		assert.ok(videoAtBreak > 1980 && videoAtBreak <= 2030, `video goes on at ${videoAtBreak}`);
		assert.equal(audio[100], videoAtBreak, 'audio that starts with the video still starts with it');
		assert.equal(repairs, 1);
	});

	it('brings the second track over a break in sync although its own step is small', () => {
		// The clock steps back by 1.2 s. Audio came 300 ms late before, so for itself it steps back by 0.9 s only.
		const { out } = run([
			['video', 10_000],
			['audio', 9700],
			['video', 10_040],
			['audio', 9720],
			['video', 8880],
			['audio', 8880],
			['video', 8920],
		]);
		const video = times(out, 'video');
		assert.equal(times(out, 'audio').at(-1), video[2]);
		assert.equal(video[3], video[2]! + 40);
	});

	it('does not pull tags that are still from before the break over it', () => {
		const { out } = run([
			['video', 50_000],
			['audio', 50_000],
			['video', 50_040],
			['video', 0],
			['audio', 50_020],
			['audio', 0],
		]);
		const video = times(out, 'video');
		assert.deepEqual(times(out, 'audio'), [0, 20, video[2]]);
	});

	it('repairs a wrong timestamp alone: an hour with one every second is an hour', () => {
		const hourMs = 3_600_000;
		const wrongMs = [3 * hourMs, -3 * hourMs, 40_000, -1500, 2 ** 31 - 7, -(2 ** 31) + 9];
		const sent = [...wellFormed(5000, hourMs)];
		const isWrong = (index: number): boolean => index % 75 === 50 || index % 75 === 51;
		const tags = sent.map(([kind, ms], index): Tag => {
			// Both a picture and the sound beside it, by the same amount: two frames that agree are no clock yet either.
			const offMs = isWrong(index) ? wrongMs[Math.floor(index / 75) % wrongMs.length]! : 0;
			return [kind, (ms + offMs + WRAP) % WRAP];
		});
		const { out } = run(tags);
		for (const [index, [, ms]] of out.entries()) {
			const rightMs = sent[index]![1] - 5000;
			assert.ok(isWrong(index) ? Math.abs(ms - rightMs) <= 20 : ms === rightMs, `frame ${index}: ${ms} for ${rightMs}`);
		}
	});

	it('repairs the wrong timestamp of a track that is behind the other without pushing it ahead', () => {
		const tags: Tag[] = [];
		for (let ms = 0; ms < 4000; ms += 40) {
			tags.push(['audio', 10_300 + ms], ['video', ms === 2000 ? 9_000_000 : 10_000 + ms]);
		}
		const { out, repairs } = run([['video', 9960], ...tags]);
		assert.deepEqual(
			times(out, 'video').slice(1),
			Array.from({ length: 100 }, (_, index) => 40 + index * 40),
		);
		assert.equal(repairs, 1);
	});

	it('takes the first frame of a track that is stamped hours away for a wrong timestamp', () => {
		const tags = [...wellFormed(0, 1000)];
		const { out } = run(tags.map(([kind, ms], index): Tag => [kind, index === 1 ? 7_200_000 : ms]));
		assert.deepEqual(out.slice(2), tags.slice(2));
	});

	it('follows a jump that stays, from its third frame on behind all that was there', () => {
		const tags: Tag[] = [];
		for (let ms = 0; ms < 2000; ms += 40) {
			// Sound 300 ms ahead of the picture; after a second the clock starts again.
			const clockMs = ms < 1000 ? 600_000 + ms : ms - 1000;
			tags.push(['audio', clockMs + 300], ['video', clockMs]);
		}
		const { out } = run(tags);
		const [video, audio] = [times(out, 'video'), times(out, 'audio')];
		assert.equal(audio.at(-1)! - video.at(-1)!, 300, 'sound and picture keep their distance');
		assert.ok(video.at(-1)! < 2400, `${video.at(-1)}`);
	});

	it('closes a gap that no pause explains', () => {
		const { out } = run([...wellFormed(0, 200), ...wellFormed(200 + FORWARD_LIMIT_MS + 1000, 200)]);
		assert.ok(times(out, 'video').at(-1)! < 450);
		assert.equal(times(out, 'audio').at(-1)! - times(out, 'video').at(-1)!, 20);
	});

	it('keeps a pause', () => {
		const { out, repairs } = run([...wellFormed(0, 200), ...wellFormed(9000, 200)]);
		assert.deepEqual(out, [...wellFormed(0, 200), ...wellFormed(9000, 200)]);
		assert.equal(repairs, 0);
	});

	it('keeps two tracks going whose clocks have nothing to do with each other', () => {
		const tags = Array.from(wellFormed(0, 4000), ([kind, ms]): Tag => [kind, kind === 'audio' ? ms + 3e9 : ms]);
		const { out, repairs } = run(tags);
		assert.deepEqual(times(out, 'video'), times([...wellFormed(0, 4000)], 'video'));
		const audio = times(out, 'audio');
		assert.deepEqual(
			audio.map((ms) => ms - audio[0]!),
			times([...wellFormed(0, 4000)], 'audio'),
		);
		assert.equal(repairs, 1);
	});

	it('takes a late track in at its place', () => {
		const { out } = run(Array.from(wellFormed(100, 5000)).filter(([kind, ms]) => kind === 'audio' || ms >= 4100));
		assert.equal(times(out, 'audio')[0], 0);
		assert.equal(times(out, 'video')[0], 4000);
	});

	it('never starts below zero when the second track starts earlier than the first', () => {
		const { out } = run([
			['video', 1000],
			['audio', 980],
			['audio', 1003],
		]);
		assert.deepEqual(times(out, 'audio'), [0, 3]);
	});

	it('keeps each track of a multitrack source in order by itself', () => {
		const timeline = new Timeline('full', null);
		assert.equal(timeline.frame('video', 0, 40), 0);
		assert.equal(timeline.frame('video', 1, 40), 0);
		assert.equal(timeline.frame('video', 0, 80), 40);
		assert.equal(timeline.frame('video', 1, 80), 40);
		assert.equal(timeline.repairs, 0);
	});

	for (const mode of ['full', 'zero', 'off'] as const) {
		it(`goes on one frame after what was there before a splice (${mode})`, () => {
			const { out } = run(wellFormed(777_000, 200), mode, 60_000);
			assert.deepEqual(
				out,
				Array.from(wellFormed(0, 200), ([kind, ms]) => [kind, 60_033 + ms]),
			);
			assert.equal(run([['audio', 5]], mode, 60_000).out[0]![1], 60_023);
		});
	}

	it('lets a source run backwards when asked to repair nothing, but not below its start', () => {
		const backwards: Tag[] = [
			['video', 5000],
			['video', 9000],
			['video', 6000],
			['video', 100],
		];
		assert.deepEqual(times(run(backwards, 'zero').out, 'video'), [0, 4000, 1000, 0]);
		assert.deepEqual(times(run(backwards, 'off').out, 'video'), [5000, 9000, 6000, 100]);
	});

	it('gives headers and script data the time around them without learning from them', () => {
		const timeline = new Timeline('full', null);
		assert.equal(timeline.aside(123_456), 0);
		assert.equal(timeline.frame('video', 0, 50_000), 0);
		assert.equal(timeline.aside(50_020), 20);
		assert.equal(timeline.aside(0), 0);
		assert.equal(timeline.frame('video', 0, 50_040), 40);
		assert.equal(timeline.aside(4_000_000), 40);
		assert.equal(timeline.frame('audio', 0, 50_040), 40);
		assert.equal(timeline.repairs, 0);
	});

	it('stays exact for days', () => {
		const timeline = new Timeline('full', null);
		const startMs = WRAP - 3_600_000;
		let last = 0;
		for (let second = 0; second < 24 * 3600 * 60; second += 5) {
			last = timeline.frame('video', 0, (startMs + second * 1000) % WRAP);
			assert.equal(last, second * 1000);
		}
		assert.ok(last > WRAP);
		assert.equal(timeline.repairs, 0);
	});
});

const kind = fc.constantFrom<TrackKind>('audio', 'video');
/** Timestamps that mostly go on and now and then do anything: small and large steps both ways, wraps, noise. */
const anyTags = fc
	.array(
		fc.tuple(
			kind,
			fc.oneof(
				{ weight: 8, arbitrary: fc.integer({ min: 0, max: 60 }) },
				{ weight: 2, arbitrary: fc.integer({ min: -3 * BACKWARD_LIMIT_MS, max: 3 * BACKWARD_LIMIT_MS }) },
				{ weight: 1, arbitrary: fc.integer({ min: -(2 ** 31), max: 2 ** 31 }) },
			),
		),
		{ minLength: 1, maxLength: 120 },
	)
	.chain((steps) =>
		fc.constantFrom(0, 2 ** 24 - 100, 2 ** 31 - 100, 2 ** 32 - 100).map((start) => accumulate(start, steps)),
	);

function accumulate(start: number, steps: readonly (readonly [TrackKind, number])[]): Tag[] {
	let now = start;
	return steps.map(([kind, step]) => {
		now += step;
		return [kind, ((now % WRAP) + WRAP) % WRAP];
	});
}

const RUNS = { numRuns: 3000, interruptAfterTimeLimit: 1500 };

describe('for any input in mode full', () => {
	it('each track is in order, video strictly, and no frame is far from the newest', () => {
		fc.assert(
			fc.property(anyTags, fc.option(fc.nat({ max: 2 ** 33 })), (tags, resumeAfterMs) => {
				const { out } = run(tags, 'full', resumeAfterMs);
				let newest = resumeAfterMs ?? 0;
				for (const [, ms] of out) {
					assert.ok(ms >= (resumeAfterMs ?? 0) && Math.abs(ms - newest) <= FORWARD_LIMIT_MS, `${ms} after ${newest}`);
					newest = Math.max(newest, ms);
				}
				const video = times(out, 'video');
				const audio = times(out, 'audio');
				assert.ok(video.every((ms, index) => index === 0 || ms > video[index - 1]!));
				assert.ok(audio.every((ms, index) => index === 0 || ms >= audio[index - 1]!));
			}),
			RUNS,
		);
	});

	it('what came out passes through a second time unchanged', () => {
		fc.assert(
			fc.property(anyTags, (tags) => {
				const { out } = run(tags);
				const again = run(out.map(([kind, ms]): Tag => [kind, ms % WRAP]));
				assert.deepEqual(again.out, out);
				assert.equal(again.repairs, 0);
			}),
			RUNS,
		);
	});

	it('a good source comes out with one offset, wherever it starts and however its tracks are interleaved', () => {
		const good = fc.tuple(
			fc.nat({ max: WRAP - 1 }),
			fc.array(fc.tuple(kind, fc.integer({ min: 1, max: 2000 })), { minLength: 1, maxLength: 100 }),
		);
		fc.assert(
			fc.property(good, ([start, steps]) => {
				const tags = accumulate(start, steps);
				const { out, repairs } = run(tags);
				const first = tags[0]![1];
				assert.deepEqual(
					out.map(([, ms]) => ms % WRAP),
					tags.map(([, ms]) => (ms - first + WRAP) % WRAP),
				);
				assert.equal(repairs, 0);
			}),
			RUNS,
		);
	});

	it('keeps the time of a relayed stream that opens it, wrapped or not, and repairs it all the same', () => {
		const timeline = new Timeline('full', null, true);
		assert.equal(timeline.aside(90_000), 90_000);
		assert.equal(timeline.frame('video', 0, 90_000), 90_000);
		assert.equal(timeline.frame('audio', 0, 89_990), 89_990);
		assert.equal(timeline.frame('video', 0, 89_960), 90_001);
		assert.equal(new Timeline('full', 500, true).frame('video', 0, 90_000), 533);
	});
});
