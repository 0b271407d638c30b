import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ChunkReader } from '#src/protocol/rtmp/chunk-reader.js';
import { findDigest, HANDSHAKE_BYTES, PLAYER_KEYS } from '#src/protocol/rtmp/handshake-digest.js';
import { LiveStream } from '../support/live-stream.js';
import { RtmpThread } from '../support/rtmp-thread.js';
import { everySplit, lend } from '../support/splits.js';
import { until } from '../support/until.js';

/**
 * The bytes that real programs sent, handshake included: a clip of 0.8 s, H.264 with B-frames and AAC, or the wish to
 * play live/p.
 */
const PUBLISHERS = [
	{ file: 'ffmpeg-publish', name: 'ffmpeg', query: 'key=abc', audio: 20, video: 10, data: 1 },
	{ file: 'gst-rtmpsink-publish', name: 'rtmpsink', query: '', audio: 19, video: 10, data: 3 },
	{ file: 'gst-rtmp2sink-publish', name: 'rtmp2sink', query: '', audio: 19, video: 10, data: 3 },
	{ file: 'nginx-publish', name: 'nginx', query: '', audio: 16, video: 6, data: 1 },
] as const;
const PLAYERS = ['ffmpeg-play', 'rtmpdump-play', 'gst-rtmpsrc-play', 'gst-rtmp2src-play'] as const;

const AFTER_HANDSHAKE = 1 + 2 * HANDSHAKE_BYTES;

function capture(file: string): Buffer {
	return readFileSync(new URL(`../../../test/fixtures/rtmp/${file}.rtmp`, import.meta.url));
}

/** Behind the publish command, within the first data message. */
function beforeMedia(bytes: Buffer): number {
	const at = bytes.indexOf('@setDataFrame');
	return at < 0 ? bytes.indexOf('onMetaData') : at;
}

for (const { file, name, query, audio, video, data } of PUBLISHERS) {
	test(`what ${file} sent is published`, async (t) => {
		const thread = await RtmpThread.start(t);
		const socket = await thread.open(t);
		const bytes = capture(file);
		socket.resume().write(bytes.subarray(0, beforeMedia(bytes)));
		await until('it is granted', () => thread.requests.publications.length === 1);
		socket.end(bytes.subarray(beforeMedia(bytes)));
		const [publication] = thread.requests.publications;
		await until('it ends', () => publication?.closed != null);
		assert.equal(`${publication?.name.key}?${publication?.publisher.query}`, `live/${name}?${query}`);
		const bodies = (type: number): string[] =>
			publication!.pushes.filter(({ tagType }) => tagType === type).map(({ body }) => body);
		assert.deepEqual([bodies(8).length, bodies(9).length, bodies(18).length], [audio, video, data]);
		assert.ok(bodies(9)[0]?.startsWith('1700000000'), 'the first video tag is a sequence header');
		assert.ok(bodies(9)[1]?.startsWith('1701'), 'the second is a keyframe');
		assert.ok(bodies(8)[0]?.startsWith('af00'), 'the first audio tag is a sequence header');
		assert.ok(bodies(18)[0]?.startsWith('02000a6f6e4d65746144617461'), 'onMetaData');
	});

	test(`what ${file} sent is read the same, cut anywhere`, () => {
		const bytes = capture(file).subarray(AFTER_HANDSHAKE);
		const digests = new Set<string>();
		for (const pieces of everySplit(bytes)) {
			const digest = createHash('md5');
			const reader = new ChunkReader(1_000_000, (type, stream, timestampMs, body) => {
				digest.update(`${type} ${stream} ${timestampMs} ${body.length}`).update(body);
			});
			for (const piece of lend(pieces)) {
				reader.push(piece);
			}
			digests.add(digest.digest('hex'));
		}
		assert.equal(digests.size, 1);
	});
}

for (const file of PLAYERS) {
	test(`what ${file} sent makes it a subscriber`, async (t) => {
		const thread = await RtmpThread.start(t);
		const stream = new LiveStream({ name: 'p' });
		thread.announce(stream);
		stream.gop();
		const socket = await thread.open(t);
		let received = 0;
		socket.on('data', (chunk) => {
			received += chunk.length;
		});
		const bytes = capture(file);
		const goodbye = bytes.indexOf('deleteStream');
		socket.write(goodbye < 0 ? bytes : bytes.subarray(0, goodbye));
		await until('it is served', () => received > AFTER_HANDSHAKE + 10_000);
		assert.equal(thread.counters.stream(1, 'current:rtmp'), 1);
	});
}

test('the digest that ffmpeg put into its handshake is found', () => {
	for (const file of ['ffmpeg-publish', 'ffmpeg-play']) {
		const c1 = capture(file).subarray(1, 1 + HANDSHAKE_BYTES);
		assert.equal(findDigest(c1, PLAYER_KEYS)?.schema, 8);
	}
});
