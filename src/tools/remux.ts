import path from 'node:path';
import { peerErrorOf } from '../errors.js';
import { type Input, openInput } from './remux/input.js';
import { ExitCode, readToolArguments, runAsScript, type Tool, ToolError, UsageError } from './tool.js';

const USAGE = `Usage: millrace remux INPUT OUTPUT

  INPUT    an FLV, MP4 or MPEG-TS file
  OUTPUT   x.flv, x.mp4, x.ts, or a directory:
           a directory that ends in /hls gets HLS with MPEG-TS segments, one that ends in /fmp4 HLS with fMP4 segments,
           any other what a recording has: fMP4 with HLS and DASH playlists (output_merge, output_separate) and an MP4
`;

type Output = (input: Input, output: string) => Promise<void>;

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
			throw new ToolError(`${input}: ${peerErrorOf(error).message}`);
		}
		return ExitCode.done;
	},
};

async function remuxFile(inputPath: string, outputPath: string): Promise<void> {
	const input = await openInput(inputPath);
	try {
		const write = await outputFor(outputPath);
		await write(input, outputPath);
	} finally {
		await input.close();
	}
}

/** Loads only what this kind of output needs: all of it takes as long as 30 MB of video. */
async function outputFor(output: string): Promise<Output> {
	switch (path.extname(output).toLowerCase()) {
		case '.flv':
			return (await import('./remux/to-flv.js')).toFlv;
		case '.mp4':
			return (await import('./remux/to-mp4.js')).toMp4;
		case '.ts':
			return (await import('./remux/to-ts.js')).toTs;
	}
	switch (path.basename(path.resolve(output))) {
		case 'hls':
			return (await import('./remux/to-ts.js')).toHls;
		case 'fmp4':
			return (await import('./remux/to-fmp4.js')).toFmp4;
		default:
			return (await import('./remux/to-take.js')).toTake;
	}
}

await runAsScript(remux, import.meta.url);
