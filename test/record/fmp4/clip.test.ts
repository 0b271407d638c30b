import assert from 'node:assert/strict';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Edit } from '#src/container/mp4/movie-boxes.js';
import { PeerError } from '#src/errors.js';
import { type Clip, type ClipRange, cutClip } from '#src/record/fmp4/clip.js';
import { readMovieFile } from '#src/record/fmp4/fragment-scan.js';
import { Fmp4Take } from '#src/record/fmp4/take.js';
import { CmafPackager } from '#src/remux/cmaf-packager.js';
import { readMp4File } from '#src/remux/mp4-file.js';
import { SegmentPlanner } from '#src/remux/segment-planner.js';
import { AUDIO, every, FrameSource, labelIn, OTHER_VIDEO } from '../../support/frame-source.js';

const STARTED_AT_MS = Date.UTC(2026, 0, 1);

describe('a clip', () => {
	let directory: string;
	let take: Fmp4Take;
	beforeEach(async () => {
		directory = await mkdtemp(path.join(tmpdir(), 'millrace-clip-'));
		take = await Fmp4Take.open(directory, STARTED_AT_MS);
	});
	afterEach(async () => {
		await take.abandon();
		await rm(directory, { recursive: true });
	});

	/** 20 s with a keyframe every 2 s, in five whole segments; the take goes on. */
	async function record(tracks?: ConstructorParameters<typeof FrameSource>[1]): Promise<void> {
		const planner = new SegmentPlanner(new CmafPackager(take), { partMs: 1000 });
		new FrameSource(planner, tracks).run(20_200, every(2000));
		await take.flush();
	}

	function cut(fromSeconds: number, toSeconds: number): Promise<Clip | null> {
		const range: ClipRange = { from: { seconds: fromSeconds }, to: { seconds: toSeconds } };
		return cutClip(path.join(directory, 'output_merge'), range);
	}

	/** All bytes of a clip, read in pieces of `step`. */
	async function bytesOf(clip: Clip, step = 1000): Promise<Buffer> {
		const chunks: Buffer[] = [];
		for (let position = 0; position < clip.sizeBytes; ) {
			const { bytesRead, buffer } = await clip.read(Buffer.alloc(step), 0, step, position);
			assert(bytesRead > 0);
			chunks.push(buffer.subarray(0, bytesRead));
			position += bytesRead;
		}
		await clip.close();
		return Buffer.concat(chunks);
	}

	/** Its frames, and what each track's edit list says of them. */
	async function framesOf(clip: Clip): Promise<{ video: string[]; audio: string[]; shown: Edit[] }> {
		const name = path.join(directory, 'clip.mp4');
		await writeFile(name, await bytesOf(clip));
		const found = { video: [] as string[], audio: [] as string[] };
		const file = await open(name);
		await readMp4File(file, {
			track: () => undefined,
			frame: ({ kind, payload }) => void found[kind].push(labelIn(payload)),
			splice: () => undefined,
			end: () => undefined,
		});
		const { movie } = await readMovieFile(file);
		await file.close();
		return { ...found, shown: movie.tracks.flatMap(({ edits }) => edits) };
	}

	it('is decoded from the keyframe before its range on, and presents nothing but the range', async () => {
		await record();
		const { video, audio, shown } = await framesOf((await cut(5, 9))!);
		// The playlist begins with the first picture, 80 ms into the take: the range is 5.08 s to 9.08 s of it.
		assert.equal(video[0], 'v100;');
		assert.equal(video.at(-1), 'v224;');
		assert.equal(video.length, 125);
		const firstSound = Math.ceil((3.98 * 44_100) / 1024) - 1;
		assert.equal(audio[0], `a${firstSound};`, '100 ms before the keyframe');
		assert.deepEqual(shown, [
			{ durationMs: 4000, mediaTime: 80 * 90 + 1000 * 90 },
			{ durationMs: 4000, mediaTime: Math.round(5.08 * 44_100) - firstSound * 1024 },
		]);
	});

	it('begins with an earlier segment when its own begins without a keyframe', async () => {
		const planner = new SegmentPlanner(new CmafPackager(take), { partMs: 1000 });
		new FrameSource(planner).run(40_200, every(14_000));
		await take.flush();
		const { video, shown } = await framesOf((await cut(25, 27))!);
		assert.equal(video[0], 'v350;');
		assert.deepEqual(shown[0], { durationMs: 2000, mediaTime: 80 * 90 + 11_000 * 90 });
	});

	it('goes on over a splice, and is refused when the codecs change in it', async () => {
		const planner = new SegmentPlanner(new CmafPackager(take), { partMs: 1000 });
		const source = new FrameSource(planner).run(8000, every(2000)).splice().run(8000, every(2000));
		source.configure(OTHER_VIDEO, AUDIO).splice().run(8200, every(2000));
		await take.flush();
		const { video, shown } = await framesOf((await cut(6.5, 9.5))!);
		assert.equal(video.length, 87);
		assert(shown.every(({ durationMs }) => Math.abs(durationMs - 3000) < 40));
		await assert.rejects(cut(14, 18), /codecs change at /);
		assert.equal((await framesOf((await cut(17, 18))!)).video[0], 'v400;');
	});

	it('is named by the time, too', async () => {
		await record();
		const utcMs = STARTED_AT_MS + 5080;
		const clip = await cutClip(path.join(directory, 'output_merge'), { from: { utcMs }, to: { seconds: 9 } });
		assert.equal(clip?.version, (await cut(5, 9))!.version);
	});

	it('counts from the end of what there is when it is asked for the latest', async () => {
		await record();
		const { video } = await framesOf((await cut(-4, -0))!);
		assert.equal(video[0], 'v400;');
		assert.equal(video.at(-1), 'v498;');
		assert.deepEqual((await framesOf((await cut(-300, 2))!)).video.slice(0, 1), ['v0;']);
	});

	it('is cut of sound alone to the sample', async () => {
		await record([AUDIO]);
		const { video, audio, shown } = await framesOf((await cut(5, 9))!);
		assert.deepEqual(video, []);
		const first = Math.ceil((4.9 * 44_100) / 1024) - 1;
		assert.equal(audio[0], `a${first};`);
		assert.deepEqual(shown, [{ durationMs: 4000, mediaTime: 5 * 44_100 - first * 1024 }]);
	});

	it('reads the same from anywhere', async () => {
		await record();
		const whole = await bytesOf((await cut(3, 7))!, 1 << 20);
		assert.equal((await cut(3, 7))!.version, (await cut(3, 7))!.version);
		assert.notEqual((await cut(3, 7))!.version, (await cut(3, 9))!.version);
		for (const step of [1, 7, 997]) {
			assert.deepEqual(await bytesOf((await cut(3, 7))!, step), whole);
		}
	});

	it('is null where there is nothing, and refused when it is upside down', async () => {
		assert.equal(await cut(0, 5), null);
		await record();
		for (const [from, to] of [
			[9, 5],
			[50, 60],
			[5, 5],
		] as const) {
			await assert.rejects(cut(from, to), PeerError);
		}
	});
});
