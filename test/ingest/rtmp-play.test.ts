import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageType } from '#src/protocol/rtmp/message.js';
import { LiveStream, standardHeaders } from '../support/live-stream.js';
import { Received, RtmpThread } from '../support/rtmp-thread.js';
import { until } from '../support/until.js';

const { audio, video, dataAmf0 } = MessageType;

/** A thread with the stream live/test and its first group of pictures (20 frames). */
async function withStream(t: Parameters<typeof RtmpThread.start>[0], overrides: Record<string, unknown> = {}) {
	const thread = await RtmpThread.start(t, overrides);
	const stream = new LiveStream();
	thread.announce(stream);
	stream.gop();
	return { thread, stream };
}

test('a player gets metadata, sequence headers and the group of pictures, then what is live', async (t) => {
	const { thread, stream } = await withStream(t);
	const client = await thread.connect(t);
	const got = new Received();
	await client.play('test', got.take);
	stream.gop();
	await until('both groups arrive', () => got.serials.length === 40);
	assert.deepEqual(
		got.serials,
		Array.from({ length: 40 }, (_, index) => index + 1),
	);
	assert.deepEqual(got.dataNames, ['|RtmpSampleAccess', 'onMetaData']);
	const [, metadata, ...rest] = got.messages;
	assert.deepEqual(
		[metadata, ...rest.slice(0, 4)].map((message) => [message?.type, message?.timestampMs]),
		[
			[dataAmf0, 0],
			[video, 1000],
			[audio, 1000],
			[video, 1000],
			[audio, 1040],
		],
	);
	assert.equal(rest.at(-1)?.timestampMs, 1000 + 20 * 40);
	assert.equal(thread.counters.stream(1, 'current:rtmp'), 1);
	assert.ok(thread.counters.stream(1, 'bytesOut:rtmp') > 40 * 100);
});

test('times beyond 24 and beyond 32 bits arrive modulo 2^32, in chunks of any size', async (t) => {
	for (const chunkSize of [128, 60_000]) {
		const thread = await RtmpThread.start(t, { rtmp: { chunkSize } });
		const stream = new LiveStream();
		thread.announce(stream);
		stream.dtsMs = 0xffffff - 40;
		stream.gop(4, 5000);
		stream.dtsMs = 2 ** 32 - 80;
		stream.video(false, 5000);
		stream.video(false, 5000);
		stream.video(false, 5000);
		const got = new Received();
		await (await thread.connect(t)).play('test', got.take);
		await until('all frames arrive', () => got.serials.length === 11);
		const frames = got.messages.filter(({ type, body }) => type === video && body[1] === 1);
		assert.deepEqual(
			frames.map(({ timestampMs }) => timestampMs),
			[0xffffd7, 0xffffff, 0x1000027, 0x100004f, 2 ** 32 - 80, 2 ** 32 - 40, 0],
		);
		assert.deepEqual(got.serials, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
	}
});

test('a stream that is not live is not found', async (t) => {
	const thread = await RtmpThread.start(t);
	const client = await thread.connect(t);
	await assert.rejects(
		() => client.play('test', () => undefined),
		/NetStream.Play.StreamNotFound live\/test is not live/,
	);
	await client.closed;
	assert.equal(thread.counters.closed('STREAM_NOT_FOUND'), 1);
	const other = await thread.connect(t);
	await assert.rejects(() => other.play('../test', () => undefined), { code: 'STREAM_NOT_FOUND' });
});

test('with play.missing wait, a player waits for the stream, and not for ever', async (t) => {
	const thread = await RtmpThread.start(t, {
		play: { missing: 'wait' },
		apps: { hasty: { play: { waitTimeout: '50ms' } } },
	});
	const got = new Received();
	const playing = (await thread.connect(t)).play('test?token=1', got.take);
	const leaving = await thread.connect(t);
	const left = assert.rejects(leaving.play('test', () => undefined));
	leaving.close();
	await left;
	const hasty = await thread.connect(t, 'hasty');
	await assert.rejects(() => hasty.play('test', () => undefined), { code: 'STREAM_NOT_FOUND' });
	const stream = new LiveStream({ ready: false });
	thread.announce(stream);
	await playing;
	stream.makeReady();
	stream.gop();
	await until('the frames arrive', () => got.serials.length === 20);
	assert.equal(thread.counters.stream(1, 'current:rtmp'), 1);
});

test('a player is told when the stream ends, and closed', async (t) => {
	const { thread, stream } = await withStream(t);
	const statuses: string[] = [];
	const client = await thread.connect(t, 'live', { onStatus: (code) => statuses.push(code) });
	const got = new Received();
	await client.play('test', got.take);
	await until('the first group arrives', () => got.serials.length === 20);
	thread.directory.apply({ type: 'stream-publisher', streamId: stream.info.streamId, present: false });
	thread.directory.apply({ type: 'stream-publisher', streamId: stream.info.streamId, present: true });
	stream.video(true);
	thread.endStream(stream);
	await client.closed;
	assert.deepEqual(statuses, [
		'NetStream.Play.Reset',
		'NetStream.Play.PublishNotify',
		'NetStream.Play.UnpublishNotify',
	]);
	assert.equal(got.serials.length, 21);
	assert.equal(thread.counters.closed('STREAM_ENDED'), 1);
	assert.equal(thread.counters.stream(1, 'current:rtmp'), 0);
});

test('pause holds the stream, and going on starts at the newest keyframe', async (t) => {
	const { thread, stream } = await withStream(t);
	const statuses: string[] = [];
	const client = await thread.connect(t, 'live', { onStatus: (code) => statuses.push(code) });
	const got = new Received();
	await client.play('test', got.take);
	client.sendCommand('pause', true, 0);
	await until('the pause is answered', () => statuses.includes('NetStream.Pause.Notify'));
	const before = got.serials.length;
	stream.gop();
	const newest = stream.serial + 1;
	stream.gop();
	client.sendCommand('seek', 5000);
	await until('the seek is answered', () => statuses.includes('NetStream.Seek.Notify'));
	assert.equal(got.serials.length, before);
	client.sendCommand('pause', false, 0);
	await until('the newest group arrives', () => got.serials.length === before + 20);
	assert.equal(got.serials[before], newest);
	assert.ok(statuses.includes('NetStream.Unpause.Notify'));
});

test('receiveAudio and receiveVideo leave a track out and take it in again', async (t) => {
	const { thread, stream } = await withStream(t);
	const client = await thread.connect(t);
	const got = new Received();
	await client.play('test', got.take);
	await until('the first group arrives', () => got.serials.length === 20);
	client.sendCommand('receiveVideo', false);
	await client.call('getStreamLength', 'test');
	const before = got.messages.length;
	stream.gop();
	await until('audio arrives', () => got.messages.length >= before + 10);
	assert.ok(got.messages.slice(before).every(({ type }) => type === audio));
	client.sendCommand('receiveVideo', true);
	await until('video is back', () => got.messages.slice(before).some(({ type }) => type === video));
});

test('several streams can be published and played on one connection', async (t) => {
	const { thread, stream } = await withStream(t);
	const client = await thread.connect(t);
	await client.publish('mine');
	const got = new Received();
	await client.play('test', got.take);
	await until('the first group arrives', () => got.serials.length === 20);
	thread.endStream(stream);
	assert.deepEqual(await client.call('getStreamLength', 'mine'), [0]);
	assert.equal(thread.requests.publications[0]?.closed, null);
	client.close();
	await until('the publication ends', () => thread.requests.publications[0]?.closed !== null);
});

test('new sequence headers reach players of other chunk sizes and of the same', async (t) => {
	const { thread, stream } = await withStream(t);
	const got = [new Received(), new Received()];
	for (const one of got) {
		await (await thread.connect(t)).play('test', one.take);
	}
	stream.changeHeaders(standardHeaders(true, true));
	stream.gop();
	await until('all frames arrive', () => got.every(({ serials }) => serials.length === 40));
	for (const { messages } of got) {
		assert.equal(messages.filter(({ type, body }) => type === video && body[1] === 0).length, 2);
	}
});

test('a player that does not read is closed after play.maxLag, and costs no memory until then', async (t) => {
	const { thread, stream } = await withStream(t, { play: { maxLag: '300ms' } });
	const client = await thread.connect(t);
	await client.play('test', () => undefined);
	client.socket.pause();
	while (thread.counters.closed('SUBSCRIBER_LAGGING') === 0) {
		stream.gop(5, 20_000);
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
	assert.equal(thread.counters.stream(1, 'lagClosed'), 1);
	await until('the connection is gone', () => thread.counters.get('currentConnections') === 0);
});
