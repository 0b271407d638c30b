import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAacConfig, parseH264Config, type TrackConfig } from '#src/codec/track-config.js';
import { CmafPackager, type CmafSink } from '#src/remux/cmaf-packager.js';
import { SegmentPlanner, type SegmentPolicy } from '#src/remux/segment-planner.js';
import * as vectors from '../codec/vectors.js';

const video = parseH264Config(vectors.avcC);
const otherVideo = parseH264Config(vectors.avcCInterlaced);
const audio = parseAacConfig(vectors.ascLc);

type Written = {
	segment: number;
	independent: boolean;
	startMs: number;
	durationMs: number;
	startsSegment: boolean;
	/** trackId:baseDecodeTime:samples of each run. */
	runs: string[];
	payload: string;
};

class Recorder implements CmafSink {
	readonly inits: string[][] = [];
	readonly fragments: Written[] = [];
	readonly discontinuities: number[] = [];
	/** Durations of all samples by track, in order, as the fragments state them. */
	readonly ends = new Map<number, number>();
	readonly gaps: string[] = [];
	segments = 0;
	ended = false;

	init(tracks: Parameters<CmafSink['init']>[0]): void {
		this.inits.push(tracks.map(({ trackId, config }) => `${trackId}:${config.codecString}`));
	}

	fragment(fragment: Parameters<CmafSink['fragment']>[0]): void {
		const { independent, startMs, durationMs, startsSegment, runs } = fragment;
		for (const { track, run } of runs) {
			const end = this.ends.get(track.trackId);
			if (end !== undefined && end !== run.baseDecodeTime) {
				this.gaps.push(`${track.trackId}: ${end} to ${run.baseDecodeTime}`);
			}
			this.ends.set(track.trackId, run.baseDecodeTime + run.durationTicks);
		}
		this.fragments.push({
			segment: this.segments,
			independent,
			startMs,
			durationMs,
			startsSegment,
			runs: runs.map(({ track, run }) => `${track.trackId}:${run.baseDecodeTime}:${run.count}`),
			payload: runs.map(({ run }) => run.payload.toString()).join('|'),
		});
	}

	segmentEnd(discontinuity: boolean): void {
		this.segments++;
		if (discontinuity) {
			this.discontinuities.push(this.segments);
		}
	}

	end(): void {
		this.ended = true;
	}

	/** Length of each segment in ms. */
	get lengths(): number[] {
		const lengths: number[] = [];
		for (const { segment, durationMs } of this.fragments) {
			lengths[segment] = Math.round((lengths[segment] ?? 0) + durationMs);
		}
		return lengths;
	}
}

class Source {
	readonly recorder = new Recorder();
	readonly planner: SegmentPlanner;
	startMs = 1000;

	constructor(policy: Partial<SegmentPolicy> = {}, maxFragmentBytes?: number) {
		this.planner = new SegmentPlanner(
			new CmafPackager(this.recorder, maxFragmentBytes === undefined ? {} : { maxFragmentBytes }),
			policy,
		);
	}

	track(config: TrackConfig, sourceId = 0): this {
		this.planner.track({ kind: config.kind, sourceId, config });
		return this;
	}

	video(timeMs: number, keyframe: boolean, text = 'v', compositionTimeMs = 0, sourceId = 0): this {
		this.planner.frame({
			kind: 'video',
			sourceId,
			dtsMs: this.startMs + timeMs,
			compositionTimeMs,
			keyframe,
			droppable: false,
			payload: Buffer.from(text),
		});
		return this;
	}

	audio(timeMs: number, text = 'a'): this {
		this.planner.frame({
			kind: 'audio',
			sourceId: 0,
			dtsMs: this.startMs + timeMs,
			compositionTimeMs: 0,
			keyframe: true,
			droppable: false,
			payload: Buffer.from(text),
		});
		return this;
	}

	/** 25 fps with a keyframe every `gopMs`, and AAC in whole milliseconds, interleaved. */
	run(fromMs: number, toMs: number, gopMs: number, kinds: 'av' | 'a' | 'v' = 'av'): this {
		let frame = Math.ceil((fromMs * 44.1) / 1024);
		for (let timeMs = fromMs; timeMs < toMs; timeMs += 40) {
			if (kinds !== 'a') {
				this.video(timeMs, (timeMs - fromMs) % gopMs === 0);
			}
			for (; kinds !== 'v' && (frame * 1024) / 44.1 < timeMs + 40 && (frame * 1024) / 44.1 < toMs; frame++) {
				this.audio(Math.floor((frame * 1024) / 44.1));
			}
		}
		return this;
	}

	end(): Recorder {
		this.planner.end();
		return this.recorder;
	}
}

describe('the packager', () => {
	test('ends segments at the first keyframe after the target, from time zero', () => {
		const { lengths, inits, fragments, gaps, ended } = new Source()
			.track(video)
			.track(audio)
			.run(0, 13_000, 2000)
			.end();
		assert.deepEqual(lengths, [4000, 4000, 4000, 1000]);
		assert.deepEqual(inits, [['1:avc1.640028', '2:mp4a.40.2']]);
		assert.equal(fragments[0]?.startMs, 0);
		assert(fragments.every(({ independent, startsSegment }) => independent && startsSegment));
		assert.deepEqual(gaps, []);
		assert.equal(ended, true);
	});

	test('ends a segment without a keyframe rather than let it grow past the maximum', () => {
		const { lengths, fragments } = new Source().track(video).track(audio).run(0, 20_000, 60_000).end();
		assert.deepEqual(lengths, [8000, 8000, 4000]);
		assert.deepEqual(
			fragments.map(({ independent }) => independent),
			[true, false, false],
		);
	});

	test('cuts parts no longer than asked for, and a new segment starts a new part', () => {
		const { fragments, gaps, lengths } = new Source({ partMs: 200, targetMs: 1000 })
			.track(video)
			.track(audio)
			.run(0, 3000, 1000)
			.end();
		assert.deepEqual(lengths, [1000, 1000, 1000]);
		assert.equal(fragments.length, 15);
		assert(fragments.every(({ durationMs }) => durationMs === 200));
		assert.deepEqual(
			fragments.map(({ startsSegment }) => startsSegment),
			fragments.map(({ independent }) => independent),
		);
		assert.deepEqual(gaps, []);
	});

	test('packages sound alone and picture alone', () => {
		const sound = new Source().track(audio).run(0, 10_000, 2000, 'a').end();
		assert.deepEqual(sound.inits, [['2:mp4a.40.2']]);
		assert.equal(sound.lengths.length, 3);
		assert(sound.lengths.slice(0, -1).every((length) => Math.abs(length - 4000) < 24));
		assert.deepEqual(sound.gaps, []);
		const picture = new Source().track(video).run(0, 10_000, 2000, 'v').end();
		assert.deepEqual(picture.inits, [['1:avc1.640028']]);
		assert.deepEqual(picture.lengths, [4000, 4000, 2000]);
	});

	test('waits a while for the other track before it begins without it', () => {
		const late = new Source().track(video).run(0, 800, 2000, 'v');
		assert.deepEqual(late.recorder.inits, []);
		const recorder = late.track(audio).run(800, 2000, 60_000, 'av').end();
		assert.deepEqual(recorder.inits, [['1:avc1.640028', '2:mp4a.40.2']]);
	});

	test('opens a new init segment at the next keyframe when a track appears late, and loses no picture', () => {
		const source = new Source().track(video).run(0, 5000, 2000, 'v').track(audio);
		for (let timeMs = 5000; timeMs < 6000; timeMs += 40) {
			source.video(timeMs, false).audio(timeMs);
		}
		const recorder = source.run(6000, 10_000, 2000).end();
		assert.deepEqual(recorder.inits, [['1:avc1.640028'], ['1:avc1.640028', '2:mp4a.40.2']]);
		assert.deepEqual(recorder.discontinuities, [2]);
		assert.deepEqual(recorder.lengths, [4000, 2000, 4000]);
	});

	test('opens a new init segment when a track changes, and only then', () => {
		const recorder = new Source()
			.track(video)
			.track(audio)
			.run(0, 3000, 1000)
			.track(parseH264Config(vectors.avcC))
			.run(3000, 4000, 1000)
			.track(otherVideo)
			.run(4000, 6000, 1000)
			.end();
		assert.deepEqual(recorder.inits, [
			['1:avc1.640028', '2:mp4a.40.2'],
			['1:avc1.4d401e', '2:mp4a.40.2'],
		]);
		assert.deepEqual(recorder.discontinuities, [1]);
		assert.deepEqual(recorder.lengths, [4000, 2000]);
		assert.deepEqual(recorder.gaps, []);
	});

	test('makes exactly one discontinuity of a splice, with no new init segment for equal tracks', () => {
		const source = new Source().track(video).track(audio).run(0, 5000, 2000);
		source.planner.splice();
		source.track(parseH264Config(vectors.avcC)).track(parseAacConfig(vectors.ascLc));
		source.video(5000, false, 'lost').run(5040, 9040, 2000);
		const recorder = source.end();
		assert.equal(recorder.inits.length, 1);
		assert.deepEqual(recorder.discontinuities, [2]);
		assert(!recorder.fragments.some(({ payload }) => payload.includes('lost')));
	});

	test('keeps the sound but no picture from before the first keyframe', () => {
		const recorder = new Source()
			.track(video)
			.track(audio)
			.audio(0, 'sound')
			.video(10, false, 'early')
			.run(40, 2000, 60_000)
			.end();
		const all = recorder.fragments.map(({ payload }) => payload).join();
		assert(!all.includes('early'));
		assert(all.includes('sound'));
		assert.equal(recorder.fragments[0]?.startMs, 40);
	});

	test('goes on with sound while the picture stands still', () => {
		const recorder = new Source().track(video).track(audio).run(0, 2000, 60_000).run(2000, 40_000, 0, 'a').end();
		assert(recorder.lengths.length >= 4, `${recorder.lengths}`);
	});

	test('takes the default track of several, whichever comes first', () => {
		const recorder = new Source()
			.track(otherVideo, 1)
			.track(video, 0)
			.track(otherVideo, 2)
			.video(0, true, 'default')
			.video(40, false, 'other', 0, 1)
			.end();
		assert.deepEqual(recorder.inits, [['1:avc1.640028']]);
		assert.deepEqual(
			recorder.fragments.map(({ payload }) => payload),
			['default'],
		);
	});

	test('ends a fragment that grows too large', () => {
		const recorder = new Source({}, 10).track(video).run(0, 2000, 60_000, 'v').end();
		assert(recorder.fragments.length > 2);
		assert.deepEqual(recorder.gaps, []);
		assert.equal(recorder.segments, 1);
	});

	test('keeps time when timestamps stand still', () => {
		const source = new Source({ partMs: 100 }).track(video);
		for (let frame = 0; frame < 50; frame++) {
			source.video(Math.floor(frame / 2) * 40, frame === 0);
		}
		const { gaps } = source.end();
		assert.deepEqual(gaps, []);
	});
});
