import { ClipSource } from './clip-source.js';
import type { FileSource } from './file-source.js';
import { LocalSource, type LocalSourceOptions } from './local-source.js';
import { TimeShift } from './time-shift.js';

/** The files of this machine with all that can be asked of them by a query: the same in every role that has files. */
export function publicFiles(options: LocalSourceOptions): FileSource {
	return new ClipSource(new TimeShift(new LocalSource(options)), () => options.config().media);
}
