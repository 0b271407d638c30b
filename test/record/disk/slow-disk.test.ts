import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createReadStream, mkdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { PlaylistChecker } from '#src/protocol/m3u8/playlist-rules.js';
import { advanceAll, recordEverything } from '../../support/all-outputs.js';
import { ClipFeed } from '../../support/clip-feed.js';
import { readFlvFile } from '../../support/flv-file.js';
import { patient } from '../../support/patience.js';
import { CLIP } from '../../support/publish.js';

const HLS = { segment: '1900ms', maxSegment: '4s' };
/** The ring holds less. */
const STALL_MS = 60_000;
const STEP_MS = 1000;

test('a disk that stalls costs its output the frames up to a keyframe, behind a discontinuity, and the others nothing', {
	timeout: patient(60_000),
}, async (t) => {
	const root = await mkdtemp(path.join(tmpdir(), 'millrace-slow-'));
	t.after(() => rm(root, { recursive: true }));
	const feed = new ClipFeed(CLIP);
	const outputs = recordEverything(feed.ring, root, 'a', { hls: HLS });
	const slow = outputs.find(({ output }) => output === 'hls')!;
	const others = outputs.filter((output) => output !== slow);
	const play = (ms: number): void => feed.play(feed.nextMs + ms);
	const checker = new PlaylistChecker();
	const look = () => checker.see(readFileSync(path.join(slow.directory, 'index.m3u8'), 'utf8'));
	// Nobody reads the pipe: whoever opens it to write waits.
	mkdirSync(slow.directory, { recursive: true });
	const pipe = path.join(slow.directory, 'segment_2.ts.tmp');
	play(2500);
	await advanceAll(outputs);
	execFileSync('mkfifo', [pipe]);
	look();
	play(2500);
	const stalled = slow.recorder.advance();
	for (let ms = 0; ms < STALL_MS; ms += STEP_MS) {
		await advanceAll(others);
		play(STEP_MS);
	}
	createReadStream(pipe).resume();
	assert.equal(await stalled, false);
	for (let step = 0; step < 10; step++) {
		await advanceAll(outputs);
		look();
		play(STEP_MS);
	}
	assert.deepEqual(checker.violations, []);
	assert.deepEqual([slow.figures.get('skips'), slow.figures.get('failures')], [1, 0]);
	assert.equal(slow.events.at(-1)?.message, 'HLS is too slow and skips to a keyframe');
	const { segments } = look();
	assert.equal(segments.filter(({ discontinuity }) => discontinuity).length, 1);
	for (const { figures, events } of others) {
		assert.equal(figures.get('skips'), 0);
		assert.deepEqual(
			events.filter(({ level }) => level !== 'info'),
			[],
		);
	}
	feed.end();
	assert.equal(await advanceAll(outputs), true);
	const flv = readFlvFile(path.join(root, 'flv', 'live', 'a', 'index.flv'));
	assert.ok(Number(flv.metadata['duration']) > STALL_MS / 1000);
});
