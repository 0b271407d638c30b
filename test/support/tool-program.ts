import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Program } from './program.js';

const TOOLS = fileURLToPath(new URL('../../tools/', import.meta.url));

/** Runs a command-line tool by its file; it does not outlive the test. */
export function tool(t: TestContext, name: string, args: readonly string[]): Program {
	return new Program(t, process.execPath, [join(TOOLS, `${name}.js`), ...args]);
}
