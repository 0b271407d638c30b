import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeyframe, isSequenceHeader, type Tag, TagType } from '#src/tools/load/flv-scanner.js';
import { withOtherVideoHeader } from '../support/clips.js';
import { slowed } from '../support/patience.js';
import { CLIP, frames, publish, viewersOf } from '../support/publish.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { sleep, until } from '../support/until.js';
import type { Watcher } from '../support/watch.js';

/** Viewers may come before the first frame of a stream. */
const PLAY = { missing: 'wait', waitTimeout: `${slowed(3000)}ms` };
const OUTAGE_MS = 700;
/** A splice may cost the rest of a GOP, never more than the outage and the wait for the next keyframe. */
const MAX_JUMP_MS = 4000;

const CONTINUOUS = 'a publisher that is killed and comes back leaves its viewers with one continuous stream';
test(CONTINUOUS, { concurrency: true }, async (t) => {
	const server = await startServer(t, { config: { play: PLAY, publish: { grace: `${slowed(10_000)}ms` } } });
	const cases = (['rtmp', 'http'] as const).map((protocol) =>
		t.test(`published by ${protocol}`, async (t) => {
			const stream = `live/reconnect-${protocol}`;
			const first = await publish(t, publishUrl(server, protocol, stream));
			const watchers = viewersOf(t, server, stream);
			await frames(watchers, 150);
			first.close();
			await sleep(OUTAGE_MS);
			const second = await publish(t, publishUrl(server, protocol, stream));
			await frames(watchers, 150);
			for (const watcher of watchers) {
				assertContinuous(watcher);
				assert.equal(headersOf(watcher, TagType.video).length, 1, 'an unchanged sequence header is sent once');
				assert.equal(headersOf(watcher, TagType.audio).length, 1, 'an unchanged sequence header is sent once');
			}

			second.close();
			await publish(t, publishUrl(server, protocol, stream), withOtherVideoHeader(CLIP));
			await frames(watchers, 150);
			for (const watcher of watchers) {
				assertContinuous(watcher);
				assert.equal(headersOf(watcher, TagType.video).length, 2, 'a changed sequence header is sent');
				assert.equal(headersOf(watcher, TagType.audio).length, 1, 'an unchanged sequence header is sent once');
			}
		}),
	);
	await Promise.all(cases);
});

test('a second publisher takes a live stream over, and viewers do not notice', async (t) => {
	const server = await startServer(t, { config: { play: PLAY, publish: { conflict: 'takeover' } } });
	const first = await publish(t, server.rtmpUrl('live/takeover'));
	const watchers = viewersOf(t, server, 'live/takeover');
	await frames(watchers, 100);
	const second = await publish(t, server.httpUrl('live/takeover'));
	await until('the first publisher is sent away', () => first.failures.length === 1);
	await frames(watchers, 100);
	await publish(t, server.wsUrl('live/takeover'));
	await until('the second publisher is sent away', () => second.failures.length === 1);
	await frames(watchers, 100);
	for (const watcher of watchers) {
		assertContinuous(watcher);
		assert.equal(headersOf(watcher, TagType.video).length, 1);
	}
});

test('with publish.conflict reject a second publisher is refused by name and the first goes on', async (t) => {
	const server = await startServer(t, { config: { play: PLAY, publish: { conflict: 'reject' } } });
	const first = await publish(t, server.rtmpUrl('live/held'));
	const watchers = viewersOf(t, server, 'live/held');
	await frames(watchers, 20);
	await assert.rejects(publish(t, server.rtmpUrl('live/held')), /NetStream\.Publish\.BadName/);
	const post = await fetch(server.httpUrl('live/held'), {
		method: 'POST',
		body: Buffer.from('464c56010500000009', 'hex'),
	});
	assert.equal(post.status, 409);
	await assert.rejects(publish(t, server.wsUrl('live/held')));
	await frames(watchers, 100);
	assert.deepEqual(first.failures, []);
	for (const watcher of watchers) {
		assertContinuous(watcher);
	}
});

test('with publish.conflict takeover-if-stale a silent publisher loses its stream, a live one keeps it', async (t) => {
	const config = { play: PLAY, publish: { conflict: 'takeover-if-stale', staleAfter: `${slowed(4000)}ms` } };
	const server = await startServer(t, { config });
	const silent = await publish(t, server.rtmpUrl('live/stale'));
	const watchers = viewersOf(t, server, 'live/stale');
	await frames(watchers, 50);
	await assert.rejects(publish(t, server.rtmpUrl('live/stale')), /BadName/);
	silent.pause();
	await until('the stream is stale and taken over', () =>
		publish(t, server.rtmpUrl('live/stale')).then(
			() => true,
			() => false,
		),
	);
	await until('the silent publisher is sent away', () => silent.failures.length === 1);
	await frames(watchers, 100);
	for (const watcher of watchers) {
		assertContinuous(watcher);
	}
});

test('viewers are told the end when the grace is over', async (t) => {
	const server = await startServer(t, { config: { play: PLAY, publish: { grace: '300ms' } } });
	const publisher = await publish(t, server.rtmpUrl('live/ending'));
	const watchers = viewersOf(t, server, 'live/ending');
	await frames(watchers, 30);
	publisher.close();
	await Promise.all(watchers.map((watcher) => watcher.end()));
	const response = await fetch(server.httpUrl('live/ending.flv'));
	assert.equal(response.status, 404);
});

function publishUrl(server: ServerProcess, protocol: 'rtmp' | 'http', stream: string): string {
	return protocol === 'rtmp' ? server.rtmpUrl(stream) : server.httpUrl(stream);
}

function headersOf(watcher: Watcher, type: number): Tag[] {
	return watcher.tags.filter((tag) => tag.type === type && isSequenceHeader(tag));
}

/** Still connected (a second FLV header would have ended it), time never steps back on any track, and never jumps far. */
function assertContinuous(watcher: Watcher): void {
	const { protocol } = watcher.viewer.options.url;
	assert.equal(watcher.failure, null, `the ${protocol} viewer is still connected`);
	assert.equal(watcher.viewer.check.faults.backwardSteps, 0, `time goes forward for the ${protocol} viewer`);
	assert.equal(watcher.viewer.check.faults.undecodable, 0, `every frame for the ${protocol} viewer can be decoded`);
	const video = watcher.tags.filter((tag) => tag.type === TagType.video && !isSequenceHeader(tag));
	assert.ok(isKeyframe(video[0]!), 'the first video frame is a keyframe');
	for (const [index, tag] of video.entries()) {
		const step = tag.dtsMs - (video[index - 1]?.dtsMs ?? tag.dtsMs);
		assert.ok(step <= slowed(MAX_JUMP_MS), `a jump of ${step} ms`);
		if (step > 100) {
			assert.ok(isKeyframe(tag), 'after a gap comes a keyframe');
		}
	}
}
