import { readFileSync, writeFileSync } from 'node:fs';
import { PAGES_WITH_TABLES, withTables } from './doc-tables.js';
import { exampleYaml } from './example-config.js';

/** `npm run docs`: writes config.example.yaml, and the tables that the code makes into the pages. */

const ROOT = new URL('../../', import.meta.url);

writeFileSync(new URL('config.example.yaml', ROOT), exampleYaml());
for (const page of PAGES_WITH_TABLES) {
	const file = new URL(page, ROOT);
	writeFileSync(file, withTables(page, readFileSync(file, 'utf8')));
}
