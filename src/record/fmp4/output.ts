import path from 'node:path';
import { policyOf } from '../../config/policy.js';
import { CmafPackager, type CmafSink } from '../../remux/cmaf-packager.js';
import type { Output, RecorderParts } from '../output.js';
import { type SegmentOutput, SegmentTake } from '../segment-take.js';
import { StreamRecorder } from '../stream-recorder.js';
import { finishFmp4Take } from './finish-take.js';
import { listMp4Takes, removeMp4Take, removeOldMp4Takes } from './retention.js';
import { Fmp4Take } from './take.js';
import { listTakes, makeTakeDirectory, showNewestTake, takeStamp } from './take-directory.js';
import { takeWindow } from './take-window.js';

/** Fragments: a crash loses no more than the one being written, and memory holds no more than one of each stream. */
const FRAGMENT_MS = 1000;

/** `mp4/{app}/{name}`: a directory for each take, mixed and separate fMP4, made into an MP4 when the take has ended. */
export const fmp4Output: Output = {
	folder: 'mp4',
	makeRecorder(parts) {
		const what = takeWindow(policyOf(parts.config, parts.name)).keepMs === null ? 'fMP4 recording' : 'time shift';
		const { segment: targetMs, maxSegment: maxMs } = parts.config.hls;
		const policy = { targetMs, maxMs, partMs: FRAGMENT_MS };
		const open = (startedAtMs: number): Promise<SegmentOutput> => openTake(parts, startedAtMs);
		const segments = { what, policy, report: parts.report, open };
		return new StreamRecorder({ ...parts, what, open: (start) => SegmentTake.open(segments, start) });
	},
	async endedTakes(directory, beforeMs) {
		const before = takeStamp(beforeMs);
		return (await listTakes(directory)).filter((take) => path.basename(take) < before);
	},
	finishTake: finishFmp4Take,
	listTakes: listMp4Takes,
	removeTake: removeMp4Take,
	removeOld: removeOldMp4Takes,
};

/** Begins a take under `directory`, where links show it as the newest as soon as it has a segment. */
async function openTake(
	{ directory, name, config, takeBegan, takeEnded }: RecorderParts,
	startedAtMs: number,
): Promise<SegmentOutput> {
	const takeDirectory = await makeTakeDirectory(directory, startedAtMs);
	takeBegan(takeDirectory);
	const take = await Fmp4Take.open(takeDirectory, startedAtMs, takeWindow(policyOf(config, name)));
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
		sink: new CmafPackager(counted, { pool: take.pool }),
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
			takeEnded();
			return { take: takeDirectory, segments };
		},
		async abandon() {
			await take.abandon();
			takeEnded();
		},
	};
}
