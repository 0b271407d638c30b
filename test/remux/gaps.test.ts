import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { PlaylistChecker } from '#src/protocol/m3u8/playlist-rules.js';
import { LiveScene } from '../support/live-scene.js';

function started(): LiveScene {
	const scene = new LiveScene();
	scene.ask('live.m3u8');
	return scene.run(10_000);
}

describe('a track that stops while the other goes on', () => {
	for (const kind of ['audio', 'video'] as const) {
		test(`${kind}, for 20 s: no segment and no part gets too long, and none is missing`, () => {
			const scene = started();
			const checker = new PlaylistChecker();
			scene.silent.add(kind);
			const look = (): void => {
				checker.see(scene.text());
			};
			scene.run(20_000, look);
			const { segments, partTarget } = parseMediaPlaylist(scene.text());
			const parts = segments.at(-1)!.parts.map(({ duration }) => duration);
			assert.ok(parts.length >= 6 && Math.max(...parts) <= partTarget!, parts.join());
			scene.silent.delete(kind);
			scene.run(10_000, look);
			assert.deepEqual(checker.violations, []);
		});
	}

	test('pictures that stop for less than a second at the end of a segment do not make it too long', () => {
		for (let gapMs = 100; gapMs < 1000; gapMs += 60) {
			const scene = started();
			const { targetDuration } = scene.playlist();
			scene.gopMs = 100_000; // the segments end where they must not be any longer
			scene.run(3000);
			for (let pause = 0; pause < 10; pause++) {
				scene.silent.add('video');
				scene.run(gapMs).silent.delete('video');
				scene.run(1300);
			}
			const tooLong = scene.playlist().segments.filter(({ duration }) => Math.round(duration) > targetDuration);
			assert.deepEqual(tooLong, [], `${gapMs} ms`);
		}
	});
});
