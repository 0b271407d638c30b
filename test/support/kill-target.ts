import assert from 'node:assert/strict';
import { openSync, writeSync } from 'node:fs';
import { loadClip } from '#src/tools/load/clip.js';
import { advanceAll, finishTakes, recordEverything } from './all-outputs.js';
import { ClipFeed } from './clip-feed.js';

/**
 * Records streams in every form, one take after the other, much faster than they play, until it is killed:
 *
 *   node kill-target.js MEDIA CLIP NAME STREAMS PROGRESS
 *
 * As many streams as STREAMS says go on side by side. Take number n of stream s is stream `live/{NAME}-{s}-{n}`. PROGRESS is a file
 * in which each has a line of its own (see `readProgress`), which is overwritten in place: a system call that SIGKILL does not cut.
 */

/**
 * The state of a take: pictures in the ring, and in the ring when the recorders had last written all that they had
 * read.
 */
export type Progress = { name: string; inRing: number; written: number; ended: boolean };

/** The recorders look at the ring as often as in a server (record/ticker.ts), in stream time. */
export const STEP_MS = 1000;
/** Segments of two GOPs of the clip. */
export const HLS = { segment: '1900ms', maxSegment: '4s', type: 'event' };
const LINE_BYTES = 200;

/** The last take of each stream, as a killed process has left it. */
export function readProgress(text: string): Progress[] {
	return text
		.split('\n')
		.filter((line) => line.trim() !== '')
		.map((line) => JSON.parse(line));
}

async function recordTakes(media: string, clipFile: string, name: string, line: number, file: number): Promise<never> {
	const clip = loadClip(clipFile);
	for (let number = 0; ; number++) {
		const progress: Progress = { name: `${name}-${line}-${number}`, inRing: 0, written: 0, ended: false };
		const say = (change: Partial<Progress>): void => {
			Object.assign(progress, change);
			writeSync(file, `${JSON.stringify(progress).padEnd(LINE_BYTES - 1)}\n`, line * LINE_BYTES);
		};
		const feed = new ClipFeed(clip);
		const outputs = recordEverything(feed.ring, media, progress.name, { hls: HLS });
		const lengthMs = 2000 + Math.random() * 0.7 * clip.durationMs;
		for (let untilMs = 0; untilMs < lengthMs; ) {
			untilMs += STEP_MS;
			feed.play(Math.min(untilMs, lengthMs));
			say({ inRing: feed.pictures });
			await advanceAll(outputs);
			say({ written: feed.pictures });
		}
		feed.end();
		say({ ended: true });
		await advanceAll(outputs);
		await finishTakes(outputs);
		for (const { message, level, fields } of outputs.flatMap(({ events }) => events)) {
			assert.equal(level, 'info', `${message} ${JSON.stringify(fields)}`);
		}
	}
}

async function main([media = '', clip = '', name = '', streams = '', progress = '']: string[]): Promise<void> {
	const file = openSync(progress, 'w');
	const lines = Array.from({ length: Number(streams) }, (_, line) => line);
	await Promise.all(lines.map((line) => recordTakes(media, clip, name, line, file)));
}

if (process.argv[1]?.endsWith('kill-target.js')) {
	await main(process.argv.slice(2));
}
