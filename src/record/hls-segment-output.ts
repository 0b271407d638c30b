import { TsSegmenter } from '../remux/ts-segmenter.js';
import { type HlsOptions, HlsOutput } from './hls-output.js';
import type { SegmentOutput } from './segment-recorder.js';

/** Goes on with the transport stream segments in `directory`. */
export async function openHlsOutput(directory: string, options: HlsOptions): Promise<SegmentOutput> {
	const output = await HlsOutput.open(directory, options);
	return {
		sink: new TsSegmenter(output),
		get bytesWritten() {
			return output.bytesWritten;
		},
		flush: () => output.flush(),
		finish: () => Promise.resolve({ directory }),
		abandon: () => Promise.resolve(),
	};
}
