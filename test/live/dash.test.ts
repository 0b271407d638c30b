import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findBox, iterateBoxes } from '#src/container/mp4/box-reader.js';
import { readFragment } from '#src/container/mp4/fragment-reader.js';
import { readMovie } from '#src/container/mp4/movie-reader.js';
import type { GrowingBody, Piece } from '#src/live/answer.js';
import { SharedBody } from '#src/live/answer.js';
import { LiveScene } from '../support/live-scene.js';
import { type Mpd, MpdChecker, parseMpd, presentationSeconds, seconds, segmentUri } from '../support/manifest.js';

function started(): LiveScene {
	const scene = new LiveScene();
	scene.ask('live.mpd');
	return scene.run(10_000);
}

function manifest(scene: LiveScene): Mpd {
	return parseMpd(scene.bytes('live.mpd').toString());
}

/** Reads the start and end of a segment's fragments from their `tfdt` and `trun` boxes, and their tracks. */
function timesOf(bytes: Buffer): { trackIds: Set<number>; start: number; end: number } {
	const runs = [...iterateBoxes(bytes, 0, bytes.length)]
		.filter(({ type }) => type === 'moof')
		.flatMap((moof) => readFragment(bytes, moof, () => undefined));
	const last = runs.at(-1)!.run;
	return {
		trackIds: new Set(runs.map(({ trackId }) => trackId)),
		start: runs[0]!.run.baseDecodeTime,
		end: last.baseDecodeTime + last.durationTicks,
	};
}

/** The pieces of a body that is being made, as far as they are there, and whether that was all. */
function piecesOf(body: GrowingBody): { pieces: Buffer[]; over: boolean } {
	const pieces: Buffer[] = [];
	for (;;) {
		let piece: Piece | null = null;
		body.piece(pieces.length, (given) => {
			piece = given;
		})();
		if (piece === null || !Buffer.isBuffer(piece)) {
			return { pieces, over: piece === 'end' };
		}
		pieces.push(piece);
	}
}

function growing(scene: LiveScene, name: string): GrowingBody {
	const body = scene.ask(name)?.body;
	assert.ok(body !== null && body !== undefined && !(body instanceof SharedBody), name);
	return body;
}

describe('live DASH', () => {
	test('the manifest says what the segments are', () => {
		const scene = started().run(30_000);
		const { periods, attributes, availabilityStartMs, latencyMs } = manifest(scene);
		assert.equal(periods.length, 1);
		assert.equal(attributes['availabilityStartTime'], '2025-01-01T00:00:00.000Z');
		assert.ok(seconds(attributes['minimumUpdatePeriod']!) <= 1 && latencyMs < 2000);
		const [period] = periods;
		assert.deepEqual(
			period!.tracks.map(({ kind, codec }) => [kind, codec]),
			[
				['video', 'avc1.640028'],
				['audio', 'mp4a.40.2'],
			],
		);
		for (const track of period!.tracks) {
			const init = scene.bytes(track.initialization);
			const { tracks } = readMovie(init, findBox(init, 0, init.length, 'moov')!);
			assert.deepEqual(
				tracks.map(({ config, timescale }) => [config?.kind, timescale]),
				[[track.kind, track.timescale]],
			);
			const complete = track.segments.slice(0, -2);
			assert.ok(complete.length >= 8);
			for (const segment of complete) {
				const { trackIds, start, end } = timesOf(scene.bytes(segmentUri(track, segment)));
				assert.deepEqual([...trackIds], [tracks[0]!.trackId]);
				assert.deepEqual(
					[start, end - start],
					[segment.startTicks, segment.durationTicks],
					`${track.kind} ${segment.number}`,
				);
			}
			const [open] = track.segments.slice(-2);
			const body = Buffer.concat(piecesOf(growing(scene, segmentUri(track, open!))).pieces);
			assert.equal(timesOf(body).start, open!.startTicks);
			// Presentation time is the wall clock at which it came in, and ProducerReferenceTime says the same.
			const at = availabilityStartMs + presentationSeconds(period!, track, open!) * 1000;
			assert.ok(Math.abs(scene.nowMs - at) < 2100, `${scene.nowMs - at} ms`);
			const { wallClockMs, ticks } = track.reference!;
			const referred = wallClockMs + ((open!.startTicks - ticks) * 1000) / track.timescale;
			assert.ok(Math.abs(at - referred) < 2, `${at - referred} ms`);
			// It can be asked for as soon as it has a part.
			const lengthSeconds = open!.durationTicks / track.timescale;
			assert.ok(Math.abs(lengthSeconds - track.availabilityTimeOffset - scene.playlist().partTarget!) < 0.1);
		}
	});

	test('the tracks of a segment are its parts taken apart', () => {
		const scene = started();
		const { tracks } = manifest(scene).periods[0]!;
		const segment = scene.playlist().segments.at(-1)!;
		const number = Number(/\d+/.exec(segment.uri));
		const whole = [...iterateBoxes(scene.bytes(segment.uri), 0, scene.bytes(segment.uri).length)];
		assert.equal(whole.filter(({ type }) => type === 'moof').length, 2 * segment.parts.length);
		const alone = tracks.map(({ media }) => scene.bytes(media.replace('$Number$', String(number))));
		assert.equal(
			alone.reduce((sum, { length }) => sum + length, 0),
			scene.bytes(segment.uri).length,
			'nothing twice, nothing left out',
		);
		for (const bytes of alone) {
			assert.ok([...iterateBoxes(bytes, 0, bytes.length)].some(({ type }) => type === 'prft'));
		}
	});

	test('a segment that is being made comes as its chunks do, the same Buffers for all', async () => {
		const scene = started();
		const [track] = manifest(scene).periods[0]!.tracks;
		const [open] = track!.segments.slice(-2);
		const first = growing(scene, segmentUri(track!, open!));
		const before = piecesOf(first);
		assert.equal(before.over, false);
		const arrived: Piece[] = [];
		for (let viewer = 0; viewer < 1000; viewer++) {
			first.piece(before.pieces.length, (piece) => arrived.push(piece));
		}
		const calledOff = first.piece(before.pieces.length, () => assert.fail('it was called off'));
		calledOff();
		scene.run(400);
		while (arrived.length === 0) {
			await new Promise(setImmediate);
		}
		assert.equal(arrived.length, 1000);
		assert.equal(new Set(arrived).size, 1);
		scene.run(2500);
		const { pieces, over } = piecesOf(first);
		assert.equal(over, true);
		assert.ok(
			Buffer.concat(pieces).equals(scene.bytes(segmentUri(track!, open!))),
			'in the end it is the complete segment',
		);
		scene.source.close();
	});

	test('the next segment is waited for, what comes later is not found', () => {
		const scene = started();
		const [track] = manifest(scene).periods[0]!.tracks;
		const [open, next] = track!.segments.slice(-2);
		assert.equal(scene.ask(segmentUri(track!, next!)), null);
		assert.equal(scene.ask(segmentUri(track!, { ...next!, number: next!.number + 1 }))?.status, 404);
		assert.equal(scene.ask('live_video_1_1.m4s')?.status, 404);
		assert.equal(scene.ask(`live_video_1_${open!.number}.m4s`)?.status, 404, 'of another init segment');
		assert.equal(scene.ask('live_audio_init_1.mp4')?.status, 404);
		scene.feed.end(scene.dtsMs);
		scene.packaging.advance();
		assert.equal(scene.ask(segmentUri(track!, next!))?.status, 404, 'it will never be');
		const { attributes, periods } = manifest(scene);
		assert.deepEqual([attributes['type'], attributes['minimumUpdatePeriod']], ['static', undefined]);
		const segments = periods[0]!.tracks[0]!.segments;
		assert.equal(segments.at(-1)!.number, open!.number);
		assert.ok(seconds(attributes['mediaPresentationDuration']!) > periods[0]!.startSeconds);
	});

	test('a reader who cannot keep up loses the segment, and nothing is kept for them', () => {
		const scene = started();
		const [track] = manifest(scene).periods[0]!.tracks;
		const body = growing(scene, segmentUri(track!, track!.segments.at(-2)!));
		scene.frameBytes = 20_000;
		scene.run(90_000, () => scene.ask('live.m3u8'));
		let piece: Piece | null = null;
		body.piece(0, (given) => {
			piece = given;
		});
		assert.equal(piece, 'lost');
	});

	test('the first viewer has a manifest with the first part', () => {
		const scene = new LiveScene();
		assert.equal(scene.ask('live.mpd'), null);
		scene.run(500);
		const { periods } = manifest(scene);
		assert.equal(scene.ask('live.m3u8'), null, 'which LL-HLS cannot have: the target duration is not known');
		assert.deepEqual(
			periods[0]!.tracks.map(({ segments }) => segments.length),
			[2, 2],
		);
	});

	test('keeps every rule for an hour of splices, restarts, rests and odd GOPs', () => {
		const scene = started();
		const checker = new MpdChecker();
		let steps = 0;
		let last = manifest(scene);
		const ids = new Set<string>();
		for (let minute = 0; minute < 60; minute++) {
			scene.gopMs = [2000, 1920, 400, 2000, 5000, 960][minute % 6]!;
			if (minute % 7 === 3) {
				scene.splice();
			}
			if (minute % 11 === 5) {
				scene.restart();
			}
			if (minute % 13 === 9) {
				scene.run(120_000); // nobody asks
				scene.ask('live.mpd');
			}
			scene.run(60_000, () => {
				if (++steps % 10 === 0 && scene.ask('live.mpd') !== null) {
					last = checker.see(scene.bytes('live.mpd').toString());
					last.periods.forEach(({ id }) => {
						ids.add(id);
					});
				}
			});
		}
		assert.deepEqual([...new Set(checker.violations.map((text) => text.replace(/^reload \d+: /, '')))], []);
		assert.ok(checker.reloads > 8000);
		assert.equal(ids.size, 1 + 8 + 5 + 4);
	});

	test('a track that pauses leaves no gap in its numbers', () => {
		const scene = started();
		const checker = new MpdChecker();
		scene.silent.add('audio');
		scene.run(8000, () => checker.see(scene.bytes('live.mpd').toString()));
		scene.silent.delete('audio');
		scene.run(6000, () => checker.see(scene.bytes('live.mpd').toString()));
		const [video, audio] = manifest(scene).periods[0]!.tracks;
		assert.deepEqual(
			audio!.segments.map(({ number }) => number),
			video!.segments.map(({ number }) => number),
		);
		for (const segment of audio!.segments.slice(0, -2)) {
			const bytes = scene.bytes(segmentUri(audio!, segment));
			assert.equal(bytes.toString('latin1', 4, 8), bytes.includes('moof') ? 'prft' : 'styp');
		}
	});
});
