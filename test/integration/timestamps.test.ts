import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tag } from '#src/tools/load/flv-scanner.js';
import { shifted } from '../support/clips.js';
import { framesOfTags } from '../support/frames.js';
import { CLIP, frames, publish, viewersOf } from '../support/publish.js';
import { startServer } from '../support/test-server.js';

const WRAP = 2 ** 32;
/** The source starts here on a 32-bit millisecond clock: its 24-bit, 31-bit and 32-bit wraps follow 1.2 s later. */
const STARTS = [2 ** 24 - 1200, 2 ** 31 - 1200, 2 ** 32 - 1200];
const FRAMES_SEEN = 200;

for (const jitter of ['full', 'zero', 'off'] as const) {
	test(`time goes on over every wrap with publish.jitter ${jitter}`, { concurrency: true }, async (t) => {
		const server = await startServer(t, { config: { play: { missing: 'wait' }, publish: { jitter } } });
		await Promise.all(
			STARTS.flatMap((startMs) =>
				(['rtmp', 'http', 'ws'] as const).map((protocol) =>
					t.test(`a source by ${protocol} that starts at ${startMs} ms`, async (t) => {
						const stream = `live/wrap-${startMs}-${protocol}`;
						const urls = { rtmp: server.rtmpUrl(stream), http: server.httpUrl(stream), ws: server.wsUrl(stream) };
						await publish(t, urls[protocol], shifted(CLIP, startMs));
						const watchers = viewersOf(t, server, stream);
						await frames(watchers, FRAMES_SEEN);
						for (const watcher of watchers) {
							assert.equal(watcher.failure, null);
							assertSameSteps(watcher.tags);
						}
						if (jitter !== 'off') {
							assert.ok(
								watchers[0]!.tags.every((tag) => tag.dtsMs < 60_000),
								'the timeline starts at 0',
							);
						}
					}),
				),
			),
		);
	});
}

/** Frames follow each other in the distances of the clip, on a clock of 32 bits. */
function assertSameSteps(tags: readonly Tag[]): void {
	const sent = framesOfTags(CLIP.frames);
	const received = framesOfTags(tags);
	for (const track of ['video', 'audio'] as const) {
		const first = sent[track].findIndex((frame) => frame.hash === received[track][0]?.hash);
		assert.notEqual(first, -1, `the first ${track} frame was never sent`);
		const expected = sent[track].slice(first, first + received[track].length);
		assert.deepEqual(
			received[track].slice(0, expected.length).map((frame) => frame.hash),
			expected.map((frame) => frame.hash),
			`${track} frames`,
		);
		const shifts = expected.map((frame, index) => (received[track][index]!.at[0]! - frame.at[0]! + 2 * WRAP) % WRAP);
		assert.equal(new Set(shifts).size, 1, `${track} times are shifted by ${[...new Set(shifts)].join(', ')} ms`);
	}
}
