import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ALL_FORMATS, EncodedPacketSink, FilePathSource, Input } from 'mediabunny';
import { createFile, MP4BoxBuffer } from 'mp4box';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { type Tag, TagType } from '#src/tools/load/flv-scanner.js';
import { advanceAll, finishTakes, recordEverything } from '../support/all-outputs.js';
import { ClipFeed } from '../support/clip-feed.js';
import { mediaTags } from '../support/frames.js';
import { CLIP } from '../support/publish.js';

const LENGTH_MS = 9000;
const SAMPLE_RATE = 48_000;
const FRAME_SAMPLES = 1024;
const AVC_HEADER_BYTES = 5;
const AAC_HEADER_BYTES = 2;

/** When a frame is decoded and shown, in seconds, and how many bytes it has. */
type Sample = { dts: number; pts: number; sizeBytes: number };
type Samples = { video: Sample[]; audio: Sample[] };

describe('readers that are not ours', () => {
	let root: string;
	let source: Samples;
	let files: { mp4: string; fragments: string; ts: string };
	before(async () => {
		root = await mkdtemp(path.join(tmpdir(), 'millrace-readers-'));
		const feed = new ClipFeed(CLIP);
		const outputs = recordEverything(feed.ring, root, 'a', { hls: { type: 'event' } });
		feed.play(LENGTH_MS);
		feed.end();
		assert.equal(await advanceAll(outputs), true);
		await finishTakes(outputs);
		source = samplesOfTags(mediaTags(CLIP.frames).filter(({ dtsMs }) => dtsMs < LENGTH_MS));
		const home = path.join(root, 'mp4', 'live', 'a');
		const merged = path.join(home, readdirSync(home).find((name) => /^\d/.test(name))!, 'output_merge');
		files = {
			mp4: path.join(merged, 'a_full.mp4'),
			fragments: joined(path.join(merged, 'index.m3u8'), path.join(root, 'fragments.mp4')),
			ts: joined(path.join(root, 'hls', 'live', 'a', 'index.m3u8'), path.join(root, 'joined.ts')),
		};
	});
	after(() => rm(root, { recursive: true }));

	for (const which of ['mp4', 'fragments'] as const) {
		it(`find every frame in its place with mp4box: ${which}`, () => {
			const samples = readWithMp4box(files[which]);
			assertSameSamples(samples, source, 1e-6);
		});
	}

	for (const which of ['mp4', 'fragments', 'ts'] as const) {
		it(`find every frame in its place with mediabunny: ${which}`, async () => {
			const { samples, durationSeconds } = await readWithMediabunny(files[which]);
			// Times of MPEG-TS are 1/90,000 s.
			assertSameSamples(samples, source, which === 'ts' ? 1.2e-5 : 1e-6, which === 'ts');
			const lasts = durationSeconds - Math.min(samples.video[0]!.pts, samples.audio[0]!.pts);
			assert.ok(Math.abs(lasts - LENGTH_MS / 1000) < 0.15, `${lasts} s`);
		});
	}
});

/** As they should be: sound to the sample. */
function samplesOfTags(tags: readonly Tag[]): Samples {
	const video = tags
		.filter(({ type }) => type === TagType.video)
		.map(({ dtsMs, body }) => {
			const dts = dtsMs / 1000;
			return { dts, pts: dts + body.readIntBE(2, 3) / 1000, sizeBytes: body.length - AVC_HEADER_BYTES };
		});
	const sounds = tags.filter(({ type }) => type === TagType.audio);
	const audio = sounds.map(({ body }, index) => {
		const at = sounds[0]!.dtsMs / 1000 + (index * FRAME_SAMPLES) / SAMPLE_RATE;
		return { dts: at, pts: at, sizeBytes: body.length - AAC_HEADER_BYTES };
	});
	return { video, audio };
}

/** Everything that a playlist lists, one behind the other. */
function joined(playlist: string, file: string): string {
	const { segments } = parseMediaPlaylist(readFileSync(playlist, 'utf8'));
	const names = [segments[0]!.map ?? [], segments.map(({ uri }) => uri)].flat();
	writeFileSync(file, Buffer.concat(names.map((name) => readFileSync(path.join(path.dirname(playlist), name)))));
	return file;
}

/** Times behind the edit list. */
function readWithMp4box(file: string): Samples {
	const mp4 = createFile();
	mp4.onError = (module, message) => assert.fail(`${module}: ${message}`);
	mp4.appendBuffer(MP4BoxBuffer.fromArrayBuffer(new Uint8Array(readFileSync(file)).buffer, 0));
	mp4.flush();
	const { videoTracks, audioTracks, timescale: movieScale } = mp4.getInfo();
	const samplesOf = ({ id, edits = [] }: (typeof videoTracks)[number]): Sample[] => {
		const emptyTicks = edits.find(({ media_time }) => media_time < 0)?.segment_duration ?? 0;
		const mediaTime = edits.find(({ media_time }) => media_time >= 0)?.media_time ?? 0;
		return mp4.getTrackSamplesInfo(id).map(({ dts, cts, timescale, size }) => {
			const shift = emptyTicks / movieScale - mediaTime / timescale;
			return { dts: dts / timescale, pts: cts / timescale + shift, sizeBytes: size };
		});
	};
	return { video: samplesOf(videoTracks[0]!), audio: samplesOf(audioTracks[0]!) };
}

/** It knows no decoding times: packets come in that order. */
async function readWithMediabunny(file: string): Promise<{ samples: Samples; durationSeconds: number }> {
	const input = new Input({ source: new FilePathSource(file), formats: ALL_FORMATS });
	const read = async (kind: 'video' | 'audio'): Promise<Sample[]> => {
		const track = await (kind === 'video' ? input.getPrimaryVideoTrack() : input.getPrimaryAudioTrack());
		const samples: Sample[] = [];
		for await (const { timestamp, byteLength } of new EncodedPacketSink(track!).packets()) {
			samples.push({ dts: Number.NaN, pts: timestamp, sizeBytes: byteLength });
		}
		return samples;
	};
	try {
		const samples = { video: await read('video'), audio: await read('audio') };
		return { samples, durationSeconds: await input.computeDuration() };
	} finally {
		input.dispose();
	}
}

/** All may be shifted by as much; `reframed`: frames have other bytes around them. */
function assertSameSamples(found: Samples, expected: Samples, within: number, reframed = false): void {
	const shift = found.video[0]!.pts - expected.video[0]!.pts;
	for (const kind of ['video', 'audio'] as const) {
		assert.equal(found[kind].length, expected[kind].length, kind);
		// Decoding times may be shifted as a whole, too: they are the container's affair.
		const dtsShift = found[kind][0]!.dts - expected[kind][0]!.dts;
		for (const [index, { dts, pts, sizeBytes }] of found[kind].entries()) {
			const wanted = expected[kind][index]!;
			assert.ok(
				Math.abs(pts - shift - wanted.pts) < within,
				`${kind} ${index} is shown at ${pts - shift}, not ${wanted.pts}`,
			);
			assert.ok(
				Number.isNaN(dts) || Math.abs(dts - dtsShift - wanted.dts) < within,
				`${kind} ${index} is decoded at ${dts}`,
			);
			assert.ok(reframed || sizeBytes === wanted.sizeBytes, `${kind} ${index} has ${sizeBytes} bytes`);
		}
	}
}
