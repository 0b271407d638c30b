import { BufferPool } from '../../bytes/buffer-pool.js';
import { TsSegmenter } from '../../remux/ts-segmenter.js';
import type { Output, RecorderParts } from '../output.js';
import { type SegmentOutput, SegmentTake, type SegmentTakeParts } from '../segment-take.js';
import { StreamRecorder } from '../stream-recorder.js';
import { endPlaylist } from './past-playlist.js';
import { removeOldHls } from './retention.js';
import { TsWindow } from './ts-window.js';
import { Variants } from './variants.js';

/** Memory of all segments that are made in this thread. */
const SEGMENTS = new BufferPool();

/** `hls/{app}/{name}/index.m3u8` with segments of MPEG-TS. */
export const hlsOutput: Output = {
	folder: 'hls',
	makeRecorder(parts) {
		const what = 'HLS';
		const { segment: targetMs, maxSegment: maxMs } = parts.config.hls;
		const open: SegmentTakeParts['open'] = (startedAtMs, lagMs) => openWindow(parts, startedAtMs, lagMs);
		const segments = { what, policy: { targetMs, maxMs }, report: parts.report, open };
		return new StreamRecorder({ ...parts, what, open: (start) => SegmentTake.open(segments, start) });
	},
	recover: endPlaylist,
	waitsForStream: true,
	removeOld: removeOldHls,
};

async function openWindow(
	{ directory, config, report }: RecorderParts,
	startedAtMs: number,
	lagMs: () => number,
): Promise<SegmentOutput> {
	const { type, window: windowMs, cleanup, encryption, variants } = config.hls;
	const output = await TsWindow.open(directory, {
		...{ type, windowMs, cleanup, startedAtMs, lagMs },
		segmentsPerKey: encryption.enabled ? encryption.rotate : 0,
		now: Date.now,
		pool: SEGMENTS,
		variants: Variants.of(directory, variants),
		report: (level, message, fields) => report({ level, message, fields }),
	});
	return {
		sink: new TsSegmenter(output, SEGMENTS),
		targetDuration: output.targetDurationKept,
		get bytesWritten() {
			return output.bytesWritten;
		},
		flush: () => output.flush(),
		async finish(streamEnded) {
			await output.finish(streamEnded);
			return output.summary;
		},
		abandon: () => output.abandon(),
	};
}
