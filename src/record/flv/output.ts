import type { Output } from '../output.js';
import { StreamRecorder } from '../stream-recorder.js';
import { recoverStream } from './recovery.js';
import { listTakes, removeOldTakes, removeTake } from './retention.js';
import { FlvTake } from './take.js';

/** `flv/{app}/{name}/index.flv` and older takes beside it. */
export const flvOutput: Output = {
	folder: 'flv',
	makeRecorder: (parts) =>
		new StreamRecorder({
			...parts,
			what: 'recording',
			open: (start) => FlvTake.open(parts.directory, start, parts.report),
		}),
	recover: recoverStream,
	listTakes,
	removeTake,
	removeOld: removeOldTakes,
};
