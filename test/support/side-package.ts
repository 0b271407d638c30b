import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inCi } from './tools.js';

const MODULES = new URL('../../../test/e2e/packages/node_modules/', import.meta.url);

/** Path of a file in a package of `test/e2e/packages`, which are out of the compiler's sight. */
export function sidePackage(file: string): string {
	return fileURLToPath(new URL(file, MODULES));
}

/** For the `skip` option of a test that needs one of those packages; in CI its absence is no reason. */
export function missingPackage(name: string): string | false {
	return existsSync(sidePackage(name)) || inCi() ? false : `not installed: ${name} (npm install in test/e2e/packages)`;
}
