import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BufferPool } from '#src/bytes/buffer-pool.js';
import {
	FILE_HEADER_BYTES,
	PREVIOUS_TAG_SIZE_BYTES,
	parseTagHeader,
	TAG_HEADER_BYTES,
	TagType,
} from '#src/container/flv/tag.js';
import { CmafPackager } from '#src/remux/cmaf-packager.js';
import type { FrameSink } from '#src/remux/frame.js';
import { FramesFromFlv } from '#src/remux/frames-from-flv.js';
import { FramesFromTs } from '#src/remux/frames-from-ts.js';
import { FramesToFlv } from '#src/remux/frames-to-flv.js';
import { SegmentPlanner } from '#src/remux/segment-planner.js';
import { TsSegmenter } from '#src/remux/ts-segmenter.js';

const LOOP_MS = 9600;
const TURNS = 200;
const ROUNDS = 7;
const PUSH_BYTES = 256 * 1024;
const ignore = (): void => undefined;

type Tag = { tagType: number; timeMs: number; body: Buffer };

/** Processor time that a frame of bar.flv takes on its way from FLV tags into each form, and out of a transport stream; no files. */
function main(): void {
	const tags = readTags(readFileSync(fileURLToPath(new URL('../../../bench/fixtures/bar.flv', import.meta.url))));
	const frames = tags.filter(({ tagType }) => tagType !== TagType.script).length * TURNS;
	const pool = new BufferPool();
	const nothing: FrameSink = { track: ignore, frame: ignore, splice: ignore, end: ignore };
	const stream: Buffer[] = [];
	const tsSink = (use: (bytes: Buffer) => void): FrameSink => {
		const sink = { tracks: ignore, leftOut: ignore, end: ignore };
		return new SegmentPlanner(new TsSegmenter({ ...sink, segment: ({ bytes }) => use(bytes) }, pool));
	};
	const fmp4Sink = (): FrameSink => {
		const sink = { init: ignore, segmentEnd: ignore, end: ignore };
		const fragment = ({ runs }: { runs: readonly { run: { payload: Buffer } }[] }): void => {
			for (const { run } of runs) {
				pool.give(run.payload);
			}
		};
		return new SegmentPlanner(new CmafPackager({ ...sink, fragment }, { pool }), { partMs: 1000 });
	};
	play(
		tags,
		tsSink((bytes) => stream.push(Buffer.from(bytes))),
	);
	const ways: [name: string, run: () => void][] = [
		['frames alone', () => play(tags, nothing)],
		[
			'to MPEG-TS segments',
			() =>
				play(
					tags,
					tsSink((bytes) => pool.give(bytes)),
				),
		],
		['to fMP4 fragments', () => play(tags, fmp4Sink())],
		['to FLV', () => play(tags, new FramesToFlv(pool, (bytes) => pool.give(bytes)))],
		['from MPEG-TS', () => readStream(stream, nothing)],
	];
	for (const [name, run] of ways) {
		const spent: number[] = [];
		for (let round = 0; round < ROUNDS; round++) {
			const before = process.cpuUsage();
			run();
			const { user, system } = process.cpuUsage(before);
			spent.push((user + system) / frames);
		}
		console.log(`${name.padEnd(20)} ${Math.min(...spent).toFixed(3)} µs per frame`);
	}
}

function play(tags: readonly Tag[], sink: FrameSink): void {
	const frames = new FramesFromFlv(sink);
	for (let turn = 0; turn < TURNS; turn++) {
		for (const { tagType, timeMs, body } of tags) {
			frames.tag(tagType, timeMs + turn * LOOP_MS, body);
		}
	}
	frames.end();
}

function readStream(stream: readonly Buffer[], sink: FrameSink): void {
	const frames = new FramesFromTs(sink);
	for (const segment of stream) {
		for (let at = 0; at < segment.length; at += PUSH_BYTES) {
			frames.push(segment.subarray(at, at + PUSH_BYTES));
		}
	}
	frames.end();
}

function readTags(file: Buffer): Tag[] {
	const tags: Tag[] = [];
	for (let at = FILE_HEADER_BYTES + PREVIOUS_TAG_SIZE_BYTES; at + TAG_HEADER_BYTES < file.length; ) {
		const { tagType, timestampMs, dataSize } = parseTagHeader(file, at);
		const bodyAt = at + TAG_HEADER_BYTES;
		tags.push({ tagType, timeMs: timestampMs, body: file.subarray(bodyAt, bodyAt + dataSize) });
		at = bodyAt + dataSize + PREVIOUS_TAG_SIZE_BYTES;
	}
	return tags;
}

main();
