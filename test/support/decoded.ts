import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Program } from './program.js';

/** What a decoder makes of a file or playlist: the hash of every decoded frame, and the presentation time of every packet, by track. */
export type Decoded = {
	hashes: { video: string[]; audio: string[] };
	ptsSeconds: { video: number[]; audio: number[] };
};

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
	const said = decoder.stderr.split('\n').filter((line) => !/Opening .* for reading/.test(line) && !allowed.test(line));
	assert.equal(said.join('\n'), '', `what ffmpeg says of ${input}`);
	const prober = new Program(t, 'ffprobe', [
		...['-v', 'error', ...options, '-show_entries', 'packet=codec_type,pts_time', '-of', 'csv=p=0', input],
	]);
	return { hashes: hashesOf(hashed), ptsSeconds: timesOf(await prober.succeed()) };
}

function hashesOf(text: string): Decoded['hashes'] {
	const kinds = new Map(
		[...text.matchAll(/^#media_type (\d+): (video|audio)$/gm)].map(([, index, kind]) => [index, kind]),
	);
	const hashes: Decoded['hashes'] = { video: [], audio: [] };
	for (const line of text.split('\n')) {
		const fields = line.split(',').map((field) => field.trim());
		if (/^\d+$/.test(fields[0]!)) {
			hashes[kinds.get(fields[0]) === 'video' ? 'video' : 'audio'].push(fields[5]!);
		}
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
