import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseLiveName } from '#src/live/names.js';
import { LivePackaging } from '#src/live/packaging.js';
import { LiveSource } from '#src/live/source.js';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { MIN_PART_RING_BYTES } from '#src/ring/part-layout.js';
import { PartRingWriter } from '#src/ring/part-ring-writer.js';
import { type Clip, loadClip } from '#src/tools/load/clip.js';
import { type Tag, TagType } from '#src/tools/load/flv-scanner.js';
import { advanceAll, finishTakes, recordEverything } from '../support/all-outputs.js';
import { ClipFeed, type FeedSource } from '../support/clip-feed.js';
import { bytesOf } from '../support/live-scene.js';
import { patient } from '../support/patience.js';
import { Program } from '../support/program.js';
import { missing } from '../support/tools.js';

const HOUR_MS = 3_600_000;
const STEP_MS = 8000;
const PICTURE_MS = 40;
const FRAME_SAMPLES = 1024;
const NEAR_THE_END = ['-read_intervals', `${HOUR_MS / 1000 - 20}%`];

/** An hour of a clip's pictures and sounds, with sound stamped in whole milliseconds, as it comes by RTMP: 23, 23, 23, 24. */
class HourOfStream implements FeedSource {
	readonly headers: readonly Tag[];
	readonly frameMs: number;
	pictures = 0;
	sounds = 0;
	readonly #pictures: readonly Tag[];
	readonly #sounds: readonly Tag[];
	readonly #round: (ms: number) => number;
	#index = -1;
	#tag: Tag;

	constructor(clip: Clip, sampleRate: number, round: (ms: number) => number) {
		this.headers = clip.headers;
		this.#pictures = clip.frames.filter(({ type }) => type === TagType.video);
		this.#sounds = clip.frames.filter(({ type }) => type === TagType.audio);
		this.#tag = clip.frames[0]!;
		this.frameMs = (FRAME_SAMPLES * 1000) / sampleRate;
		this.#round = round;
	}

	frame(index: number): Tag {
		if (index !== this.#index) {
			this.#index = index;
			this.#tag = this.#next();
		}
		return this.#tag;
	}

	#next(): Tag {
		const soundMs = this.#round(this.sounds * this.frameMs);
		const pictureMs = this.pictures * PICTURE_MS;
		if (soundMs < pictureMs) {
			return { ...this.#sounds[this.sounds++ % this.#sounds.length]!, dtsMs: soundMs };
		}
		return { ...this.#pictures[this.pictures++ % this.#pictures.length]!, dtsMs: pictureMs };
	}
}

for (const [what, sampleRate, round] of [
	['44.1 kHz', 44_100, Math.floor],
	['48 kHz', 48_000, Math.round],
] as const) {
	test(`sound and picture of every output are within a millisecond of the source after an hour of ${what}`, {
		skip: missing('ffmpeg', 'ffprobe'),
		timeout: patient(180_000),
	}, async (t) => {
		const root = await mkdtemp(path.join(tmpdir(), 'millrace-hour-'));
		t.after(() => rm(root, { recursive: true, force: true }));
		const source = new HourOfStream(await makeClip(t, path.join(root, 'clip.flv'), sampleRate), sampleRate, round);
		const feed = new ClipFeed(source);
		const outputs = recordEverything(feed.ring, root, 'a', { hls: { type: 'event' } });
		const live = new LiveViewer(feed);
		while (feed.nextMs < HOUR_MS) {
			feed.play(Math.min(HOUR_MS, feed.nextMs + STEP_MS));
			await advanceAll(outputs);
			live.look();
		}
		feed.end();
		assert.equal(await advanceAll(outputs), true);
		await finishTakes(outputs);
		live.look();
		writeFileSync(path.join(root, 'live.mp4'), live.lastSegment());

		const home = path.join(root, 'mp4', 'live', 'a');
		const take = path.join(home, (await readdir(home)).find((name) => /^\d/.test(name))!);
		// The frame that is asked for next is not in the ring.
		const apartMs = (source.sounds - 1) * source.frameMs - (source.pictures - 2) * PICTURE_MS;
		const flv = await lastFrames(t, path.join(root, 'flv', 'live', 'a', 'index.flv'), NEAR_THE_END);
		const hls = await lastFrames(t, path.join(root, 'hls', 'live', 'a', 'index.m3u8'), NEAR_THE_END);
		const mp4 = await lastFrames(t, path.join(take, 'output_merge', 'a_full.mp4'), NEAR_THE_END);
		const merged = await lastFrames(t, endOf(path.join(take, 'output_merge', 'index.m3u8')));
		const picture = await lastFrames(t, endOf(path.join(take, 'output_separate', 'video.m3u8')));
		const sound = await lastFrames(t, endOf(path.join(take, 'output_separate', 'audio.m3u8')));
		const separate = { videoMs: picture.videoMs, audioMs: sound.audioMs };
		const lowLatency = await lastFrames(t, path.join(root, 'live.mp4'));
		for (const [output, { audioMs, videoMs }] of Object.entries({ flv, hls, mp4, merged, separate, lowLatency })) {
			const errorMs = audioMs - videoMs - apartMs;
			t.diagnostic(`${output}: ${errorMs.toFixed(3)} ms`);
			assert.ok(Math.abs(errorMs) < 1, `${output}: ${errorMs} ms`);
			assert.ok(Math.abs(videoMs - HOUR_MS) < 2500, `${output}: the last picture comes at ${videoMs} ms`);
		}
	});
}

/** Small pictures, two seconds of them, and silence. */
async function makeClip(t: TestContext, file: string, sampleRate: number): Promise<Clip> {
	const inputs = ['-f', 'lavfi', '-i', 'color=s=64x36:r=25', '-f', 'lavfi', '-i', `anullsrc=r=${sampleRate}:cl=mono`];
	const video = ['-c:v', 'libx264', '-bf', '0', '-g', '50'];
	await new Program(t, 'ffmpeg', ['-v', 'error', ...inputs, '-t', '2', ...video, '-c:a', 'aac', file]).succeed();
	return loadClip(file);
}

/** An init segment and the last of the segments that a playlist lists, in one file. (ffprobe does not seek in such playlists.) */
function endOf(playlist: string): string {
	const { map, uri } = parseMediaPlaylist(readFileSync(playlist, 'utf8')).segments.at(-1)!;
	const bytes = [map!, uri].map((name) => readFileSync(path.join(path.dirname(playlist), name)));
	writeFileSync(`${playlist}.mp4`, Buffer.concat(bytes));
	return `${playlist}.mp4`;
}

/** Presentation times of the last packets. */
async function lastFrames(
	t: TestContext,
	file: string,
	options: readonly string[] = [],
): Promise<{ audioMs: number; videoMs: number }> {
	const entries = ['-show_entries', 'packet=codec_type,pts_time', '-of', 'csv=p=0'];
	const ffprobe = new Program(t, 'ffprobe', ['-v', 'error', ...options, ...entries, file]);
	const packets = (await ffprobe.succeed()).split('\n').map((line) => line.split(','));
	const last = (kind: string): number =>
		Math.max(...packets.filter(([type]) => type === kind).map(([, seconds]) => Number(seconds) * 1000));
	return { audioMs: last('audio'), videoMs: last('video') };
}

/** LL-HLS of a feed, with one viewer, on the clock of the stream. */
class LiveViewer {
	readonly #source: LiveSource;
	readonly #packaging: LivePackaging;

	constructor(feed: ClipFeed) {
		const parts = PartRingWriter.allocate(MIN_PART_RING_BYTES);
		const now = (): number => Date.UTC(2026, 0, 1) + feed.nextMs;
		this.#source = new LiveSource(parts, now);
		this.#packaging = new LivePackaging({
			...{ ring: feed.ring, parts, now },
			policy: { segmentMs: 1500, maxSegmentMs: 8000, partMs: 333 },
			moved: (ring) => this.#source.replaceRing(ring),
		});
	}

	look(): void {
		this.#ask('live.m3u8');
		this.#packaging.advance();
	}

	/** An init segment and the newest segment. */
	lastSegment(): Buffer {
		const { segments } = parseMediaPlaylist(this.#ask('live.m3u8')!.toString());
		const { map, uri } = segments.at(-1)!;
		return Buffer.concat([this.#ask(map!)!, this.#ask(uri)!]);
	}

	#ask(name: string): Buffer | null {
		let bytes: Buffer | null = null;
		this.#source.ask(parseLiveName(name)!, '', (answer) => {
			bytes = bytesOf(answer);
		})();
		return bytes;
	}
}
