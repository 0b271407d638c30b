import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';

const require = createRequire(import.meta.url);

/** Loads the library for YAML, 72 modules of it. A server without a file, flags and variables starts without. */
export function loadYaml(): typeof Yaml {
	return require('yaml');
}
