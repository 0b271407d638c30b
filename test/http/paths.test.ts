import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseMediaPath, parseStreamPath, viewProtocol } from '#src/http/paths.js';

describe('paths of streams and recordings', () => {
	for (const [path, folder, rest, protocol] of [
		['/hls/live/cam/index.m3u8', 'hls', 'index.m3u8', 'hls'],
		['/hls/live/cam.m3u8', 'hls', '', 'hls'],
		['/hls/live/cam/live.mpd', 'hls', 'live.mpd', 'dash'],
		['/hls/live/cam/segment_1.ts', 'hls', 'segment_1.ts', 'hls'],
		['/mp4/live/cam/output_merge/index.m3u8', 'mp4', 'output_merge/index.m3u8', 'hls'],
		['/mp4/live/cam/output_separate/manifest.mpd', 'mp4', 'output_separate/manifest.mpd', 'dash'],
		['/mp4/live/cam/clip.mp4', 'mp4', 'clip.mp4', 'file'],
		['/flv/live/cam/index.flv', 'flv', 'index.flv', 'file'],
		['/flv/live/cam/', 'flv', '', 'file'],
	] as const) {
		it(`${path} is ${protocol} of live/cam`, () => {
			const media = parseMediaPath(path);
			assert.deepEqual(media, { folder, app: 'live', name: 'cam', rest });
			assert.equal(viewProtocol(media!), protocol);
		});
	}

	it('other paths are of no stream', () => {
		for (const path of [
			'/',
			'/hls',
			'/hls/live',
			'/hls/live/cam',
			'/play.html',
			'/hls/li ve/cam/x',
			'/xml/live/cam/x',
		]) {
			assert.equal(parseMediaPath(path), null, path);
		}
	});

	it('a path of two segments is a stream, with or without .flv', () => {
		assert.deepEqual(parseStreamPath('/live/cam.flv'), { app: 'live', name: 'cam', flv: true });
		assert.deepEqual(parseStreamPath('/live/cam'), { app: 'live', name: 'cam', flv: false });
		assert.equal(parseStreamPath('/live/cam/x'), null);
	});

	it('never names anything but plain names', () => {
		fc.assert(
			fc.property(fc.string(), fc.string(), (left, right) => {
				const media = parseMediaPath(`/hls/${left}/${right}/x`);
				assert.ok(media === null || /^[\w-]+$/.test(media.app + media.name));
			}),
		);
	});
});
