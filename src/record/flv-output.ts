import { FlvRecorder } from './flv-recorder.js';
import type { Output } from './output.js';
import { recoverStream } from './recovery.js';
import { listTakes, removeOldTakes, removeTake } from './retention.js';

/** `flv/{app}/{name}/index.flv` and older takes beside it. */
export const flvOutput: Output = {
	folder: 'flv',
	makeRecorder: (parts) => new FlvRecorder(parts),
	recover: recoverStream,
	listTakes,
	removeTake,
	removeOld: removeOldTakes,
};
