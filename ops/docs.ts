import { readFileSync, writeFileSync } from 'node:fs';
import { exampleYaml, withConfigTable } from '#src/config/reference.js';
import { withErrorTable, withMetricTable } from './doc-tables.js';

/** `npm run docs`: writes what is made from the code: config.example.yaml, and tables in README.md and ARCHITECTURE.md. */

const ROOT = new URL('../../', import.meta.url);

writeFileSync(new URL('config.example.yaml', ROOT), exampleYaml());
rewrite('README.md', (text) => withMetricTable(withConfigTable(text)));
rewrite('ARCHITECTURE.md', withErrorTable);

function rewrite(name: string, change: (text: string) => string): void {
	const file = new URL(name, ROOT);
	writeFileSync(file, change(readFileSync(file, 'utf8')));
}
