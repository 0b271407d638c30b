import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Program } from './program.js';

/** A file or playlist, decoded: the hash of every frame, and the presentation time of every packet, by track. */
export type Decoded = {
	hashes: { video: string[]; audio: string[] };
	ptsSeconds: { video: number[]; audio: number[] };
};

/** ffmpeg's lines about the segments of a playlist. */
const OPENING = /^.*Opening .* for reading.*\n/gm;

/** Decodes `input` with ffmpeg, which must not have a word to say about it but what is `allowed`. */
export async function decode(
	t: TestContext,
	input: string,
	options: readonly string[] = [],
	allowed = /(?!)/,
): Promise<Decoded> {
	// The container's own time base: at a splice, frames do not fall into the rhythm of a frame rate.
	const maps = ['-map', '0:v?', '-map', '0:a?', '-fps_mode', 'passthrough', '-enc_time_base', '-1'];
	const decoder = new Program(t, 'ffmpeg', [
		...['-hide_banner', '-nostdin', '-v', 'warning', ...options, '-i', input],
		...[...maps, '-f', 'framehash', '-hash', 'md5', '-'],
	]);
	const hashed = await decoder.succeed();
	const said = decoder.stderr.replaceAll(OPENING, '').split('\n');
	assert.equal(said.filter((line) => !allowed.test(line)).join('\n'), '', `what ffmpeg says of ${input}`);
	const prober = new Program(t, 'ffprobe', [
		...['-v', 'error', ...options, '-show_entries', 'packet=codec_type,pts_time', '-of', 'csv=p=0', input],
	]);
	return { hashes: hashesOf(hashed), ptsSeconds: timesOf(await prober.succeed()) };
}

/**
 * Returns the hashes of the decoded frames of each of `inputs`, which have a video and an audio track each, from one
 * run of ffmpeg. ffmpeg must not complain about any of them.
 */
export async function decodedHashes(t: TestContext, inputs: readonly string[]): Promise<Decoded['hashes'][]> {
	const decoder = new Program(t, 'ffmpeg', [
		...[
			'-hide_banner',
			'-nostdin',
			'-v',
			'warning',
			...inputs.flatMap((input) => ['-guess_layout_max', '0', '-i', input]),
		],
		...inputs.flatMap((_, index) => ['-map', `${index}:v:0`, '-map', `${index}:a:0`]),
		...['-fps_mode', 'passthrough', '-enc_time_base', '-1', '-f', 'framehash', '-hash', 'md5', '-'],
	]);
	const text = await decoder.succeed();
	assert.equal(decoder.stderr.replaceAll(OPENING, ''), '', `what ffmpeg says of ${inputs.join(' ')}`);
	const decoded = inputs.map((): Decoded['hashes'] => ({ video: [], audio: [] }));
	for (const [stream, hash] of framesIn(text)) {
		decoded[Math.floor(stream / 2)]![stream % 2 === 0 ? 'video' : 'audio'].push(hash);
	}
	return decoded;
}

/** Stream and hash of each line of a framehash file. */
function framesIn(text: string): [number, string][] {
	return text.split('\n').flatMap((line): [number, string][] => {
		const fields = line.split(',').map((field) => field.trim());
		return /^\d+$/.test(fields[0]!) ? [[Number(fields[0]), fields[5]!]] : [];
	});
}

function hashesOf(text: string): Decoded['hashes'] {
	const kinds = new Map(
		[...text.matchAll(/^#media_type (\d+): (video|audio)$/gm)].map(([, index, kind]) => [index, kind]),
	);
	const hashes: Decoded['hashes'] = { video: [], audio: [] };
	for (const [stream, hash] of framesIn(text)) {
		hashes[kinds.get(String(stream)) === 'video' ? 'video' : 'audio'].push(hash);
	}
	return hashes;
}

function timesOf(text: string): Decoded['ptsSeconds'] {
	const times: Decoded['ptsSeconds'] = { video: [], audio: [] };
	for (const line of text.split('\n')) {
		const [kind, pts] = line.split(',');
		if (kind === 'video' || kind === 'audio') {
			times[kind].push(Number(pts));
		}
	}
	times.video.sort((a, b) => a - b);
	times.audio.sort((a, b) => a - b);
	return times;
}

/**
 * Holds `output` against what it was made of: every decoded frame the same, in order, and sound and picture as far apart as they
 * were, each frame of them, to the millisecond. The whole may be shifted.
 */
export function assertSameMedia(output: Decoded, source: Decoded, what: string): void {
	assert.deepEqual(output.hashes, source.hashes, `${what}: decoded frames`);
	const leading = source.ptsSeconds.video.length > 0 ? 'video' : 'audio';
	const shift = (output.ptsSeconds[leading][0] ?? 0) - (source.ptsSeconds[leading][0] ?? 0);
	for (const kind of ['video', 'audio'] as const) {
		const worst = source.ptsSeconds[kind].reduce((most, pts, index) => {
			return Math.max(most, Math.abs((output.ptsSeconds[kind][index] ?? Number.NaN) - shift - pts));
		}, 0);
		assert(worst <= 0.00151, `${what}: ${kind} is ${worst} s off`);
	}
}
