import { SegmentPlanner } from '../../remux/segment-planner.js';
import { TsSegmenter, type TsSink } from '../../remux/ts-segmenter.js';
import type { Input } from './input.js';
import { OutputFile } from './output-file.js';
import { SegmentFolder } from './segment-folder.js';

/** HLS 3: EXTINF with decimals, nothing else. */
const PLAYLIST_VERSION = 3;

/** One transport stream. */
export async function toTs({ read }: Input, output: string): Promise<void> {
	await OutputFile.write(output, (file) => {
		const sink: TsSink = {
			tracks: () => undefined,
			leftOut,
			piece: (bytes) => file.append(bytes),
			segment: ({ bytes }) => file.append(bytes),
			end: () => undefined,
		};
		return read(new SegmentPlanner(new TsSegmenter(sink)));
	});
}

/** A directory of transport stream segments, and their playlist. */
export async function toHls({ read }: Input, output: string): Promise<void> {
	const folder = await SegmentFolder.open(output, 'ts', PLAYLIST_VERSION);
	try {
		const sink: TsSink = {
			tracks: () => undefined,
			leftOut,
			targetDuration: (seconds) => folder.targetDuration(seconds),
			piece: (bytes) => folder.append(bytes),
			segment: ({ bytes, durationMs, discontinuity }) => {
				folder.append(bytes);
				folder.endSegment(durationMs, discontinuity);
			},
			end: () => folder.end(),
		};
		await read(new SegmentPlanner(new TsSegmenter(sink)));
	} finally {
		folder.close();
	}
}

const leftOut: TsSink['leftOut'] = ({ config }) => {
	process.stderr.write(`millrace: MPEG-TS cannot carry ${config.codecString}\n`);
};
