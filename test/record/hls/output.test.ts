import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { DiskGauge } from '#src/record/disk/disk-gauge.js';
import { hlsOutput } from '#src/record/hls/output.js';
import type { RecorderEvent } from '#src/record/output.js';
import { RecorderFigures } from '#src/record/recorder-figures.js';
import { RecordFlag, RecordKind } from '#src/ring/layout.js';
import { streamName } from '#src/stream-name.js';
import { av1C } from '../../codec/vectors.js';
import { testConfig } from '../../support/config.js';
import { AAC_HEADER, RingFeed } from '../../support/ring-feed.js';

const KEYFRAME = Buffer.from('17010000000000000465000102', 'hex');
const INTER = Buffer.from('27010000000000000441000102', 'hex');
/** A keyframe and a sequence header of AV1 (Enhanced RTMP). */
const AV1_HEADER = Buffer.concat([Buffer.from('9061763031', 'hex'), av1C]);
const AV1_KEYFRAME = Buffer.from('9161763031320210aa', 'hex');

describe('HLS of a stream', () => {
	let root: string;
	let directory: string;
	beforeEach(async () => {
		root = await mkdtemp(path.join(tmpdir(), 'millrace-hls-'));
		directory = path.join(root, 'live', 'a');
	});
	afterEach(() => rm(root, { recursive: true }));

	const read = async () => parseMediaPlaylist(await readFile(path.join(directory, 'index.m3u8'), 'utf8'));

	function record(feed: RingFeed) {
		const figures = new RecorderFigures();
		const disk = new DiskGauge();
		const events: RecorderEvent[] = [];
		const recorder = hlsOutput.makeRecorder({
			...{ ring: feed.ring, name: streamName('live', 'a'), directory, config: testConfig(), figures, disk },
			report: (event) => events.push(event),
			takeBegan: () => undefined,
			takeEnded: () => undefined,
		});
		return { recorder, figures, disk, messages: () => events.map(({ message }) => message), events };
	}

	/** Keyframes every 2 s and frames every 200 ms. */
	function play(feed: RingFeed, fromMs: number, toMs: number): RingFeed {
		for (let dtsMs = fromMs; dtsMs < toMs; dtsMs += 200) {
			const keyframe = dtsMs % 2000 === 0;
			feed.writer.write(RecordKind.video, keyframe ? RecordFlag.keyframe : 0, 0, dtsMs, keyframe ? KEYFRAME : INTER);
			feed.audio(dtsMs + 20);
		}
		return feed;
	}

	it('ends with the stream', async () => {
		const feed = play(new RingFeed().open(), 0, 10_000);
		const { recorder, figures, events } = record(feed);
		assert.equal(await recorder.advance(), false);
		assert.equal((await read()).segments.length, 2);
		assert.equal(figures.get('active'), 1);
		play(feed, 10_000, 14_000).end(14_000);
		assert.equal(await recorder.advance(), true);
		const { segments, ended } = await read();
		assert.deepEqual([segments.map(({ duration }) => Math.round(duration)), ended], [[4, 4, 4, 2], true]);
		assert.deepEqual(events.at(-1), {
			level: 'info',
			message: 'HLS is finished',
			fields: { segments: 4, durationMs: 14_000 },
		});
	});

	it('stays open when the server stops, and goes on behind a discontinuity', async () => {
		const feed = play(new RingFeed().open(), 0, 10_000);
		const first = record(feed).recorder;
		await first.advance();
		first.serverStops?.();
		feed.end(10_000);
		assert.equal(await first.advance(), true);
		assert.deepEqual([(await read()).segments.length, (await read()).ended], [3, false]);
		const second = record(play(new RingFeed().open(), 0, 10_000)).recorder;
		await second.advance();
		const { segments, mediaSequence } = await read();
		assert.equal(mediaSequence, 1);
		assert.deepEqual(
			segments.map(({ discontinuity }) => discontinuity),
			[false, false, false, true, false],
		);
		assert.deepEqual(await hlsOutput.recover?.(directory), { segments: 5, durationMs: 18_000 });
	});

	it('is tried again when the disk fails, and is whole then', async () => {
		await writeFile(path.join(root, 'live'), 'in the way');
		const feed = play(new RingFeed().open(), 0, 10_000);
		const { recorder, figures, messages } = record(feed);
		assert.equal(await recorder.advance(), false);
		assert.deepEqual(messages(), ['HLS failed and will be tried again']);
		assert.deepEqual([figures.get('failures'), figures.get('active')], [1, 0]);
		await rm(path.join(root, 'live'));
		for (let step = 0; step <= 10; step++) {
			assert.equal(await recorder.advance(), false);
		}
		play(feed, 10_000, 20_000);
		await recorder.advance();
		assert.equal((await read()).mediaSequence, 1);
		assert.deepEqual(messages().slice(1), ['HLS begins']);
	});

	it('ends when the disk is nearly full, and goes on with its numbers when there is room', async () => {
		const feed = play(new RingFeed().open(), 0, 10_000);
		const { recorder, disk, messages } = record(feed);
		await recorder.advance();
		disk.minFreeBytes = Number.POSITIVE_INFINITY;
		new Float64Array(disk.shared)[0] = 0;
		await recorder.advance();
		assert.equal((await read()).ended, true);
		assert.equal(messages().at(-1), 'HLS stops: less disk is free than record.minFree');
		disk.minFreeBytes = 0;
		new Float64Array(disk.shared)[0] = 1e12;
		await recorder.advance();
		play(feed, 10_000, 20_000);
		await recorder.advance();
		const { mediaSequence, discontinuitySequence, ended } = await read();
		assert.deepEqual([mediaSequence, discontinuitySequence, ended], [4, 1, false]);
	});

	it('does without a stream whose video MPEG-TS cannot carry, and says so once', async () => {
		const feed = new RingFeed().open({ video: false });
		feed.writer.setHeaders([
			{ kind: RecordKind.videoHeader, trackId: 0, body: AV1_HEADER },
			{ kind: RecordKind.audioHeader, trackId: 0, body: AAC_HEADER },
		]);
		for (let dtsMs = 0; dtsMs < 10_000; dtsMs += 500) {
			feed.writer.write(RecordKind.video, RecordFlag.keyframe, 0, dtsMs, AV1_KEYFRAME);
			feed.audio(dtsMs + 20);
		}
		const { recorder, events } = record(feed.end(10_000));
		assert.equal(await recorder.advance(), true);
		const warnings = events.filter(({ level }) => level === 'warn');
		assert.deepEqual(
			warnings.map(({ message, fields }) => [message, fields['codec']]),
			[['no HLS: MPEG-TS cannot carry the codec', 'av1']],
		);
		assert.deepEqual(await readdir(root), []);
	});

	it('does not make a directory before there is something to put into it', async () => {
		const { recorder } = record(play(new RingFeed().open(), 0, 2000));
		await recorder.advance();
		assert.deepEqual(await readdir(root), []);
		await mkdir(directory, { recursive: true });
		recorder.stop();
		assert.equal(await recorder.advance(), true);
		assert.equal((await read()).segments.length, 1);
	});
});
