import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Tag, TagType } from '#src/tools/load/flv-scanner.js';
import { assertSameFrames, framesOfFrameMd5, framesOfTags, mediaTags, type Tracks, tagsOfFile } from './frames.js';
import { Program } from './program.js';

const FRAME_MD5 = ['-map', '0:v', '-map', '0:a', '-c', 'copy', '-f', 'framemd5', '-'];
/** FLV's own bytes in front of the codec's: H.264 type, packet type and composition time; AAC type and packet type. */
const AVC_HEADER_BYTES = 5;
const AAC_HEADER_BYTES = 2;

/** A real player at work. `check` waits for the end of its stream, and holds that it got all of `clip`. */
export type Player = { name: string; check(clip: string): Promise<void> };

/** Frames of a file or URL in the eyes of ffmpeg: payload hashes, dts and pts. */
export async function ffmpegFrames(t: TestContext, input: string): Promise<Tracks> {
	const ffmpeg = new Program(t, 'ffmpeg', ['-v', 'error', '-xerror', '-i', input, ...FRAME_MD5]);
	return framesOfFrameMd5(await ffmpeg.succeed());
}

/** ffmpeg reads RTMP and HTTP-FLV with its own demuxers and hashes every packet. */
export function ffmpegPlayer(t: TestContext, url: string): Player {
	const frames = ffmpegFrames(t, url);
	return {
		name: `ffmpeg, ${new URL(url).protocol}`,
		check: async (clip) => assertSameFrames(await frames, await ffmpegFrames(t, clip)),
	};
}

/** rtmpdump (librtmp) writes what it gets as FLV, untouched. */
export function rtmpdumpPlayer(t: TestContext, url: string, directory: string): Player {
	const file = join(directory, 'rtmpdump.flv');
	const program = new Program(t, 'rtmpdump', ['--quiet', '--live', '--rtmp', url, '--flv', file]);
	return {
		name: 'rtmpdump',
		check: async (clip) => {
			await program.succeed();
			assertSameFrames(framesOfTags(tagsOfFile(file)), framesOfTags(tagsOfFile(clip)));
		},
	};
}

/** GStreamer demuxes into one file of bare frames a track; `source` is the element that fetches FLV, with its settings. */
export function gstreamerPlayer(t: TestContext, source: readonly string[], directory: string): Player {
	const [video, audio] = [join(directory, `${source[0]}.h264`), join(directory, `${source[0]}.aac`)];
	const sinks = ['d.video', '!', 'queue', '!', 'filesink', `location=${video}`];
	sinks.push('d.audio', '!', 'queue', '!', 'filesink', `location=${audio}`);
	const program = new Program(t, 'gst-launch-1.0', ['--quiet', ...source, '!', 'flvdemux', 'name=d', ...sinks]);
	return {
		name: `GStreamer ${source[0]}`,
		check: async (clip) => {
			await program.succeed();
			const tags = mediaTags(tagsOfFile(clip));
			assertSameBytes('video', readFileSync(video), payloads(tags, TagType.video, AVC_HEADER_BYTES));
			assertSameBytes('audio', readFileSync(audio), payloads(tags, TagType.audio, AAC_HEADER_BYTES));
		},
	};
}

function assertSameBytes(track: string, received: Buffer, sent: Buffer): void {
	const at = received.length === 0 ? -1 : sent.indexOf(received.subarray(0, 64));
	const same = received.findIndex((byte, index) => byte !== sent[index]);
	assert.ok(
		received.equals(sent),
		`${track}: ${received.length} bytes of ${sent.length}, start at ${at}, same up to ${same === -1 ? 'their end' : same}`,
	);
}

function payloads(tags: readonly Tag[], type: number, headerBytes: number): Buffer {
	return Buffer.concat(tags.filter((tag) => tag.type === type).map((tag) => tag.body.subarray(headerBytes)));
}
