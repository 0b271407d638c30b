import { readdirSync, readFileSync } from 'node:fs';

/** A process that outlived the test which started it. */
export type Leftover = { pid: number; command: string };

/** Everything that tests start inherits this variable. */
const VARIABLE = 'TEST_RUN';

/** Marks this process: whatever it or its children start from now on can be found by `leftovers`. */
export function markRun(): void {
	process.env[VARIABLE] = String(process.pid);
}

/** Finds the processes of this run that still live, this one excepted. Knows none where there is no /proc. */
export function leftovers(): Leftover[] {
	return processIds()
		.filter((pid) => pid !== process.pid && read(pid, 'environ').includes(`${VARIABLE}=${process.pid}\0`))
		.map((pid) => ({ pid, command: read(pid, 'cmdline').replaceAll('\0', ' ').trim() }))
		.filter(({ command }) => command !== '');
}

function processIds(): number[] {
	try {
		return readdirSync('/proc')
			.filter((entry) => /^\d+$/.test(entry))
			.map(Number);
	} catch {
		return [];
	}
}

/** Is empty when the process has ended in the meantime, is a zombie, or belongs to somebody else. */
function read(pid: number, file: string): string {
	try {
		return readFileSync(`/proc/${pid}/${file}`, 'latin1');
	} catch {
		return '';
	}
}
