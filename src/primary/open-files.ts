import { readFileSync } from 'node:fs';

/** The files of a process besides connections: recordings, rings' wake-ups, listening sockets. */
const OTHER_FILES = 1000;
const OPEN_FILES = /^Max open files +\d+ +(\d+|unlimited)/m;

/**
 * Returns how many files this process and its children may have open; null when nothing limits them or the system does
 * not say.
 */
export function openFileLimit(read: () => string = readLimits): number | null {
	// The hard limit: Node raises the soft one to it.
	const limit = OPEN_FILES.exec(read())?.[1];
	return limit === undefined || limit === 'unlimited' ? null : Number(limit);
}

/** A warning when `connections` cannot all be had, else null. */
export function openFilesWarning(connections: number, limit: number | null): string | null {
	return limit === null || limit >= connections + OTHER_FILES
		? null
		: `limits.connections is ${connections}, but a process may open only ${limit} files here: raise the limit (ulimit -Hn)`;
}

function readLimits(): string {
	try {
		return readFileSync('/proc/self/limits', 'latin1');
	} catch {
		// Only Linux has it.
		return '';
	}
}
