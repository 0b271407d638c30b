import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseAc3SyncFrame } from '#src/codec/ac3/sync-frame.js';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { type Tag, TagType } from '#src/tools/load/flv-scanner.js';
import { launchBrowser } from '../support/browser.js';
import { decodedHashes } from '../support/decoded.js';
import { tagsOfFile } from '../support/frames.js';
import { hlsPage } from '../support/hls-page.js';
import { parseMpd } from '../support/manifest.js';
import {
	asByteStream,
	changedInBand,
	marked,
	withAdts,
	withEmptyUnits,
	withPartsApart,
	withSetsInBandOnly,
} from '../support/odd-tags.js';
import { Program } from '../support/program.js';
import { httpPush } from '../support/push.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { until } from '../support/until.js';

const CLIP_SECONDS = 12;
const FRAMES = CLIP_SECONDS * 25;
/** Sources come faster than they play: their outputs are files that are looked at afterwards. */
const SPEED = 3;

test('streams of every encoder that does it its own way come out of every output whole', {
	timeout: 240_000,
}, async (t) => {
	const server = await startServer(t, { config: { publish: { grace: '1s' }, hls: { type: 'event' } } });
	const clip = path.join(server.directory, 'clip.flv');
	const large = path.join(server.directory, 'large.flv');
	const surround = path.join(server.directory, 'surround.flv');
	await Promise.all([
		makeClip(t, clip, '160x90', ['-af', 'aformat=channel_layouts=mono']),
		makeClip(t, large, '320x180', ['-af', 'aformat=channel_layouts=mono']),
		makeClip(t, surround, '160x90', ['-af', 'pan=5.1(side)|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0']),
	]);
	const [tags, largeTags, surroundTags] = [clip, large, surround].map(tagsOfFile) as [Tag[], Tag[], Tag[]];
	const [sent, sentSurround] = await decodedHashes(t, [clip, surround]);
	const sources: { name: string; tags: Tag[]; sent: typeof sent }[] = [
		{ name: 'byte-stream', tags: asByteStream(tags), sent },
		{ name: 'sets-in-band', tags: withSetsInBandOnly(tags), sent },
		{ name: 'parts-apart', tags: withPartsApart(tags), sent },
		{ name: 'empty-units', tags: withEmptyUnits(tags), sent },
		{ name: 'marked-inter', tags: marked(tags, 'inter'), sent },
		{ name: 'marked-key', tags: marked(tags, 'key'), sent },
		{ name: 'adts', tags: withAdts(tags), sent },
		{ name: 'surround', tags: surroundTags, sent: sentSurround },
	];
	await t.test('pictures and sound are those that were sent', { concurrency: true }, async (t) => {
		await Promise.all(
			sources.map(({ name, tags, sent }) =>
				t.test(name, async (t) => {
					await publish(server, name, tags);
					for (const [index, found] of (await decodedHashes(t, outputsOf(server, name))).entries()) {
						assert.deepEqual(found.video, sent!.video, `${outputsOf(server, name)[index]}: pictures`);
						assertEnd(found.audio, sent!.audio, `${outputsOf(server, name)[index]}: sound`);
					}
				}),
			),
		);
	});

	await t.test('Chromium shows every picture', async (t) => {
		const browser = await launchBrowser(t);
		await Promise.all(
			['byte-stream', 'parts-apart', 'empty-units'].map(async (name) => {
				const page = await browser.newPage();
				await page.goto(await hlsPage(t, server.httpUrl(`mp4/live/${name}/output_merge/index.m3u8`)));
				await page.evaluate('video.playbackRate = 4');
				const isOver = 'video.ended || video.error !== null || faults.some((fault) => fault.endsWith(" true"))';
				await page.waitForFunction(isOver, null, { timeout: 120_000 });
				const seen = await page.evaluate(
					'({ frames: video.getVideoPlaybackQuality().totalVideoFrames, error: video.error?.message ?? null })',
				);
				assert.deepEqual(seen, { frames: FRAMES, error: null }, name);
			}),
		);
	});

	await t.test('parameter sets that change in band begin another part of every output', async (t) => {
		const halfMs = (CLIP_SECONDS / 2) * 1000;
		await publish(server, 'change', changedInBand(tags, largeTags, halfMs));
		const half = FRAMES / 2;
		await assertOneChange(t, server, 'change', [half, FRAMES]);
		const { home } = filesOf(server, 'change');
		const mpd = parseMpd(readFileSync(path.join(home, 'output_separate/manifest.mpd'), 'utf8'));
		assert.equal(mpd.periods.length, 2);
		const master = readFileSync(path.join(home, 'output_separate/index.m3u8'), 'utf8');
		assert.match(master, /RESOLUTION=320x180/);
	});

	await t.test('sound that changes in band does, too', async (t) => {
		const stereo = await makeAc3(t, server, 2);
		const surround = await makeAc3(t, server, 6);
		const halfMs = (CLIP_SECONDS / 2) * 1000;
		const pictures = tags.filter(({ type }) => type === TagType.video);
		const sounds = [
			...stereo.filter(({ dtsMs }) => dtsMs < halfMs),
			...surround.filter(({ dtsMs }) => dtsMs >= halfMs),
		];
		const mixed = [...pictures, ...sounds].sort((a, b) => a.dtsMs - b.dtsMs);
		await publish(server, 'ac3', mixed);
		await assertOneChange(t, server, 'ac3', null);
		const { home } = filesOf(server, 'ac3');
		const channels = await Promise.all(
			['ac3_full.mp4', 'ac3_full_2.mp4'].map((file) =>
				new Program(t, 'ffprobe', [
					...['-v', 'error', '-select_streams', 'a', '-show_entries', 'stream=channels', '-of', 'csv=p=0'],
					path.join(home, 'output_merge', file),
				]).succeed(),
			),
		);
		assert.deepEqual(
			channels.map((text) => Number.parseInt(text, 10)),
			[2, 6],
		);
		const manifest = readFileSync(path.join(home, 'output_separate/manifest.mpd'), 'utf8');
		const configurations = [...manifest.matchAll(/audio_channel_configuration:2011" value="(\d+)"/g)];
		assert.deepEqual(
			configurations.map(([, value]) => value),
			['2', '6'],
		);
	});
});

/** A picture that moves and a tone, as an encoder sends them: keyframes two seconds apart, B-frames, SEI. */
async function makeClip(t: TestContext, file: string, size: string, sound: readonly string[]): Promise<void> {
	const inputs = ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=25`, '-f', 'lavfi', '-i', 'sine=r=48000'];
	const video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '50', '-sc_threshold', '0'];
	const audio = ['-c:a', 'aac', ...sound];
	const length = ['-t', String(CLIP_SECONDS), '-flvflags', 'no_duration_filesize'];
	await new Program(t, 'ffmpeg', ['-v', 'error', ...inputs, ...video, ...audio, ...length, file]).succeed();
}

/** AC-3 in tags of Enhanced RTMP. */
async function makeAc3(t: TestContext, server: ServerProcess, channels: number): Promise<Tag[]> {
	const file = path.join(server.directory, `sound-${channels}.ac3`);
	const input = ['-f', 'lavfi', '-i', 'sine=r=48000', '-t', String(CLIP_SECONDS), '-ac', String(channels)];
	await new Program(t, 'ffmpeg', ['-v', 'error', ...input, '-c:a', 'ac3', file]).succeed();
	const bytes = readFileSync(file);
	const tags: Tag[] = [];
	for (let at = 0; at < bytes.length; ) {
		const { frameBytes, frameSamples, sampleRate } = parseAc3SyncFrame(bytes, at)!;
		const body = Buffer.concat([Buffer.from('\x91ac-3', 'latin1'), bytes.subarray(at, at + frameBytes)]);
		tags.push({ type: TagType.audio, dtsMs: Math.round((tags.length * frameSamples * 1000) / sampleRate), body });
		at += frameBytes;
	}
	return tags;
}

type Files = { home: string; ts: string; merged: string; separate: string; mp4: string };

function filesOf(server: ServerProcess, name: string): Files {
	const home = path.join(server.media, 'mp4', 'live', name);
	return {
		home,
		ts: path.join(server.media, 'hls', 'live', name, 'index.m3u8'),
		merged: path.join(home, 'output_merge', 'index.m3u8'),
		separate: path.join(home, 'output_separate', 'index.m3u8'),
		mp4: path.join(home, 'output_merge', `${name}_full.mp4`),
	};
}

function outputsOf(server: ServerProcess, name: string): string[] {
	const { ts, merged, separate, mp4 } = filesOf(server, name);
	return [ts, merged, separate, mp4];
}

/** Resolves when the stream is over and all its recordings are finished. */
async function publish(server: ServerProcess, name: string, tags: readonly Tag[]): Promise<void> {
	assert.equal(await httpPush(tags, server.httpUrl(`live/${name}`), SPEED), 200);
	const { mp4, ts } = filesOf(server, name);
	await until(`${mp4} is there`, () => existsSync(mp4), 60_000);
	await until(`${ts} is complete`, () => readFileSync(ts, 'utf8').includes('#EXT-X-ENDLIST'), 60_000);
}

/** The first frames of sound may be before the first picture, where nobody can start to play. */
function assertEnd(found: readonly string[], sent: readonly string[], what: string): void {
	const skipped = sent.length - found.length;
	assert.ok(skipped >= 0 && skipped <= 3, `${what}: ${found.length} frames of ${sent.length}`);
	// The first frame is decoded with the one before it, which may be missing.
	assert.deepEqual(found.slice(1), sent.slice(skipped + 1), what);
}

/** Two MP4s, and exactly one discontinuity with another init segment behind it in each playlist. */
async function assertOneChange(
	t: TestContext,
	server: ServerProcess,
	name: string,
	frames: readonly number[] | null,
): Promise<void> {
	const { home, ts, merged } = filesOf(server, name);
	const playlist = parseMediaPlaylist(readFileSync(merged, 'utf8'));
	const changes = playlist.segments.flatMap(({ discontinuity }, index) => (discontinuity && index > 0 ? [index] : []));
	assert.equal(changes.length, 1, 'discontinuities');
	const maps = playlist.segments.map(({ map }) => map);
	assert.deepEqual(maps.lastIndexOf(maps[0]!) + 1, changes[0]);
	assert.equal(new Set(maps).size, 2);
	assert.equal(readFileSync(ts, 'utf8').split('#EXT-X-DISCONTINUITY\n').length - 1, 1);
	const movies = readdirSync(path.join(home, 'output_merge')).filter((file) => file.includes('_full'));
	assert.deepEqual(movies.sort(), [`${name}_full.mp4`, `${name}_full_2.mp4`]);
	for (const [index, movie] of movies.entries()) {
		const [found] = await decodedHashes(t, [path.join(home, 'output_merge', movie)]);
		if (frames !== null) {
			assert.equal(found?.video.length, frames[index], movie);
		}
	}
}
