import { FlvRecorder } from './flv-recorder.js';
import type { Output } from './output.js';
import { recoverStream } from './recovery.js';
import { removeOldTakes } from './retention.js';

/** `flv/{app}/{name}/index.flv` and older takes beside it. */
export const flvOutput: Output = {
	folder: 'flv',
	makeRecorder: (parts) => new FlvRecorder(parts),
	recover: recoverStream,
	removeOld: removeOldTakes,
};
