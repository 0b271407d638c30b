import { readSync } from 'node:fs';
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import path from 'node:path';
import { BufferPool } from '../bytes/buffer-pool.js';
import { PeerError } from '../errors.js';
import { TsWindow } from '../hls/ts-window.js';
import { finishFmp4Take } from '../record/finish-fmp4-take.js';
import { Fmp4Take } from '../record/fmp4-take.js';
import { CmafPackager } from '../remux/cmaf-packager.js';
import { readFlvFile } from '../remux/flv-file.js';
import { Mp4Plan } from '../remux/flv-to-mp4.js';
import type { FrameSink } from '../remux/frame.js';
import { FramesFromFlv } from '../remux/frames-from-flv.js';
import { FramesFromTs } from '../remux/frames-from-ts.js';
import { FramesToFlv } from '../remux/frames-to-flv.js';
import { isMp4, readMp4File } from '../remux/mp4-file.js';
import { SegmentPlanner } from '../remux/segment-planner.js';
import { TsSegmenter, type TsSink } from '../remux/ts-segmenter.js';
import { OutputFile } from './output-file.js';
import { Progress } from './progress.js';
import { ExitCode, readToolArguments, runAsScript, type Tool, ToolError, UsageError } from './tool.js';

const USAGE = `Usage: millrace remux INPUT OUTPUT

  INPUT    an FLV, MP4 or MPEG-TS file
  OUTPUT   x.flv, x.mp4, x.ts, or a directory: fMP4 with HLS and DASH playlists (output_merge, output_separate);
           a directory that ends in /hls gets HLS with MPEG-TS segments
`;

/** Small enough to be still in a processor's own cache when it is taken apart. */
const CHUNK_BYTES = 256 * 1024;
const PROBE_BYTES = 376;
/** The size of an MP4's index is judged by this much of the input, and more is left for it; what is left over stays empty. */
const GUESS_BYTES = 6 * 1024 * 1024;
const GUESS_MARGIN = 1.3;
const GUESS_LEAST_BYTES = 64 * 1024;
/** Same as in a live recording: MP4 chunks and fMP4 fragments of a second. */
const FRAGMENT_MS = 1000;

/** `afterChunk` hears of the place in the file; what it returns is waited for. */
type Reader = (sink: FrameSink, afterChunk?: (position: number) => Promise<void> | void) => Promise<void>;

/** Frames are copied as they are into another container. */
export const remux: Tool = {
	name: 'remux',
	usage: USAGE,
	async run(argv) {
		const { positionals } = readToolArguments(argv, {});
		const [input, output, ...rest] = positionals;
		if (input === undefined || output === undefined || rest.length > 0) {
			throw new UsageError('expected an input and an output');
		}
		try {
			await remuxFile(input, output);
		} catch (error) {
			throw error instanceof PeerError ? new ToolError(`${input}: ${error.message}`) : error;
		}
		return ExitCode.done;
	},
};

async function remuxFile(input: string, output: string): Promise<void> {
	const file = await open(input, 'r');
	const { size } = await file.stat();
	const extension = path.extname(output).toLowerCase();
	const progress = new Progress(size);
	try {
		const read = await readerFor(file, progress);
		switch (extension) {
			case '.flv':
				await toFlv(read, output);
				break;
			case '.mp4':
				await toMp4(read, output, size);
				break;
			case '.ts':
				await toTs(read, output);
				break;
			default:
				await toDirectory(read, output);
		}
	} finally {
		progress.clear();
		await file.close();
	}
}

/** Looks at the first bytes of the input, not at its name. */
async function readerFor(file: FileHandle, progress: Progress): Promise<Reader> {
	const start = Buffer.alloc(PROBE_BYTES);
	const { bytesRead } = await file.read(start, 0, start.length, 0);
	const probe = start.subarray(0, bytesRead);
	let past = 0;
	const report = (bytes: number): void => progress.show(past + bytes);
	const counted =
		(read: Reader): Reader =>
		async (sink, afterChunk) => {
			await read(sink, (position) => {
				report(position);
				return afterChunk?.(position);
			});
			past += (await file.stat()).size;
		};
	if (isMp4(probe)) {
		return counted((sink, afterChunk) => readMp4File(file, sink, afterChunk));
	}
	if (probe.toString('latin1', 0, 3) === 'FLV') {
		return counted((sink, afterChunk) => readFlvFile(file, new FramesFromFlv(sink), afterChunk));
	}
	return counted(async (sink, afterChunk) => {
		const frames = new FramesFromTs(sink);
		const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
		for (let position = 0; ; ) {
			const bytesRead = readSync(file.fd, chunk, 0, chunk.length, position);
			if (bytesRead === 0) {
				break;
			}
			position += bytesRead;
			frames.push(chunk.subarray(0, bytesRead));
			await afterChunk?.(position);
		}
		frames.end();
	});
}

async function toFlv(read: Reader, output: string): Promise<void> {
	const pool = new BufferPool();
	await OutputFile.write(output, (file) => read(new FramesToFlv(pool, (bytes) => file.append(bytes, pool))));
}

async function toTs(read: Reader, output: string): Promise<void> {
	await OutputFile.write(output, (file) => {
		const sink: TsSink = {
			tracks: () => undefined,
			leftOut: ({ config }) => warn(`MPEG-TS cannot carry ${config.codecString}`),
			piece: (bytes) => file.append(bytes),
			segment: ({ bytes }) => file.append(bytes),
			end: () => undefined,
		};
		return read(new SegmentPlanner(new TsSegmenter(sink)));
	});
}

async function toMp4(read: Reader, output: string, inputBytes: number): Promise<void> {
	const headBytes = await guessHead(read, inputBytes);
	if (headBytes === null || !(await toMp4InOnePass(read, output, headBytes))) {
		await toMp4InTwoPasses(read, output);
	}
}

const PROBED = new Error('probed');

/** Room for the index, judged by the beginning of the input; null for a small one. */
async function guessHead(read: Reader, inputBytes: number): Promise<number | null> {
	const plan = new Mp4Plan();
	let seen = 0;
	try {
		await read(plan.gather(), async (position) => {
			seen = position;
			if (position >= GUESS_BYTES) {
				throw PROBED;
			}
		});
		return null;
	} catch (error) {
		if (error !== PROBED) {
			throw error;
		}
	}
	const [head] = plan.heads();
	return head === undefined ? null : Math.ceil(head.length * (inputBytes / seen) * GUESS_MARGIN) + GUESS_LEAST_BYTES;
}

/** Writes the media data behind `headBytes`, then the head. @returns false when it does not fit after all. */
async function toMp4InOnePass(read: Reader, output: string, headBytes: number): Promise<boolean> {
	const plan = new Mp4Plan();
	const pool = new BufferPool();
	let head: Buffer | null = null;
	await OutputFile.write(output, async (file) => {
		file.skip(headBytes);
		await read(plan.gatherAndCopy(pool, (bytes) => file.append(bytes, pool)));
		head = plan.headOf(headBytes);
		if (head !== null) {
			file.writeAt(0, head);
		}
	});
	return head !== null;
}

async function toMp4InTwoPasses(read: Reader, output: string): Promise<void> {
	const plan = new Mp4Plan();
	const pool = new BufferPool();
	await read(plan.gather());
	const files: OutputFile[] = [];
	try {
		for (const [index, head] of plan.heads().entries()) {
			const extension = path.extname(output);
			const name = index === 0 ? output : `${output.slice(0, -extension.length)}_${index + 1}${extension}`;
			const file = new OutputFile(name);
			files.push(file);
			file.append(head);
		}
		await read(plan.copy(pool, (movie, bytes) => files[movie]?.append(bytes, pool)));
	} finally {
		for (const file of files) {
			file.close();
		}
	}
}

async function toDirectory(read: Reader, output: string): Promise<void> {
	await mkdir(output, { recursive: true });
	const startedAtMs = (await stat(output)).mtimeMs;
	if (path.basename(path.resolve(output)) === 'hls') {
		const hls = await TsWindow.open(output, {
			...{ type: 'event', windowMs: 0, cleanup: false, segmentsPerKey: 0, startedAtMs, now: Date.now },
			lagMs: () => 0,
			report: (_level, message, fields) => warn(`${message} ${JSON.stringify(fields)}`),
		});
		await read(new SegmentPlanner(new TsSegmenter(hls)), () => hls.flush());
		await hls.finish(true);
		return;
	}
	const take = await Fmp4Take.open(output, Math.round(startedAtMs));
	await read(new SegmentPlanner(new CmafPackager(take, { pool: take.pool }), { partMs: FRAGMENT_MS }), () =>
		take.flush(),
	);
	await take.flush();
	await finishFmp4Take(output, path.basename(path.resolve(output)));
}

function warn(message: string): void {
	process.stderr.write(`millrace: ${message}\n`);
}

await runAsScript(remux, import.meta.url);
