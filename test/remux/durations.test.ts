import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAacConfig, parseH264Config } from '#src/codec/track-config.js';
import { CmafPackager } from '#src/remux/cmaf-packager.js';
import {
	DEFAULT_SEGMENT_POLICY,
	SegmentPlanner,
	type SegmentPolicy,
	type SegmentSink,
} from '#src/remux/segment-planner.js';
import { TsSegmenter } from '#src/remux/ts-segmenter.js';
import * as vectors from '../codec/vectors.js';

const video = parseH264Config(vectors.avcC);
const audio = parseAacConfig(vectors.ascLc);
const PICTURE = Buffer.of(0, 0, 0, 2, 0x65, 0x80);
const SOUND = Buffer.alloc(16, 1);
const SOUND_MS = 1024 / 44.1;

/** LL-HLS and live DASH as the server packages them. */
const LIVE: Partial<SegmentPolicy> = { targetMs: 1500, maxMs: 8000, partMs: 333 };

/** A stream: every picture is a keyframe at these times, the sound lasts `soundMs`. */
type Scene = { name: string; pictures: number[]; soundMs: number; totalMs: number };

const every = (intervalMs: number, untilMs: number): number[] =>
	Array.from({ length: Math.ceil(untilMs / intervalMs) }, (_, index) => index * intervalMs);

const SCENES: Scene[] = [
	{ name: 'a picture a second, with sound', pictures: every(1000, 20_000), soundMs: 20_000, totalMs: 20_000 },
	{ name: 'a picture a second, without sound', pictures: every(1000, 20_000), soundMs: 0, totalMs: 20_000 },
	{ name: 'a slide every 2 s, with sound', pictures: every(2000, 16_000), soundMs: 16_000, totalMs: 16_000 },
	{ name: 'a slide every 5 s, with sound', pictures: every(5000, 16_000), soundMs: 16_000, totalMs: 16_000 },
	{ name: 'a slide every 5 s, without sound', pictures: every(5000, 20_000), soundMs: 0, totalMs: 20_000 },
	{ name: '25 pictures a second', pictures: every(40, 12_000), soundMs: 12_000, totalMs: 12_000 },
	{ name: 'pictures that end before the sound', pictures: every(40, 3000), soundMs: 20_000, totalMs: 20_000 },
	{ name: 'sound alone', pictures: [], soundMs: 15_000, totalMs: 15_000 },
];

for (const policy of [DEFAULT_SEGMENT_POLICY, LIVE]) {
	describe(`durations of ${policy === LIVE ? 'live segments and parts' : 'recorded segments'}`, () => {
		for (const scene of SCENES) {
			test(`${scene.name}: CMAF segments and fragments last from start to start`, () => {
				const fragments: number[] = [];
				const segments: number[] = [];
				let open = 0;
				const packager = new CmafPackager({
					init: () => undefined,
					fragment: ({ durationMs }) => {
						fragments.push(durationMs);
						open += durationMs;
					},
					segmentEnd: () => {
						segments.push(open);
						open = 0;
					},
					end: () => undefined,
				});
				play(scene, packager, policy);
				assertDurations(scene, segments);
				assertDurations(scene, fragments);
			});

			test(`${scene.name}: segments of a transport stream last from start to start`, () => {
				const segments: number[] = [];
				const segmenter = new TsSegmenter({
					tracks: () => undefined,
					leftOut: () => undefined,
					segment: ({ durationMs }) => segments.push(durationMs),
					end: () => undefined,
				});
				play(scene, segmenter, policy);
				assertDurations(scene, segments);
			});
		}
	});
}

function assertDurations({ totalMs }: Scene, durations: readonly number[]): void {
	const text = durations.join(' ');
	assert.ok(
		durations.every((durationMs) => durationMs > 0),
		text,
	);
	const sumMs = durations.reduce((sum, durationMs) => sum + durationMs, 0);
	assert.ok(Math.abs(sumMs - totalMs) <= 100, `${sumMs} ms of ${totalMs}: ${text}`);
}

function play({ pictures, soundMs }: Scene, sink: SegmentSink, policy: Partial<SegmentPolicy>): void {
	const planner = new SegmentPlanner(sink, policy);
	const sounds = Array.from({ length: Math.round(soundMs / SOUND_MS) }, (_, index) => Math.round(index * SOUND_MS));
	if (pictures.length > 0) {
		planner.track({ kind: 'video', sourceId: 0, config: video });
	}
	if (sounds.length > 0) {
		planner.track({ kind: 'audio', sourceId: 0, config: audio });
	}
	const frames = [
		...pictures.map((dtsMs) => ({ kind: 'video' as const, dtsMs, payload: PICTURE })),
		...sounds.map((dtsMs) => ({ kind: 'audio' as const, dtsMs, payload: SOUND })),
	].sort((a, b) => a.dtsMs - b.dtsMs);
	for (const frame of frames) {
		planner.frame({ ...frame, sourceId: 0, compositionTimeMs: 0, keyframe: true, droppable: false });
	}
	planner.end();
}
