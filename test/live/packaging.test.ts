import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LiveAnswer } from '#src/live/answer.js';
import { LivePackaging } from '#src/live/packaging.js';
import { LiveSource } from '#src/live/source.js';
import type { MediaPlaylist } from '#src/protocol/m3u8/media-playlist.js';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { PlaylistChecker, playlistViolations } from '#src/protocol/m3u8/playlist-rules.js';
import { MAX_PART_RING_BYTES } from '#src/ring/part-layout.js';
import { PartRingWriter } from '#src/ring/part-ring-writer.js';
import { audioMs, bytesOf, LiveScene, POLICY } from '../support/live-scene.js';
import { RingFeed } from '../support/ring-feed.js';

function edgeOf({ mediaSequence, segments, openSegment }: MediaPlaylist): { lastMsn: number; part: number } {
	return { lastMsn: mediaSequence + segments.length - 1, part: openSegment?.parts.length ?? 0 };
}

/** Asks until there is a playlist. */
function started(): LiveScene {
	const scene = new LiveScene();
	scene.ask('live.m3u8');
	return scene.run(10_000);
}

describe('packaging for LL-HLS', () => {
	test('keeps every rule for an hour of splices, restarts and odd GOPs', () => {
		const scene = started();
		const checker = new PlaylistChecker();
		const { targetDuration, partTarget, discontinuitySequence } = scene.playlist();
		let steps = 0;
		let discontinuities = 0;
		for (let minute = 0; minute < 60; minute++) {
			const irregular = minute % 10 === 9;
			scene.gopMs = [2000, 1920, 400, 500, 10_000, 5000, 960][minute % 7]!;
			const [isSplice, isRestart] = [minute % 7 === 3, minute % 11 === 5];
			if (isSplice) {
				scene.splice();
			}
			if (isRestart) {
				scene.restart();
			}
			discontinuities += isSplice || isRestart ? 1 : 0;
			scene.run(60_000, () => {
				scene.gopMs = irregular ? (scene.gopMs * 7 + 1480) % 9000 : scene.gopMs;
				if (++steps % 20 === 0) {
					checker.see(scene.text());
				}
			});
		}
		assert.deepEqual([...new Set(checker.violations.map((text) => text.replace(/^reload \d+: /, '')))], []);
		assert.ok(checker.reloads > 4000);
		const last = scene.playlist();
		assert.deepEqual([last.targetDuration, last.partTarget], [targetDuration, partTarget]);
		const listed = last.segments.filter(({ discontinuity }) => discontinuity).length;
		assert.equal(last.discontinuitySequence + listed, discontinuitySequence + discontinuities);
	});

	test('a segment is its parts, one after the other, and what a delta update leaves out is in the whole playlist', () => {
		const scene = started().run(45_000);
		const whole = scene.playlist();
		const { segments } = whole;
		const withParts = segments.filter(({ parts }) => parts.length > 0);
		assert.ok(withParts.length >= 3);
		for (const { uri, parts } of withParts) {
			assert.ok(scene.bytes(uri).equals(Buffer.concat(parts.map((part) => scene.bytes(part.uri)))));
			assert.equal(parts[0]!.independent, true);
		}
		assert.equal(scene.bytes(segments[0]!.map!).toString('latin1', 4, 8), 'ftyp');
		assert.equal(scene.bytes(segments[0]!.uri), scene.bytes(segments[0]!.uri), 'one Buffer for all');
		const delta = scene.playlist('_HLS_skip=YES');
		assert.ok(delta.skippedSegments > 0);
		assert.deepEqual(delta.segments, segments.slice(delta.skippedSegments));
		assert.deepEqual(playlistViolations(delta), []);
	});

	test('what has left the playlist can be had for as long again, and what never was cannot', () => {
		const scene = started().run(45_000);
		const oldest = scene.playlist().segments[0]!;
		const listedMs = scene.playlist().segments.reduce((sum, { duration }) => sum + duration * 1000, 0);
		scene.run(listedMs);
		assert.equal(scene.text().includes(oldest.uri), false);
		assert.equal(scene.ask(oldest.uri)?.status, 200);
		for (const name of ['live_1.m4s', 'live_1_0.m4s', 'live_init_1.mp4', 'live_99999999.m4s', 'live_99999999_0.m4s']) {
			assert.equal(scene.ask(name)?.status, 404, name);
		}
	});

	test('the hinted part and the next playlist are waited for; a part that never comes is not found', () => {
		const scene = started();
		let { preloadHint } = scene.playlist();
		scene.run(2000, () => {
			const hint = scene.playlist().preloadHint!;
			if (hint !== preloadHint) {
				assert.equal(scene.ask(preloadHint!)?.status, 200, preloadHint!);
				preloadHint = hint;
			}
			assert.equal(scene.ask(hint), null);
		});
		scene.feed.end(scene.dtsMs);
		scene.packaging.advance();
		assert.equal(scene.ask(preloadHint!)?.status, 200, 'what there was of it');
		assert.equal(scene.ask(preloadHint!.replace(/_(\d+)\.m4s/, '_99.m4s'))?.status, 404);
		const ended = scene.playlist('_HLS_msn=999999999');
		assert.equal(ended.ended, true);
		assert.deepEqual(playlistViolations(ended), []);
	});

	test('thousands of requests wait together and get one Buffer', async () => {
		const scene = started();
		const { lastMsn, part } = edgeOf(scene.playlist());
		const answers: (LiveAnswer | null)[] = [];
		const query = `_HLS_msn=${lastMsn + 1}&_HLS_part=${part}`;
		const calledOff = scene.source.ask({ kind: 'playlist' }, query, () => assert.fail('it was called off'));
		for (let request = 0; request < 5000; request++) {
			scene.source.ask({ kind: 'playlist' }, query, (answer) => answers.push(answer));
		}
		calledOff();
		scene.source.ask({ kind: 'playlist' }, `_HLS_msn=${lastMsn + 2}`, (answer) => answers.push(answer));
		scene.run(400);
		while (answers.length < 5000) {
			await new Promise(setImmediate);
		}
		assert.equal(answers.length, 5000);
		assert.deepEqual([answers[0]?.status, answers[0]?.maxAgeSeconds], [200, 12]);
		assert.equal(new Set(answers.map((answer) => answer?.body)).size, 1);
		scene.source.close();
		assert.equal(answers.at(-1)?.status, 503);
	});

	test('an odd frame rate gets a part target of whole frames', () => {
		for (const frameMs of [40, 80, 120, 200, 400]) {
			const scene = new LiveScene();
			scene.frameMs = frameMs;
			scene.ask('live.m3u8');
			scene.run(20_000);
			const playlist = scene.playlist();
			assert.deepEqual(playlistViolations(playlist), [], `frames of ${frameMs} ms`);
			const parts = playlist.segments.flatMap((segment) => segment.parts);
			assert.ok(parts.length > 5);
		}
	});

	test('rests when nobody asks, gives its memory back, and goes on with higher numbers', () => {
		const scene = started();
		const before = scene.playlist();
		const { byteLength } = scene.parts;
		scene.run(120_000);
		assert.ok(scene.parts.byteLength < byteLength / 2, `${scene.parts.byteLength} of ${byteLength} bytes`);
		assert.equal(scene.ask('live.m3u8'), null);
		scene.run(80);
		const after = scene.playlist();
		assert.ok(after.segments.length >= 3, 'the seconds before the first request are there');
		assert.ok(after.mediaSequence > before.mediaSequence + before.segments.length);
		assert.ok(after.discontinuitySequence > before.discontinuitySequence);
		assert.equal(after.targetDuration, before.targetDuration);
		assert.deepEqual(playlistViolations(after), []);
	});

	test('a bit rate that no ring is large enough for does no harm', () => {
		const scene = new LiveScene();
		scene.frameBytes = 200_000;
		scene.gopMs = 1_000_000;
		scene.ask('live.m3u8');
		scene.run(30_000, () => scene.text());
		assert.ok(scene.parts.byteLength <= MAX_PART_RING_BYTES + 1024);
		scene.frameBytes = 400;
		scene.gopMs = 2000;
		scene.splice();
		scene.run(30_000, () => scene.text());
		assert.deepEqual(playlistViolations(scene.playlist()), []);
	});

	test('sound alone is packaged, too', () => {
		const feed = new RingFeed().open({ video: false });
		const parts = PartRingWriter.allocate(1024 ** 2);
		const source = new LiveSource(parts);
		const packaging = new LivePackaging({ ring: feed.ring, parts, policy: POLICY, moved: () => undefined });
		let text = '';
		for (let frame = 0; frame < 500; frame++) {
			feed.audio(Math.round(audioMs(frame)), { start: frame % 20 === 0 });
			source.ask({ kind: 'playlist' }, '', (answer) => {
				text = bytesOf(answer)?.toString() ?? '';
			})();
			packaging.advance();
		}
		const playlist = parseMediaPlaylist(text);
		assert.deepEqual(playlistViolations(playlist), []);
		assert.ok(playlist.segments.length >= 3 && playlist.segments.at(-1)!.parts.every(({ independent }) => independent));
		source.close();
	});
});
