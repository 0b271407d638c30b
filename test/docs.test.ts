import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { FLAGS } from '#src/cli/flags.js';
import { CONFIG_KEYS } from '#src/config/keys.js';
import { configSchema } from '#src/config/schema.js';
import { ERROR_CODES } from '#src/errors.js';
import { CATALOGUE } from '#src/metrics/catalogue.js';
import { PAGES_WITH_TABLES, withoutTables, withTables } from '#src/ops/doc-tables.js';
import { TOOLS } from '#src/tools/tool-table.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Words of a page at most, tables that the code makes left out. */
const MAX_WORDS: Readonly<Record<string, number>> = {
	'README.md': 1800,
	'ARCHITECTURE.md': 2500,
};
const MAX_WORDS_ELSEWHERE = 1200;

/** Pages that nobody need reach from the README: they explain the files beside them. */
const PAGES_APART = ['bench/README.md', 'ops/runbook.md'];

const pages = readPages([
	...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', ...PAGES_APART],
	...readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
		.filter((file) => file.endsWith('.md'))
		.map((file) => `docs/${file}`),
]);
/** Pages that say how things are now; the changelog says how they were. */
const present = pages.filter(({ name }) => name !== 'CHANGELOG.md');

describe('documentation', () => {
	it('has the tables that the code makes (npm run docs writes them)', () => {
		for (const name of PAGES_WITH_TABLES) {
			const { text } = pages.find((page) => page.name === name)!;
			assert.equal(text, withTables(name, text), name);
		}
	});

	it('is short enough to be read', () => {
		for (const { name, text } of present) {
			const words = withoutTables(text).split(/\s+/).length;
			const limit = MAX_WORDS[name] ?? MAX_WORDS_ELSEWHERE;
			assert.ok(words <= limit, `${name} has ${words} words, ${limit} are allowed`);
		}
	});

	it('links to files and headings that there are', () => {
		for (const { name, text } of pages) {
			for (const target of linksOf(text)) {
				const [file, anchor] = target.split('#');
				const linked = file === '' ? name : path.posix.join(path.posix.dirname(name), file!);
				assert.ok(existsSync(path.join(ROOT, linked)), `${name} links to ${target}`);
				if (anchor !== undefined) {
					assert.ok(anchorsOf(linked).includes(anchor), `${name} links to ${target}`);
				}
			}
		}
	});

	it('can be reached from the README, every page of it', () => {
		const reached = new Set(['README.md']);
		for (const name of reached) {
			const text = pages.find((page) => page.name === name)?.text ?? '';
			for (const target of linksOf(text)) {
				reached.add(path.posix.join(path.posix.dirname(name), target.split('#')[0]!));
			}
		}
		assert.deepEqual(
			pages.map(({ name }) => name).filter((name) => !reached.has(name)),
			[],
		);
	});

	it('names only files that there are', () => {
		const trees = ['src', 'workers', 'test', 'bench', 'ops'];
		const names = new Set(
			trees.flatMap((folder) =>
				readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) => path.basename(file)),
			),
		);
		for (const { name, text } of present) {
			for (const [, file] of text.matchAll(/`((?:src|workers|test|bench|ops|docs)\/[\w./-]+|[\w/-]+\.ts)`/g)) {
				const there = ['', 'src'].some((folder) => existsSync(path.join(ROOT, folder, file!))) || names.has(file!);
				assert.ok(there, `${name} names ${file}`);
			}
		}
	});

	it('speaks of the code by names that it has', () => {
		const source = readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
			.filter((file) => file.endsWith('.ts'))
			.map((file) => readFileSync(path.join(ROOT, 'src', file), 'utf8'))
			.join('\n');
		const words = new Set(source.match(/\w+/g));
		for (const { name, text } of pages.filter((page) => /^(ARCHITECTURE|docs\/inside\/)/.test(page.name))) {
			const named = text.replaceAll(/`[^`\n]*[-.:/][^`\n]*`/g, ' ').match(/\b[A-Za-z]+[a-z][A-Z][A-Za-z]*\b/g) ?? [];
			assert.deepEqual(
				named.filter((word) => !words.has(word)),
				[],
				name,
			);
		}
	});

	it('has checklists for what is added, whose files and names there are', () => {
		const { text } = pages.find(({ name }) => name === 'ARCHITECTURE.md')!;
		const [, section = ''] = /^## How to add\n(.*?)^## /ms.exec(text) ?? [];
		const lists = section.split(/^### /m).slice(1);
		assert.deepEqual(
			lists.map((list) => list.split('\n')[0]),
			['A protocol', 'An output', 'A listener', 'A hook dialect', 'A configuration key', 'A metric'],
		);
		for (const list of lists) {
			const steps = list.split(/^\d\. /m).slice(1);
			assert.ok(steps.length >= 3 && steps.length <= 6, `${steps.length} steps: ${list}`);
			for (const [, file, symbols = ''] of list.matchAll(/`((?:src|test|workers|ops)\/[\w./-]+)`(?: \(([^)]+)\))?/g)) {
				assert.ok(existsSync(path.join(ROOT, file!)), `${file} is not there`);
				for (const [, symbol] of symbols.matchAll(/`([^`]+)`/g)) {
					const found = new RegExp(`\\b${symbol}\\b`).test(readFileSync(path.join(ROOT, file!), 'utf8'));
					assert.ok(found, `${symbol} is not in ${file}`);
				}
			}
		}
	});

	it('names only configuration keys, metrics and error codes that there are', () => {
		const keys = CONFIG_KEYS.map(({ name }) => name);
		const isKey = (text: string): boolean => keys.some((key) => key === text || key.startsWith(`${text}.`));
		const sections = new Set(keys.filter((key) => key.includes('.')).map((key) => key.split('.')[0]!));
		const metrics = CATALOGUE.map((metric) => metric.name);
		const variables = new Set(['MILLRACE_CONFIG', ...CONFIG_KEYS.map(({ environment }) => environment)]);
		for (const { name, text } of present) {
			for (const [, code] of text.matchAll(/`([^`\n]+)`/g)) {
				const [, key] = /^([a-z]+\.[a-zA-Z.]+)(?:: .*)?$/.exec(code!) ?? [];
				if (key !== undefined && sections.has(key.split('.')[0]!) && !/\.(js|ts|md|yaml|flv|m3u8|mpd)$/.test(key)) {
					assert.ok(isKey(key), `${name} names the key ${key}`);
				}
				const [, variable] = /^(MILLRACE_[A-Z_]+)(?:=.*)?$/.exec(code!) ?? [];
				assert.ok(variable === undefined || variables.has(variable), `${name} names the variable ${variable}`);
				if (variable === undefined && name !== 'ARCHITECTURE.md' && /^[A-Z0-9]+(_[A-Z0-9]+)+$/.test(code!)) {
					assert.ok(Object.hasOwn(ERROR_CODES, code!), `${name} names the code ${code}`);
				}
				const [, metric] = /^(millrace_stream\w*|millrace_sessions\w*)(?:\{.*\})?$/.exec(code!) ?? [];
				assert.ok(metric === undefined || metrics.includes(metric), `${name} names the metric ${metric}`);
			}
		}
	});

	it('has no flag in its commands that the program does not take', async () => {
		let seen = 0;
		for (const { name, text } of present) {
			for (const command of commandsOf(text)) {
				const [tool = ''] = command.split(' ');
				const usage = Object.hasOwn(TOOLS, tool) ? (await TOOLS[tool]!()).usage : null;
				for (const [, flag] of command.matchAll(/(?<=\s|^)--([a-z][a-z-]+)/g)) {
					seen++;
					const known = usage === null ? Object.hasOwn(FLAGS, flag!) : usage.includes(`--${flag}`);
					assert.ok(known, `${name}: --${flag} in ${command}`);
				}
			}
		}
		assert.ok(seen > 20, `${seen} flags seen`);
	});

	it('shows only configuration that is allowed', () => {
		let seen = 0;
		for (const { name, text } of present) {
			for (const [, yaml] of text.matchAll(/```yaml\n(.*?)```/gs)) {
				seen++;
				const result = configSchema.safeParse(parse(yaml!));
				assert.ok(result.success, `${name}: ${yaml}: ${result.error?.message}`);
			}
		}
		assert.ok(seen > 3, `${seen} examples seen`);
	});

	it('tells of every request that the admin port answers', () => {
		const api = readFileSync(path.join(ROOT, 'src/admin/admin-api.ts'), 'utf8');
		const routes = [...api.matchAll(/pattern: \/\^(.+)\$\//g)].map(([, pattern]) =>
			pattern!.replaceAll('\\/', '/').replace(/\([^)]*\)/g, '{}'),
		);
		assert.ok(routes.length >= 8);
		const { text } = pages.find(({ name }) => name === 'docs/metrics-and-api.md')!;
		const told = [...text.matchAll(/^\| `[A-Z]+ ([^`?]+)/gm)].map(([, route]) => route!.replace(/\{[^}]*\}/g, '{}'));
		assert.deepEqual(new Set(told), new Set(routes));
	});
});

function readPages(names: readonly string[]): { name: string; text: string }[] {
	return names.map((name) => ({ name, text: readFileSync(path.join(ROOT, name), 'utf8') }));
}

/** Targets of links to our own pages and files, as they are written. */
function linksOf(text: string): string[] {
	return [...text.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, target]) => target!);
}

/** The anchors that GitHub makes of the headings of a page. */
function anchorsOf(name: string): string[] {
	const text = readFileSync(path.join(ROOT, name), 'utf8');
	return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
		heading!
			.toLowerCase()
			.replace(/[^\w\s-]/g, '')
			.trim()
			.replaceAll(/\s/g, '-'),
	);
}

/** Our own commands in code blocks and in running text, without the words that start the program. */
function commandsOf(text: string): string[] {
	const programs = /^(?:npm start --|node dist\/supervisor\.js|(?:npx )?millrace)(?: |$)/;
	const blocks = [...text.matchAll(/^ {4}(\S.*)$/gm)].map(([, line]) => line!.replace(/\s+#.*$/, ''));
	const inline = [...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!);
	return [...blocks, ...inline].filter((line) => programs.test(line)).map((line) => line.replace(programs, ''));
}
