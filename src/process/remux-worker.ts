import { type PackagingTask, packageLive } from '../live/packaging-task.js';
import { OUTPUTS, type OutputName } from '../record/outputs.js';
import { type RecordingTask, record } from '../record/recording-task.js';

/** Everything that a remux thread can be asked to do. */
export type RemuxTask =
	| ({ type: 'record'; output: OutputName } & RecordingTask)
	/** Packages a stream for LL-HLS. */
	| ({ type: 'package' } & PackagingTask)
	/** Finishes what a crash has left unfinished in a stream's directory. */
	| { type: 'recover'; output: OutputName; directory: string }
	/** Does what is left to do for a take that has ended. */
	| { type: 'finish-take'; output: OutputName; take: string };

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

async function perform(task: RemuxTask): Promise<unknown> {
	if (task.type === 'package') {
		return packageLive(task);
	}
	const output = OUTPUTS[task.output];
	switch (task.type) {
		case 'record':
			return record(output, task);
		case 'recover':
			return (await output.recover?.(task.directory)) ?? null;
		case 'finish-take':
			return (await output.finishTake?.(task.take)) ?? null;
	}
}
