import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { TagType } from '#src/container/flv/tag.js';
import { DiskGauge } from '#src/record/disk/disk-gauge.js';
import { MAX_SEEK_POINTS } from '#src/record/flv/keyframe-index.js';
import { flvOutput } from '#src/record/flv/output.js';
import type { Recorder, RecorderEvent } from '#src/record/output.js';
import { RecorderFigures } from '#src/record/recorder-figures.js';
import { streamName } from '#src/stream-name.js';
import { testConfig } from '../../support/config.js';
import { readFlvFile } from '../../support/flv-file.js';
import { AAC_HEADER, AVC_HEADER, RingFeed } from '../../support/ring-feed.js';

describe('FLV recorder', () => {
	let root: string;
	let directory: string;
	let newest: string;
	beforeEach(async () => {
		root = await mkdtemp(path.join(tmpdir(), 'millrace-record-'));
		directory = path.join(root, 'flv', 'live', 'a');
		newest = path.join(directory, 'index.flv');
	});
	const open: Recorder[] = [];
	afterEach(async () => {
		for (const recorder of open.splice(0)) {
			recorder.stop();
			await recorder.advance();
		}
		await rm(root, { recursive: true });
	});

	function record(feed: RingFeed) {
		const figures = new RecorderFigures();
		const disk = new DiskGauge();
		const events: RecorderEvent[] = [];
		const report = (event: RecorderEvent): void => void events.push(event);
		const recorder = flvOutput.makeRecorder({
			...{ ring: feed.ring, name: streamName('live', 'a'), directory, config: testConfig(), figures, disk, report },
			takeBegan: () => undefined,
			takeEnded: () => undefined,
		});
		open.push(recorder);
		return { recorder, figures, disk, events, messages: () => events.map(({ message }) => message) };
	}

	it('records from the first keyframe with metadata and sequence headers, at times from 0', async () => {
		const feed = new RingFeed().open({}, { width: 640, encoder: 'x', duration: 99 });
		feed.video(4_900, false).audio(4_950).gops(5_000, 7_000).end(7_000);
		assert.equal(await record(feed).recorder.advance(), true);
		const file = readFlvFile(newest);
		assert.equal(file.metadata['width'], 640);
		assert.equal(file.metadata['encoder'], 'x');
		assert.deepEqual([file.hasAudio, file.hasVideo], [true, true]);
		const [first, second, third] = file.tags;
		assert.deepEqual([first?.type, first?.timeMs, first?.body], [TagType.video, 0, AVC_HEADER]);
		assert.deepEqual([second?.type, second?.timeMs, second?.body], [TagType.audio, 0, AAC_HEADER]);
		assert.deepEqual([third?.type, third?.timeMs, third?.body[0]], [TagType.video, 0, 0x17]);
		assert.equal(file.tags.length, 2 + 40);
		assert.deepEqual(
			file.tags.slice(2, 6).map(({ timeMs }) => timeMs),
			[0, 50, 100, 150],
		);
	});

	it('gives a finished take its duration, size and keyframe index, at places where the tags are', async () => {
		const feed = new RingFeed().open().gops(60_000, 65_000).end(65_000);
		await record(feed).recorder.advance();
		const file = readFlvFile(newest);
		assert.equal(file.metadata['duration'], 4.95);
		assert.equal(file.metadata['filesize'], file.sizeBytes);
		assert.equal(file.metadata['hasKeyframes'], true);
		assert.deepEqual(file.keyframes?.timesMs, [0, 0, 1000, 2000, 3000, 4000]);
		const keyframes = file.tags.filter(({ body }) => body[0] === 0x17 && body[1] === 1);
		assert.deepEqual(file.keyframes?.positions, [file.tags[0]?.position, ...keyframes.map(({ position }) => position)]);
		assert.ok(file.padding.length > 0 && file.padding.every((value) => value === 0));
	});

	it('is a valid file after every step', async () => {
		const feed = new RingFeed().open();
		const { recorder } = record(feed);
		for (let second = 0; second < 5; second++) {
			feed.gops(second * 1000, (second + 1) * 1000);
			assert.equal(await recorder.advance(), false);
			const file = readFlvFile(newest);
			assert.equal(file.tags.length, 2 + 20 * (second + 1));
			assert.equal(file.metadata['filesize'], 0);
			assert.equal(file.keyframes, null);
			assert.ok(file.padding.every((value) => value === 0));
		}
	});

	it('records an audio-only stream and makes it seekable', async () => {
		const feed = new RingFeed().open({ video: false });
		for (let dtsMs = 0; dtsMs < 3_000; dtsMs += 20) {
			feed.audio(dtsMs, { start: dtsMs % 500 === 0 });
		}
		await record(feed.end(3_000)).recorder.advance();
		const file = readFlvFile(newest);
		assert.deepEqual([file.hasAudio, file.hasVideo], [true, false]);
		assert.equal(file.tags.length, 1 + 150);
		assert.deepEqual(file.keyframes?.timesMs, [0, 0, 1000, 2000]);
	});

	it('shows a track that appears late in the file header', async () => {
		const feed = new RingFeed().open({ video: false }).audio(0, { start: true });
		const { recorder } = record(feed);
		await recorder.advance();
		assert.deepEqual([readFlvFile(newest).hasAudio, readFlvFile(newest).hasVideo], [true, false]);
		feed.open().gops(1_000, 2_000);
		await recorder.advance();
		assert.deepEqual([readFlvFile(newest).hasAudio, readFlvFile(newest).hasVideo], [true, true]);
	});

	it('goes on in the same take over a splice and in a bigger ring', async () => {
		const feed = new RingFeed().open().gops(0, 1_000);
		const { recorder } = record(feed);
		await recorder.advance();
		feed.splice(1_000).gops(1_000, 2_000);
		feed.writer = feed.writer.grow(2 * 1024 ** 2);
		feed.gops(2_000, 3_000).end(3_000);
		assert.equal(await recorder.advance(), false);
		recorder.replaceRing(feed.ring);
		assert.equal(await recorder.advance(), true);
		assert.equal(readFlvFile(newest).tags.length, 2 + 60);
		assert.deepEqual(await readdir(directory), ['index.flv']);
	});

	it('waits for the tracks to be known and records from the start of the stream', async () => {
		const feed = new RingFeed();
		const { recorder } = record(feed);
		assert.equal(await recorder.advance(), false);
		feed.open().gops(0, 3_000);
		await recorder.advance();
		assert.equal(readFlvFile(newest).tags.length, 2 + 60);
	});

	it('finishes the take when it is stopped while the stream goes on', async () => {
		const feed = new RingFeed().open().gops(0, 1_000);
		const { recorder } = record(feed);
		await recorder.advance();
		feed.gops(1_000, 2_000);
		recorder.stop();
		assert.equal(await recorder.advance(), true);
		assert.equal(readFlvFile(newest).metadata['duration'], 1.95);
	});

	it('makes no file for a stream that ends without media', async () => {
		assert.equal(await record(new RingFeed().end(0)).recorder.advance(), true);
		await assert.rejects(readdir(directory), { code: 'ENOENT' });
	});

	it('skips to a keyframe with its headers when the ring has overtaken it, and counts', async () => {
		const feed = new RingFeed().open().gops(0, 1_000);
		const { recorder, figures, events } = record(feed);
		await recorder.advance();
		feed.gops(1_000, 12_000, 20_000);
		assert.equal(await recorder.advance(), false);
		assert.equal(figures.get('skips'), 1);
		assert.equal(events.at(-1)?.message, 'recording is too slow and skips to a keyframe');
		assert.equal(events.at(-1)?.fields['lostRecords'], 200);
		const afterGap = readFlvFile(newest).tags.slice(2 + 20, 2 + 23);
		assert.deepEqual(
			afterGap.map(({ timeMs, body }) => [timeMs, body[0], body[1]]),
			[
				[11_000, 0x17, 0],
				[11_000, 0xaf, 0],
				[11_000, 0x17, 1],
			],
		);
	});

	it('never overwrites a take: the one before gets its own start time as its name', async () => {
		for (let take = 0; take < 3; take++) {
			await record(new RingFeed().open().gops(0, 1_000).end(1_000)).recorder.advance();
		}
		const files = await readdir(directory);
		assert.equal(files.length, 3);
		for (const file of files) {
			assert.match(file, /^(index|\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(_\d)?)\.flv$/);
			assert.equal(readFlvFile(path.join(directory, file)).metadata['duration'], 0.95);
		}
	});

	it('keeps a file of another program that lies in its place', async () => {
		await record(new RingFeed().open().gops(0, 1_000).end(1_000)).recorder.advance();
		await writeFile(newest, 'not ours');
		await record(new RingFeed().open().gops(0, 1_000).end(1_000)).recorder.advance();
		const [other = ''] = (await readdir(directory)).filter((file) => file !== 'index.flv');
		assert.equal(await readFile(path.join(directory, other), 'utf8'), 'not ours');
	});

	it('stops with an alarm when less disk is free than the floor, and begins another take when there is room', async () => {
		const feed = new RingFeed().open().gops(0, 1_000);
		const { recorder, disk, figures, messages } = record(feed);
		await recorder.advance();
		await disk.measure(root);
		disk.minFreeBytes = Number.POSITIVE_INFINITY;
		feed.gops(1_000, 2_000);
		await recorder.advance();
		await recorder.advance();
		assert.equal(readFlvFile(newest).metadata['duration'], 0.95);
		assert.equal(figures.get('active'), 0);
		disk.minFreeBytes = 0;
		feed.gops(2_000, 3_000);
		await recorder.advance();
		assert.equal(figures.get('takes'), 2);
		assert.deepEqual(messages(), [
			'recording begins',
			'recording stops: less disk is free than record.minFree',
			'recording begins',
		]);
	});

	it('does not begin while less disk is free than the floor, and says so once', async () => {
		const { recorder, disk, messages } = record(new RingFeed().open().gops(0, 1_000));
		await disk.measure(root);
		disk.minFreeBytes = Number.POSITIVE_INFINITY;
		await recorder.advance();
		await recorder.advance();
		assert.deepEqual(messages(), ['recording waits: less disk is free than record.minFree']);
		await assert.rejects(readdir(directory), { code: 'ENOENT' });
	});

	it('tries again later when the disk refuses, and leaves nothing half-made', async () => {
		await writeFile(path.join(root, 'flv'), 'a file where a directory should be');
		const feed = new RingFeed().open().gops(0, 1_000);
		const { recorder, figures, events } = record(feed);
		assert.equal(await recorder.advance(), false);
		assert.equal(events.at(-1)?.fields['code'], 'ENOTDIR');
		await rm(path.join(root, 'flv'));
		for (let step = 0; step <= 10; step++) {
			await recorder.advance();
		}
		assert.equal(figures.get('failures'), 1);
		assert.equal(readFlvFile(newest).tags.length, 2 + 20);
	});

	it('keeps the index within its room by thinning it', async () => {
		const feed = new RingFeed(4 * 1024 ** 2).open();
		const { recorder } = record(feed);
		for (let dtsMs = 0; dtsMs < 5_000_000; dtsMs += 1000) {
			feed.video(dtsMs, true, 50);
			if (dtsMs % 1_000_000 === 0) {
				await recorder.advance();
			}
		}
		feed.end(5_000_000);
		await recorder.advance();
		const { keyframes, tags } = readFlvFile(newest);
		assert.ok(keyframes !== null && keyframes.timesMs.length <= MAX_SEEK_POINTS);
		assert.ok(keyframes.timesMs.length > MAX_SEEK_POINTS / 2);
		const times = new Map(tags.map(({ position, timeMs }) => [position, timeMs]));
		assert.deepEqual(
			keyframes.positions.map((position) => times.get(position)),
			keyframes.timesMs,
		);
	});
});
