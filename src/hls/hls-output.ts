import type { Output, RecorderParts } from '../record/output.js';
import { type SegmentOutput, SegmentRecorder } from '../record/segment-recorder.js';
import { TsSegmenter } from '../remux/ts-segmenter.js';
import { removeOldHls } from './hls-retention.js';
import { TsWindow } from './ts-window.js';

/** `hls/{app}/{name}/index.m3u8` with segments of MPEG-TS. */
export const hlsOutput: Output = {
	folder: 'hls',
	makeRecorder: (parts) =>
		new SegmentRecorder({
			...parts,
			what: 'HLS',
			policy: { targetMs: parts.config.hls.segment, maxMs: parts.config.hls.maxSegment },
			open: (startedAtMs) => openWindow(parts, startedAtMs),
		}),
	removeOld: removeOldHls,
};

async function openWindow({ directory, config }: RecorderParts, startedAtMs: number): Promise<SegmentOutput> {
	const { window: windowMs, keySegments: segmentsPerKey } = config.hls;
	const output = await TsWindow.open(directory, { windowMs, segmentsPerKey, startedAtMs });
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
