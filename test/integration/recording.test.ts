import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { decodeAmf, membersOf } from '#src/tools/load/amf0.js';
import type { Tag } from '#src/tools/load/flv-scanner.js';
import { assertSameFrames, framesOfTags, tagsOfFile } from '../support/frames.js';
import { childrenOf } from '../support/processes.js';
import { CLIP, frames, publish } from '../support/publish.js';
import { ServerProcess as Server } from '../support/server-process.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { until } from '../support/until.js';
import { watch } from '../support/watch.js';

test('a recording holds what was published, frame by frame, and its length', async (t) => {
	const server = await startServer(t, { config: { play: { missing: 'wait' }, publish: { grace: '300ms' } } });
	for (const [protocol, url] of Object.entries({
		rtmp: server.rtmpUrl('live/rtmp'),
		http: server.httpUrl('live/http'),
	})) {
		const publisher = await publish(t, url);
		await watch(t, server.httpUrl(`live/${protocol}.flv`)).more(200);
		publisher.close();
		const file = recordingOf(server, protocol);
		await until('the recording is finished', () => existsSync(file) && durationOf(tagsOfFile(file)) > 0);
		const tags = tagsOfFile(file);
		const received = framesOfTags(tags);
		assertSameFrames(received, framesOfTags(CLIP.frames), { extent: 'part' });
		assert.equal(received.video[0]!.hash, framesOfTags(CLIP.frames).video[0]!.hash, 'from the first frame on');
		assert.equal(received.video[0]!.at[0], 0, 'at time 0');
		const lastMs = Math.max(...tags.map((tag) => tag.dtsMs));
		assert.ok(Math.abs(durationOf(tags) * 1000 - lastMs) < 100, `${durationOf(tags)} s for ${lastMs} ms`);
	}
});

test('SIGTERM ends viewers, publishers and recordings properly, and the server with 0', async (t) => {
	const server = await startPlain(t);
	const publisher = await publish(t, server.rtmpUrl('live/stopped'));
	const http = watch(t, server.httpUrl('live/stopped.flv'));
	const rtmp = watch(t, server.rtmpUrl('live/stopped'));
	await frames([http, rtmp], 150);
	server.signal('SIGTERM');
	assert.equal(await server.exit(), 0, server.output);
	assert.doesNotMatch(server.output, /did not end within the deadline/);
	await Promise.all([http.end(), rtmp.end()]);
	await until('the publisher is told', () => publisher.failures.length === 1);
	const tags = tagsOfFile(recordingOf(server, 'stopped'));
	assert.ok(durationOf(tags) > 1, 'the recording is finished');
	assertSameFrames(framesOfTags(tags), framesOfTags(CLIP.frames), { extent: 'part' });
	await server.stop();
});

test('a recording that a crash cut short is finished by the process that comes after', async (t) => {
	const server = await startServer(t, { config: { play: { missing: 'wait' } } });
	await publish(t, server.rtmpUrl('live/cut'));
	await watch(t, server.httpUrl('live/cut.flv')).more(200);
	process.kill(childrenOf(server.pid)[0]!, 'SIGKILL');
	const file = recordingOf(server, 'cut');
	await until('the recording is recovered', () => existsSync(file) && durationOf(tagsOfFile(file)) > 0);
	assertSameFrames(framesOfTags(tagsOfFile(file)), framesOfTags(CLIP.frames), { extent: 'part' });
});

async function startPlain(t: TestContext): Promise<ServerProcess> {
	const threads = { ingest: 1, delivery: 1, remux: 1 };
	const server = await Server.start({ config: { threads, play: { missing: 'wait' } } });
	t.after(() => server.stop());
	return server;
}

function recordingOf(server: ServerProcess, name: string): string {
	return join(server.media, 'flv', 'live', name, 'index.flv');
}

/** `duration` of onMetaData in seconds; 0 when there is none yet. */
function durationOf(tags: readonly Tag[]): number {
	// Like a player: what stands behind the metadata is the recorder's room for a seek index, which it may be writing just now.
	const [, metadata] = decodeAmf(tags[0]?.body ?? Buffer.alloc(0), 2);
	const { duration } = membersOf(metadata);
	return typeof duration === 'number' ? duration : 0;
}
