import { CmafPackager, type CmafSink } from '../remux/cmaf-packager.js';
import { Fmp4Take } from './fmp4-take.js';
import { makeTakeDirectory, showNewestTake } from './mp4-directory.js';
import type { SegmentOutput } from './segment-recorder.js';

/** Hears of a take's directory when it is made, and when nothing more will be written to it. */
export type TakeListener = { began(take: string): void; ended(take: string): void };

/** Begins an fMP4 take under `directory`, which links show as the newest as soon as it has a segment. */
export async function openFmp4Output(
	directory: string,
	startedAtMs: number,
	listener: TakeListener,
): Promise<SegmentOutput> {
	const takeDirectory = await makeTakeDirectory(directory, startedAtMs);
	listener.began(takeDirectory);
	const take = await Fmp4Take.open(takeDirectory, startedAtMs);
	let segments = 0;
	let shown = false;
	const counted: CmafSink = {
		init: (tracks) => take.init(tracks),
		targetDuration: (seconds) => take.targetDuration(seconds),
		fragment: (fragment) => take.fragment(fragment),
		segmentEnd: (discontinuity) => {
			segments++;
			take.segmentEnd(discontinuity);
		},
		end: () => take.end(),
	};
	return {
		sink: new CmafPackager(counted),
		get bytesWritten() {
			return take.bytesWritten;
		},
		async flush() {
			await take.flush();
			if (segments > 0 && !shown) {
				shown = true;
				await showNewestTake(takeDirectory);
			}
		},
		async finish() {
			listener.ended(takeDirectory);
			return { take: takeDirectory, segments };
		},
		async abandon() {
			await take.abandon();
			listener.ended(takeDirectory);
		},
	};
}
