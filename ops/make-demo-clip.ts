import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Makes src/tools/demo.flv again, with ffmpeg: a moving picture with its time burnt in and a beeping tone, H.264 with
 * B-frames and AAC. It is cut so that it can be played in a loop. 200 frames of video and 375 of audio are both exactly
 * 8 s, and no GOP refers to another. The audio is taken out of the middle of a longer encoding, so that its last frame
 * runs on into its first.
 */

const CLIP_SECONDS = 8;
const FRAME_RATE = 25;
const SAMPLE_RATE = 48_000;

const target = fileURLToPath(new URL('../../src/tools/demo.flv', import.meta.url));
const directory = mkdtempSync(path.join(tmpdir(), 'millrace-demo-clip-'));
const video = path.join(directory, 'video.flv');
const audio = path.join(directory, 'audio.m4a');
const time = "drawtext=text='%{pts\\:hms}':x=(w-tw)/2:y=h-40:fontsize=28:fontcolor=white:box=1:boxcolor=black@0.6";
const bitExact = ['-fflags', '+bitexact', '-flags:v', '+bitexact', '-flags:a', '+bitexact'];

try {
	ffmpeg(
		...['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=${FRAME_RATE}:duration=${CLIP_SECONDS}`, '-vf', time],
		...['-c:v', 'libx264', '-preset', 'veryslow', '-crf', '30', '-bf', '2', '-pix_fmt', 'yuv420p', '-threads', '1'],
		...['-g', String(2 * FRAME_RATE), '-keyint_min', String(2 * FRAME_RATE), '-sc_threshold', '0'],
		...[...bitExact, video],
	);
	ffmpeg(
		...[
			'-f',
			'lavfi',
			'-i',
			`sine=frequency=440:beep_factor=2:sample_rate=${SAMPLE_RATE}:duration=${3 * CLIP_SECONDS}`,
		],
		...['-filter:a', 'volume=0.3', '-c:a', 'aac', '-b:a', '48k', '-ac', '1', ...bitExact, audio],
	);
	ffmpeg(
		...['-i', video, '-ss', String(CLIP_SECONDS), '-t', String(CLIP_SECONDS), '-i', audio],
		...['-map', '0:v', '-map', '1:a', '-c', 'copy', ...bitExact, target],
	);
} finally {
	rmSync(directory, { recursive: true });
}

function ffmpeg(...given: string[]): void {
	execFileSync('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', ...given], { stdio: 'inherit' });
}
