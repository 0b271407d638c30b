import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/**
 * Every program that a test starts, it starts here. Each leads a process group, so that its own children can be ended with it. Whatever
 * still runs when the test process ends is killed: a test that times out, or a file that is cut off, leaves no server behind.
 */
const groups = new Set<number>();
const CUT_OFF: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

process.on('exit', () => {
	for (const group of groups) {
		killGroup(group);
	}
});
for (const signal of CUT_OFF) {
	// Without a listener the process would end on the spot, and `exit` would not come.
	process.once(signal, () => process.exit(1));
}

export function startChild(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
	const child = spawn(program, args, { ...options, detached: true });
	if (child.pid !== undefined) {
		groups.add(child.pid);
	}
	return child;
}

/** Kills a program that `startChild` started, with all that it has started itself. */
export function killGroup(pid: number): void {
	try {
		process.kill(-pid, 'SIGKILL');
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
			throw error;
		}
	}
}
