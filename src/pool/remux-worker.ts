import { finishFmp4Take } from '../record/finish-fmp4-take.js';
import { type RecordingTask, record } from '../record/recording-task.js';
import { recoverStream } from '../record/recovery.js';

/** Everything that a remux thread can be asked to do. */
export type RemuxTask =
	| ({ type: 'record' } & RecordingTask)
	/** Finishes what a crash has left unfinished in a directory of takes. */
	| { type: 'recover-flv'; directory: string }
	/** Ends the fMP4 take in `directory` if need be, and makes its MP4. */
	| { type: 'finish-fmp4'; directory: string; name: string };

/** Errors lose their codes when they cross a thread: a task that fails says so in its result. */
export type RemuxFailure = { code: string; message: string; stack: string };
export type RemuxResult = { value: unknown } | { failure: RemuxFailure };

/** Entry of the remux threads: runs one task among many in this thread. Never rejects. */
export async function runRemuxTask(task: RemuxTask): Promise<RemuxResult> {
	try {
		return { value: await perform(task) };
	} catch (error) {
		const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
		const code = error instanceof Error && 'code' in error ? String(error.code) : '';
		return { failure: { code, message, stack } };
	}
}

function perform(task: RemuxTask): Promise<unknown> {
	switch (task.type) {
		case 'record':
			return record(task);
		case 'recover-flv':
			return recoverStream(task.directory);
		case 'finish-fmp4':
			return finishFmp4Take(task.directory, task.name);
	}
}
