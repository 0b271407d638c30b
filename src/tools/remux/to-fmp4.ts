import { BufferPool } from '../../bytes/buffer-pool.js';
import { buildInitSegment } from '../../container/mp4/init-segment.js';
import { buildFragmentHead, buildSegmentType } from '../../container/mp4/media-segment.js';
import { CmafPackager, type CmafSink } from '../../remux/cmaf-packager.js';
import { SegmentPlanner } from '../../remux/segment-planner.js';
import type { Input } from './input.js';
import { SegmentFolder } from './segment-folder.js';

const PLAYLIST_VERSION = 7;
/** A fragment ends before it leaves the processor's own cache, where it waits to be written. */
const FRAGMENT_BYTES = 512 * 1024;

/** A directory of fMP4 segments that hold all tracks, and their playlist. */
export async function toFmp4({ read }: Input, output: string): Promise<void> {
	const folder = await SegmentFolder.open(output, 'm4s', PLAYLIST_VERSION);
	const pool = new BufferPool();
	const segmentType = buildSegmentType();
	let inits = 0;
	let segmentMs = 0;
	try {
		const sink: CmafSink = {
			init: (tracks) => {
				inits++;
				folder.init(inits === 1 ? 'init.mp4' : `init_${inits}.mp4`, buildInitSegment(tracks));
			},
			targetDuration: (seconds) => folder.targetDuration(seconds),
			fragment: ({ sequenceNumber, runs, durationMs, startsSegment }) => {
				if (startsSegment) {
					segmentMs = 0;
					folder.append(segmentType);
				}
				segmentMs += durationMs;
				const described = runs.map(({ track, run }) => ({ trackId: track.trackId, run }));
				folder.append(buildFragmentHead(sequenceNumber, described));
				for (const { run } of runs) {
					folder.append(run.payload);
					pool.give(run.payload);
				}
			},
			segmentEnd: (discontinuity) => folder.endSegment(segmentMs, discontinuity),
			end: () => folder.end(),
		};
		await read(new SegmentPlanner(new CmafPackager(sink, { pool, maxFragmentBytes: FRAGMENT_BYTES })));
	} finally {
		folder.close();
	}
}
