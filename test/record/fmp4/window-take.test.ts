import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { policyOf } from '#src/config/policy.js';
import { configSchema } from '#src/config/schema.js';
import { PlaylistChecker } from '#src/protocol/m3u8/playlist-rules.js';
import { finishFmp4Take } from '#src/record/fmp4/finish-take.js';
import { removeOldMp4Takes } from '#src/record/fmp4/retention.js';
import { Fmp4Take } from '#src/record/fmp4/take.js';
import { takeWindow } from '#src/record/fmp4/take-window.js';
import { outputsOf } from '#src/record/outputs.js';
import { CmafPackager } from '#src/remux/cmaf-packager.js';
import { SegmentPlanner } from '#src/remux/segment-planner.js';
import { AUDIO, every, FrameSource, OTHER_VIDEO } from '../../support/frame-source.js';

const STARTED_AT_MS = Date.UTC(2026, 0, 1);
const WINDOW_MS = 60_000;
const SEGMENT_MS = 4000;
const PLAYLISTS = ['output_merge/index.m3u8', 'output_separate/video.m3u8', 'output_separate/audio.m3u8'];

describe('a take of which a window is kept', () => {
	let stream: string;
	let directory: string;
	let take: Fmp4Take;
	let source: FrameSource;
	beforeEach(async () => {
		mock.timers.enable({ apis: ['Date'], now: STARTED_AT_MS });
		stream = await mkdtemp(path.join(tmpdir(), 'millrace-window-'));
		directory = path.join(stream, '2026-01-01T00-00-00Z');
		await mkdir(directory);
		take = await Fmp4Take.open(directory, STARTED_AT_MS, { keepMs: WINDOW_MS, manifestMs: WINDOW_MS });
		source = new FrameSource(new SegmentPlanner(new CmafPackager(take, { pool: take.pool }), { partMs: 1000 }));
	});
	afterEach(async () => {
		mock.timers.reset();
		await take.abandon();
		await rm(stream, { recursive: true, force: true });
	});

	async function run(lengthMs: number): Promise<void> {
		source.run(lengthMs, every(2000));
		mock.timers.setTime(STARTED_AT_MS + source.timeMs);
		await take.flush();
	}

	function read(name: string): Promise<string> {
		return readFile(path.join(directory, name), 'utf8');
	}

	it('lists the window, and keeps for as long again what players may still ask for', async () => {
		const checkers = new Map(PLAYLISTS.map((name) => [name, new PlaylistChecker()]));
		/** When each segment was last listed. */
		const listedAtMs = new Map<string, number>();
		for (let minutes = 0; minutes < 10; minutes += 0.1) {
			if (Math.round(minutes * 10) === 73) {
				source.configure(OTHER_VIDEO, AUDIO).splice();
			}
			await run(6000);
			for (const [name, checker] of checkers) {
				const { segments } = checker.see(await read(name));
				const seconds = segments.reduce((sum, { duration }) => sum + duration, 0);
				const isFull = source.timeMs > WINDOW_MS + 3 * SEGMENT_MS;
				assert(!isFull || seconds * 1000 >= WINDOW_MS, `${name} lists ${seconds} s at ${minutes} min`);
				assert(seconds * 1000 < WINDOW_MS * (1 + 1 / 16) + 2 * SEGMENT_MS, `${name} lists ${seconds} s`);
				for (const uri of segments.flatMap(({ uri, map }) => [uri, map!])) {
					listedAtMs.set(path.join(path.dirname(name), uri), source.timeMs);
				}
			}
			const there = new Set(await readdir(directory, { recursive: true }));
			for (const [file, atMs] of listedAtMs) {
				assert(there.has(file) || source.timeMs - atMs > WINDOW_MS, `${file} has gone`);
				assert(!there.has(file) || source.timeMs - atMs < WINDOW_MS + 20_000, `${file} is still there`);
			}
		}
		for (const [name, { violations }] of checkers) {
			assert.deepEqual(violations, [], name);
		}
		const manifest = await read('output_separate/manifest.mpd');
		assert.match(manifest, /timeShiftBufferDepth="PT60.000S"/);
		assert.equal(manifest.match(/<Period/g)?.length, 1, 'the tracks before the change are past');
	});

	it('is what is left when the stream has ended, for as long as the window, and no MP4', async () => {
		await run(300_000);
		source.sink.end();
		await take.flush();
		const { segments, ended } = new PlaylistChecker().see(await read(PLAYLISTS[0]!));
		assert.equal(ended, true);
		assert(segments.length < 20);
		const manifest = await read('output_separate/manifest.mpd');
		assert.match(manifest, /type="static" mediaPresentationDuration="PT6\d\.\d+S"/);
		assert.match(manifest, /<Period id="p0" start="PT0.000S">/);
		const startMs = Number(/timescale="90000" presentationTimeOffset="(\d+)"/.exec(manifest)?.[1]) / 90;
		const firstMs = Number(/<S t="(\d+)"/.exec(manifest)?.[1]) / 90;
		// The sound of the first segment begins before its picture, by as much as pictures wait to be shown.
		assert(firstMs >= startMs && firstMs < startMs + 100, `${firstMs} ms of ${startMs} ms`);

		assert.equal(await finishFmp4Take(directory, 'cam'), null);
		const rule = { maxAgeMs: Number.POSITIVE_INFINITY, recording: false, isOpen: () => false };
		const nowMs = Date.now();
		mock.timers.reset();
		const changedAtMs = Date.now();
		assert(changedAtMs > nowMs);
		assert.deepEqual(await removeOldMp4Takes(stream, { ...rule, nowMs: changedAtMs + WINDOW_MS - 1000 }), []);
		const isOpen = (): boolean => true;
		assert.deepEqual(await removeOldMp4Takes(stream, { ...rule, isOpen, nowMs: changedAtMs + 10 * WINDOW_MS }), []);
		assert.deepEqual(await removeOldMp4Takes(stream, { ...rule, nowMs: changedAtMs + WINDOW_MS + 1000 }), [directory]);
	});

	it('is ended where it is after a crash', async () => {
		await run(300_000);
		await take.abandon();
		const last = new PlaylistChecker().see(await read(PLAYLISTS[0]!));
		const finished = await finishFmp4Take(directory, 'cam');
		assert.equal(finished?.['recovered'], true);
		for (const name of PLAYLISTS) {
			const checker = new PlaylistChecker();
			const { ended, type, mediaSequence } = checker.see(await read(name));
			assert.deepEqual([ended, type, checker.violations], [true, null, []]);
			assert(mediaSequence > 50);
		}
		const { segments, mediaSequence } = new PlaylistChecker().see(await read(PLAYLISTS[0]!));
		assert.equal(mediaSequence, last.mediaSequence);
		assert(segments.length > last.segments.length, 'what was being written is listed');
		assert.match(await read('output_separate/manifest.mpd'), /type="static" mediaPresentationDuration="PT6\d\./);
		assert.deepEqual(
			(await readdir(path.join(directory, 'output_merge'))).filter((name) => name.endsWith('_full.mp4')),
			[],
		);
		assert.equal(await finishFmp4Take(directory, 'cam'), null);
	});
});

it('is kept of streams that are not recorded, in apps that ask for it', () => {
	const config = configSchema.parse({
		record: { fmp4: false, hls: false },
		apps: { live: { dvr: { window: '2h' } }, both: { dvr: { window: '2h' }, record: { fmp4: true } } },
	});
	const live = policyOf(config, { app: 'live' });
	assert.deepEqual(outputsOf(live), ['flv', 'fmp4']);
	assert.deepEqual(takeWindow(live), { keepMs: 7_200_000, manifestMs: 7_200_000 });
	assert.equal(takeWindow(policyOf(config, { app: 'both' })).keepMs, null);
	assert.deepEqual(outputsOf(policyOf(config, { app: 'other' })), ['flv']);
});
