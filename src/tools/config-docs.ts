import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { exampleYaml, withConfigTable } from '../config/reference.js';

/** `npm run docs`: writes what is made from the configuration schema, config.example.yaml and the table in README.md. */

const ROOT = new URL('../../', import.meta.url);
const readme = new URL('README.md', ROOT);

writeFileSync(new URL('config.example.yaml', ROOT), exampleYaml());
if (existsSync(readme)) {
	writeFileSync(readme, withConfigTable(readFileSync(readme, 'utf8')));
}
