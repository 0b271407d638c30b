import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FLAGS } from '#src/cli/flags.js';
import { withErrorTable, withMetricTable } from '#src/ops/doc-tables.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
const architecture = readFileSync(path.join(ROOT, 'ARCHITECTURE.md'), 'utf8');

describe('documentation', () => {
	it('has the tables that the code makes (npm run docs writes them)', () => {
		assert.equal(readme, withMetricTable(readme));
		assert.equal(architecture, withErrorTable(architecture));
		assert.match(readme, /\| `millrace_streams` \|/);
		assert.match(architecture, /\| `PEER_GONE` \|/);
	});

	it('names only files and folders that there are', () => {
		const named = [...architecture.matchAll(/`([\w./-]+\.ts)`/g)].map(([, file]) => path.basename(file!));
		const tree = ['src', 'test', 'workers', 'bench', 'ops'].flatMap((folder) =>
			readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) => path.basename(file)),
		);
		const gone = named.filter((file) => !tree.includes(file));
		assert.deepEqual(gone, []);
		for (const text of [readme, architecture, readFileSync(path.join(ROOT, 'bench/README.md'), 'utf8')]) {
			for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#]+)\)/g)) {
				assert.ok(existsSync(path.join(ROOT, target!)), target);
			}
		}
	});

	it('has no flag in its commands that the server does not take', () => {
		const commands = readme.match(/^ {4}(?:npm start|node dist\/supervisor\.js).*$|`npm start[^`]*`/gm) ?? [];
		const flags = commands.join(' ').match(/(?<=\s--)[a-z][a-z-]+/g) ?? [];
		assert.ok(flags.length > 3);
		assert.deepEqual(
			flags.filter((flag) => !Object.hasOwn(FLAGS, flag)),
			[],
		);
	});

	it('links to headings that there are', () => {
		for (const text of [readme, architecture]) {
			const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
				heading!
					.toLowerCase()
					.replace(/[^\w\s-]/g, '')
					.trim()
					.replaceAll(/\s/g, '-'),
			);
			for (const [, anchor] of text.matchAll(/\]\(#([^)]+)\)/g)) {
				assert.ok(anchors.includes(anchor!), anchor);
			}
		}
	});
});
