import { threadId } from 'node:worker_threads';
import type { RemuxResult, RemuxTask } from '#src/process/remux-worker.js';

/** Entry of remux threads whose tasks do as the name of their directory says. */
export default function runFakeTask(task: RemuxTask & { type: 'recover' }): Promise<RemuxResult> {
	return new Promise((resolve) => {
		switch (task.directory) {
			case 'crash':
				setImmediate(() => {
					throw new Error('told to crash');
				});
				break;
			case 'fail':
				resolve({ failure: { code: 'ENOSPC', message: 'told to fail', stack: 'the stack' } });
				break;
			case 'thread':
				resolve({ value: threadId });
				break;
			case 'forever':
				break;
			case 'hang':
				Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
				break;
			default:
				resolve({ value: task.directory });
		}
	});
}
