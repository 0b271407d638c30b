import { type FlvRecordingTask, recordFlv } from '../record/flv-recording-task.js';
import { recoverStream } from '../record/recovery.js';

/** Everything that a remux thread can be asked to do. */
export type RemuxTask =
	| ({ type: 'record-flv' } & FlvRecordingTask)
	/** Finishes what a crash has left unfinished in a directory of takes. */
	| { type: 'recover-flv'; directory: string };

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
		case 'record-flv':
			return recordFlv(task);
		case 'recover-flv':
			return recoverStream(task.directory);
	}
}
