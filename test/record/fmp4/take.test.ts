import assert from 'node:assert/strict';
import { mkdir, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { PlaylistChecker } from '#src/protocol/m3u8/playlist-rules.js';
import { finishFmp4Take } from '#src/record/fmp4/finish-take.js';
import { Fmp4Take } from '#src/record/fmp4/take.js';
import { CmafPackager } from '#src/remux/cmaf-packager.js';
import type { Frame } from '#src/remux/frame.js';
import { readMp4File } from '#src/remux/mp4-file.js';
import { SegmentPlanner } from '#src/remux/segment-planner.js';
import { every, FrameSource, labelIn, labelOf, OTHER_VIDEO } from '../../support/frame-source.js';

const FRAGMENT_MS = 1000;
const PLAYLISTS = ['output_merge/index.m3u8', 'output_separate/video.m3u8', 'output_separate/audio.m3u8'];

describe('an fMP4 take', () => {
	let directory: string;
	let take: Fmp4Take;
	let source: FrameSource;
	beforeEach(async () => {
		directory = await mkdtemp(path.join(tmpdir(), 'millrace-take-'));
		take = await Fmp4Take.open(directory, Date.UTC(2026, 0, 1));
		source = new FrameSource(new SegmentPlanner(new CmafPackager(take, { pool: take.pool }), { partMs: FRAGMENT_MS }));
	});
	afterEach(async () => {
		await take.abandon();
		await rm(directory, { recursive: true });
	});

	async function read(name: string): Promise<string> {
		return readFile(path.join(directory, name), 'utf8');
	}

	async function exists(name: string): Promise<boolean> {
		return (await readdir(path.join(directory, path.dirname(name)))).includes(path.basename(name));
	}

	/** Frames of an MP4: payload and decoding time. */
	async function framesOf(
		name: string,
	): Promise<{ video: string[]; audio: string[]; videoMs: number[]; audioMs: number[] }> {
		const found = { video: [] as string[], audio: [] as string[], videoMs: [] as number[], audioMs: [] as number[] };
		const file = await open(path.join(directory, name));
		try {
			await readMp4File(file, {
				track: () => undefined,
				frame: ({ kind, payload, dtsMs, compositionTimeMs }: Frame) => {
					found[kind].push(labelIn(payload));
					found[`${kind}Ms`].push(dtsMs + compositionTimeMs);
				},
				splice: () => undefined,
				end: () => undefined,
			});
		} finally {
			await file.close();
		}
		return found;
	}

	function numbered(kind: 'video' | 'audio', count: number): string[] {
		return Array.from({ length: count }, (_, number) => labelOf(kind, number));
	}

	it('keeps every rule of playlists for an hour of odd GOPs, splices and new tracks, and behind a crash', async () => {
		const checkers = PLAYLISTS.map((name) => ({ name, checker: new PlaylistChecker() }));
		const look = async (): Promise<void> => {
			await take.flush();
			for (const { name, checker } of checkers) {
				if (await exists(name)) {
					checker.see(await read(name));
				}
			}
		};
		const gops = [2000, 500, 1200, 10_000, 6400, 2000, 4000, 280, 1920];
		let discontinuities = 0;
		let irregularMs = 0;
		for (let minute = 0; minute < 60; minute++) {
			const gopMs = gops[minute % gops.length]!;
			let nextMs = 0;
			source.openGops = minute % 3 === 1;
			for (let part = 0; part < 4; part++) {
				source.run(15_000, (sinceMs) => {
					if (sinceMs !== 0 && part * 15_000 + sinceMs < nextMs) {
						return false;
					}
					irregularMs = (irregularMs * 7 + 1480) % 9000;
					nextMs = part * 15_000 + sinceMs + (minute % 10 === 9 ? irregularMs : gopMs);
					return true;
				});
				await look();
			}
			if (minute % 7 === 3) {
				source.splice();
				discontinuities++;
			}
			if (minute === 24) {
				source.configure(OTHER_VIDEO);
			}
		}
		source.run(5000, every(2000));
		await look();
		await take.abandon();
		await finishFmp4Take(directory, 'cam');
		for (const { name, checker } of checkers) {
			checker.see(await read(name));
			assert.deepEqual(checker.violations, [], name);
			const playlist = parseMediaPlaylist(await read(name));
			assert.equal(playlist.ended, true);
			assert.equal(playlist.segments.filter(({ discontinuity }) => discontinuity).length, discontinuities, name);
			assert.equal(new Set(playlist.segments.map(({ map }) => map)).size, name.includes('audio') ? 1 : 2, name);
			const seconds = playlist.segments.reduce((sum, { duration }) => sum + duration, 0);
			assert.ok(Math.abs(seconds - 3605) < 1.5, `${name} lists ${seconds} s`);
			for (const { uri, map } of playlist.segments) {
				assert(await exists(path.join(path.dirname(name), uri)), uri);
				assert(await exists(path.join(path.dirname(name), map ?? 'no map')), map ?? '');
			}
		}
	});

	it('becomes an MP4 with every frame in its place', async () => {
		source.run(21_000, every(2000));
		source.sink.end();
		await take.flush();
		const finished = await finishFmp4Take(directory, 'cam');
		assert.equal(finished?.['recovered'], false);
		const frames = await framesOf('output_merge/cam_full.mp4');
		assert.deepEqual(frames.video, numbered('video', source.pictures));
		assert.deepEqual(frames.audio, numbered('audio', source.sounds));
		const offsets = frames.videoMs.map((ms, number) => ms - (number * 40 + 80 + (number % 2) * 40));
		assert(
			offsets.every((offset) => Math.abs(offset - offsets[0]!) < 0.02),
			'picture times',
		);
		for (const [number, ms] of frames.audioMs.entries()) {
			assert(Math.abs(ms - offsets[0]! - (number * 1024) / 44.1) < 1, `sound frame ${number}`);
		}
		assert.equal(await finishFmp4Take(directory, 'cam'), null, 'nothing is left to do');
	});

	it('becomes several MP4s when its tracks change', async () => {
		source.run(6000, every(2000)).configure(OTHER_VIDEO).run(4000, every(2000));
		source.sink.end();
		await take.flush();
		await finishFmp4Take(directory, 'cam');
		const first = await framesOf('output_merge/cam_full.mp4');
		const second = await framesOf('output_merge/cam_full_2.mp4');
		assert.deepEqual([...first.video, ...second.video], numbered('video', source.pictures));
	});

	it('is finished once more when its recovery was cut short behind the MP4', async () => {
		source.run(6000, every(2000));
		await take.flush();
		await take.abandon();
		assert.equal((await finishFmp4Take(directory, 'cam'))?.['recovered'], true);
		const mp4 = await readFile(path.join(directory, 'output_merge', 'cam_full.mp4'));
		const meta = path.join(directory, 'output_merge', 'meta.json');
		await writeFile(meta, JSON.stringify({ ...JSON.parse(await readFile(meta, 'utf8')), finished: false }));
		assert.equal((await finishFmp4Take(directory, 'cam'))?.['recovered'], true);
		assert.equal(JSON.parse(await readFile(meta, 'utf8')).finished, true);
		assert.deepEqual(await readFile(path.join(directory, 'output_merge', 'cam_full.mp4')), mp4);
		assert.equal(await finishFmp4Take(directory, 'cam'), null);
	});

	it('has all its playlists ended when a crash came between the ends of its two forms', async () => {
		source.run(6000, every(2000));
		source.sink.end();
		await take.flush();
		const audio = path.join(directory, 'output_separate', 'audio.m3u8');
		await writeFile(audio, (await readFile(audio, 'utf8')).replace('#EXT-X-ENDLIST\n', ''));
		const meta = path.join(directory, 'output_separate', 'meta.json');
		await writeFile(meta, JSON.stringify({ ...JSON.parse(await readFile(meta, 'utf8')), finished: false }));
		assert.equal((await finishFmp4Take(directory, 'cam'))?.['recovered'], true);
		assert.ok((await readFile(audio, 'utf8')).endsWith('#EXT-X-ENDLIST\n'));
		assert.equal(JSON.parse(await readFile(meta, 'utf8')).finished, true);
	});

	it('is nothing when a crash came before its directories', async () => {
		const empty = path.join(directory, 'empty');
		await mkdir(empty);
		assert.equal(await finishFmp4Take(empty, 'cam'), null);
	});

	it('says in its manifest what its segments hold', async () => {
		source.run(9000, every(2000));
		await take.flush();
		const live = await read('output_separate/manifest.mpd');
		assert.match(live, /type="dynamic" availabilityStartTime="2026-01-01T00:00:00.000Z"/);
		assert.match(live, /<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="\/time"\/>/);
		source.sink.end();
		await take.flush();
		const complete = await read('output_separate/manifest.mpd');
		assert.match(complete, /type="static" mediaPresentationDuration="PT9.080S"/);
		assert.doesNotMatch(complete, /UTCTiming/);
		// The picture begins 80 ms in, where it is first shown.
		assert.match(complete, /<S t="7200" d="360000" r="1"\/>\s*<S d="90000"\/>/);
	});

	it('loses no more than a fragment when it is killed, wherever', async () => {
		for (const killedAtMs of [600, 1900, 3960, 4040, 7000, 8040, 11_960]) {
			const home = path.join(directory, String(killedAtMs));
			const killed = await Fmp4Take.open(home, Date.UTC(2026, 0, 1));
			const planner = new SegmentPlanner(new CmafPackager(killed), { partMs: FRAGMENT_MS });
			const frames = new FrameSource(planner).run(killedAtMs, every(2000));
			await killed.flush();
			await killed.abandon();
			// The end of the last write has not reached the disk.
			for (const output of ['output_merge', 'output_separate']) {
				for (const name of await readdir(path.join(home, output))) {
					if (name.endsWith('.m4s.tmp')) {
						const file = path.join(home, output, name);
						const { length } = await readFile(file);
						await truncate(file, Math.max(0, length - (killedAtMs % 5)));
					}
				}
			}
			const finished = await finishFmp4Take(home, 'cam');
			if (killedAtMs < FRAGMENT_MS) {
				assert.equal(finished, null, 'there was nothing to save');
				continue;
			}
			assert.equal(finished?.['recovered'], true);
			const saved = await framesOf(path.join(String(killedAtMs), 'output_merge', 'cam_full.mp4'));
			assert.deepEqual(saved.video, numbered('video', saved.video.length));
			assert.deepEqual(saved.audio, numbered('audio', saved.audio.length));
			const lostMs = (frames.pictures - saved.video.length) * 40;
			assert(lostMs <= FRAGMENT_MS * (killedAtMs % 5 === 0 ? 1 : 2) + 80, `${lostMs} ms lost at ${killedAtMs}`);
			for (const name of PLAYLISTS) {
				const checker = new PlaylistChecker();
				const playlist = checker.see(await read(path.join(String(killedAtMs), name)));
				assert.deepEqual(checker.violations, [], name);
				assert.equal(playlist.ended, true);
			}
			assert.match(await read(`${killedAtMs}/output_separate/manifest.mpd`), /type="static"/);
			assert.equal(JSON.parse(await read(`${killedAtMs}/output_merge/meta.json`)).finished, true);
		}
	});
});
