import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * For the `skip` option of a test that needs other programs: false when they are all installed, else the reason. In CI a
 * missing program is no reason: the test runs, and fails.
 */
export function missing(...programs: readonly string[]): string | false {
	const absent = programs.filter((program) => findProgram(program) === null);
	return absent.length > 0 && !inCi() ? `not installed: ${absent.join(', ')}` : false;
}

export function inCi(): boolean {
	const { CI = '' } = process.env;
	return CI !== '';
}

/** Path of an installed program, null when there is none. nginx lives in a directory that is not in everybody's PATH. */
export function findProgram(program: string): string | null {
	const { PATH = '' } = process.env;
	const directories = [...PATH.split(delimiter), '/usr/sbin'];
	return directories.map((directory) => join(directory, program)).find((path) => existsSync(path)) ?? null;
}
