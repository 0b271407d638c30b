import assert from 'node:assert/strict';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { PeerError } from '#src/errors.js';
import { type Clip, type ClipRange, cutClip } from '#src/record/clip.js';
import { Fmp4Take } from '#src/record/fmp4-take.js';
import { CmafPackager } from '#src/remux/cmaf-packager.js';
import { readMp4File } from '#src/remux/mp4-file.js';
import { SegmentPlanner } from '#src/remux/segment-planner.js';
import { AUDIO, every, FrameSource, labelIn } from '../support/frame-source.js';

describe('a clip', () => {
	let directory: string;
	let take: Fmp4Take;
	beforeEach(async () => {
		directory = await mkdtemp(path.join(tmpdir(), 'millrace-clip-'));
		take = await Fmp4Take.open(directory, Date.now());
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
		return cutClip(path.join(directory, 'output_merge'), { fromSeconds, toSeconds } satisfies ClipRange);
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

	async function framesOf(clip: Clip): Promise<{ video: string[]; audio: string[]; firstMs: number[] }> {
		const name = path.join(directory, 'clip.mp4');
		await writeFile(name, await bytesOf(clip));
		const found = { video: [] as string[], audio: [] as string[], firstMs: [] as number[] };
		const file = await open(name);
		await readMp4File(file, {
			track: () => undefined,
			frame: ({ kind, payload, dtsMs, compositionTimeMs }) => {
				if (found[kind].push(labelIn(payload)) === 1) {
					found.firstMs.push(dtsMs + compositionTimeMs);
				}
			},
			splice: () => undefined,
			end: () => undefined,
		});
		await file.close();
		return found;
	}

	it('begins with the keyframe before its range and ends with it', async () => {
		await record();
		const { video, audio, firstMs } = await framesOf((await cut(5, 9))!);
		// The keyframe at 4 s is shown at 4.08 s; pictures that are decoded before 9 s, moved by those 80 ms, belong to it.
		assert.equal(video[0], 'v100;');
		assert.equal(video.at(-1), 'v222;');
		assert.equal(video.length, 123);
		assert.equal(audio[0], `a${Math.ceil((4.08 * 44_100) / 1024)};`);
		assert(Math.abs(firstMs[0]! - firstMs[1]!) < 24, 'picture and sound begin together');
	});

	it('counts from the end of what there is when it is asked for the latest', async () => {
		await record();
		const { video } = await framesOf((await cut(-4, -0))!);
		assert.equal(video[0], 'v400;');
		assert.equal(video.at(-1), 'v497;');
		assert.deepEqual((await framesOf((await cut(-300, 2))!)).video.slice(0, 1), ['v0;']);
	});

	it('is cut of sound alone to the frame', async () => {
		await record([AUDIO]);
		const { video, audio } = await framesOf((await cut(5, 9))!);
		assert.deepEqual(video, []);
		assert.equal(audio[0], `a${Math.ceil((5 * 44_100) / 1024)};`);
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
