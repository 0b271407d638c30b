import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BAR_CLIP } from '#src/tools/load/clip.js';
import { assertSameFrames, framesOfTags, tagsOfFile } from '../support/frames.js';
import { startNginxRtmp } from '../support/nginx.js';
import { patient } from '../support/patience.js';
import { ffmpegPush } from '../support/push.js';
import { playersWait, startServer, WAITING } from '../support/test-server.js';
import { missing } from '../support/tools.js';
import { watch } from '../support/watch.js';

const CLIP = fileURLToPath(BAR_CLIP);
/**
 * The clip has 690 frames. nginx loses those that come while its relay connects, the first keyframe too. A group of
 * pictures is gone, but not more.
 */
const RELAYED_FRAMES = 690 - 138;

test('nginx-rtmp pushes a stream to us and pulls it from us, and nothing gets lost on the way', {
	skip: missing('ffmpeg', 'nginx'),
	timeout: patient(60_000),
}, async (t) => {
	const server = await startServer(t, { config: WAITING });
	const origin = `rtmp://127.0.0.1:${server.ports.rtmp}/live`;
	const nginx = await startNginxRtmp(
		t,
		mkdtempSync(join(server.directory, 'nginx-')),
		`application in { live on; push ${origin}; } application out { live on; pull ${origin}; }`,
	);
	const pushed = watch(t, server.httpUrl('live/relay.flv'));
	const pulled = watch(t, `rtmp://127.0.0.1:${nginx}/out/relay`);
	// Ours, and the one by which nginx pulls.
	await playersWait(server, 'live/relay', 2);
	await ffmpegPush(t, CLIP, `rtmp://127.0.0.1:${nginx}/in/relay`).succeed();
	await pushed.end();

	const sent = framesOfTags(tagsOfFile(CLIP));
	for (const [name, { tags }] of Object.entries({ pushed, pulled })) {
		const received = framesOfTags(tags);
		assertSameFrames(received, sent, { extent: 'part' });
		const frames = received.video.length + received.audio.length;
		assert.ok(frames >= RELAYED_FRAMES, `${name}: ${frames} frames`);
	}
});
