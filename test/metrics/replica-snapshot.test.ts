import assert from 'node:assert/strict';
import { it } from 'node:test';
import { mergeViews } from '#src/metrics/merge-streams.js';
import { replicaSnapshot } from '#src/metrics/replica-snapshot.js';
import { fakeSnapshot, fakeStream } from '../support/snapshot.js';

it('a process that relays adds its viewers and nothing else', () => {
	const { streams, totals, pulls } = replicaSnapshot(fakeSnapshot([fakeStream('one', 100)]));
	const merged = mergeViews(fakeStream('one', 200), streams[0]!);
	const alone = fakeStream('one', 200);
	assert.deepEqual(
		{ ...merged.counts, bytesOut: null, skips: null, lagClosed: null },
		{ ...alone.counts, bytesOut: null, skips: null, lagClosed: null },
	);
	assert.deepEqual(merged.subscribers, { rtmp: 302, 'http-flv': 304, 'ws-flv': 306 });
	assert.deepEqual(merged.counts.bytesOut, { rtmp: 326, 'http-flv': 328, 'ws-flv': 330 });
	assert.deepEqual([merged.counts.skips, merged.counts.lagClosed], [322, 324]);
	assert.deepEqual(merged.publisher, alone.publisher);
	assert.equal(merged.bitsPerSecond, alone.bitsPerSecond);

	assert.equal(streams[0]!.publisher, null);
	assert.deepEqual([totals.streamsStarted, totals.counts.bytesIn, totals.counts.videoFrames], [0, 0, 0]);
	assert.deepEqual(totals.subscribers, { rtmp: 34, 'http-flv': 35, 'ws-flv': 36 });
	assert.equal(totals.sessionsAccepted, 32);
	assert.deepEqual(pulls, { active: 0, upstreams: {} });
});
