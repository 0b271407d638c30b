import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TsDemuxer } from '#src/container/mpegts/demuxer.js';
import { type ElementaryStream, StreamType } from '#src/container/mpegts/stream-type.js';
import { TimestampUnwrapper } from '#src/container/mpegts/timestamp.js';
import { CmafPackager } from '#src/remux/cmaf-packager.js';
import { SegmentPlanner } from '#src/remux/segment-planner.js';
import { TsSegmenter } from '#src/remux/ts-segmenter.js';
import { every, FrameSource, labelIn } from '../support/frame-source.js';

const HOUR_MS = 3_600_000;

test('sound and picture of fMP4 are within a millisecond of the source after an hour, and fragments follow without gaps', () => {
	const ends = new Map<number, number>();
	let worstMs = 0;
	const counts = { video: 0, audio: 0 };
	const packager = new CmafPackager({
		init: () => undefined,
		fragment: ({ runs }) => {
			for (const { track, run } of runs) {
				const { trackId, kind, timescale } = track;
				assert.equal(run.baseDecodeTime, ends.get(trackId) ?? run.baseDecodeTime, `${kind} has a gap`);
				ends.set(trackId, run.baseDecodeTime + run.durationTicks);
				// The picture is first shown 80 ms after it is decoded, and its decoding times are moved by that.
				const trueMs = kind === 'video' ? counts.video * 40 + 80 : (counts.audio * 1024) / 44.1;
				worstMs = Math.max(worstMs, Math.abs((run.baseDecodeTime * 1000) / timescale - trueMs));
				counts[kind] += run.count;
			}
		},
		segmentEnd: () => undefined,
		end: () => undefined,
	});
	new FrameSource(new SegmentPlanner(packager, { partMs: 1000 })).run(HOUR_MS, every(2000)).sink.end();
	assert.equal(counts.video, HOUR_MS / 40);
	assert(worstMs < 1, `${worstMs} ms`);
});

test('sound and picture of MPEG-TS are within a millisecond of the source after an hour', () => {
	const unwrappers = { video: new TimestampUnwrapper(), audio: new TimestampUnwrapper() };
	const counts = { video: 0, audio: 0 };
	let worstMs = 0;
	const demuxer = new TsDemuxer({
		streams: () => undefined,
		packet: ({ streamType }: ElementaryStream, { pts, payload }) => {
			const kind = streamType === StreamType.h264 ? 'video' : 'audio';
			const ms = (unwrappers[kind].unwrap(pts) - 90_000) / 90;
			const first = Number(labelIn(payload).slice(1, -1));
			counts[kind]++;
			const trueMs = kind === 'video' ? first * 40 + 80 + (first % 2) * 40 : (first * 1024) / 44.1;
			worstMs = Math.max(worstMs, Math.abs(ms - trueMs));
		},
	});
	const segmenter = new TsSegmenter({
		tracks: () => undefined,
		leftOut: () => undefined,
		segment: ({ bytes }) => demuxer.push(bytes),
		end: () => demuxer.end(),
	});
	new FrameSource(new SegmentPlanner(segmenter)).run(HOUR_MS, every(2000)).sink.end();
	assert.equal(counts.video, HOUR_MS / 40);
	assert(counts.audio > HOUR_MS / 150);
	assert(worstMs < 1, `${worstMs} ms`);
});
