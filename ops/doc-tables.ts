import { stringify } from 'yaml';
import { FLAGS, type Flag } from '#src/cli/flags.js';
import { CONFIG_KEYS } from '#src/config/keys.js';
import { ERROR_CODES } from '#src/errors.js';
import { CATALOGUE } from '#src/metrics/catalogue.js';
import { LAYERS } from './layers.js';

/** A table that the code makes. It stands on `page` between `<!-- mark -->` and `<!-- /mark -->`. */
export type DocTable = {
	page: string;
	mark: string;
	head: readonly string[];
	rows: () => readonly (readonly string[])[];
};

export const DOC_TABLES: readonly DocTable[] = [
	{
		page: 'docs/configuration.md',
		mark: 'flags',
		head: ['Flag', 'Roles', 'What it does', 'Key'],
		rows: () => Object.entries<Flag>(FLAGS).map(flagRow),
	},
	{
		page: 'docs/configuration.md',
		mark: 'config-table',
		head: ['Key', 'Default', 'Takes', 'What it does', 'Changes by'],
		rows: () => CONFIG_KEYS.map(keyRow),
	},
	{
		page: 'docs/metrics-and-api.md',
		mark: 'metrics',
		head: ['Metric', 'Type', 'Labels', 'What it is'],
		rows: () => CATALOGUE.map(({ name, type, labels, help }) => [`\`${name}\``, type, labels.join(', '), help]),
	},
	{
		page: 'docs/errors.md',
		mark: 'error-codes',
		head: ['Code', 'Meaning'],
		rows: () => Object.entries(ERROR_CODES).map(([code, meaning]) => [`\`${code}\``, meaning]),
	},
	{
		page: 'ARCHITECTURE.md',
		mark: 'layers',
		head: ['Folder', 'Subject', 'Runs in'],
		rows: () => LAYERS.map(({ folder, subject, runsIn }) => [`\`${folder}\``, subject, runsIn.join(', ')]),
	},
];

/** The pages that have tables, each once. */
export const PAGES_WITH_TABLES: readonly string[] = [...new Set(DOC_TABLES.map(({ page }) => page))];

/** `markdown`, the text of `page`, with its tables as the code makes them. Throws when a mark is missing. */
export function withTables(page: string, markdown: string): string {
	return DOC_TABLES.filter((table) => table.page === page).reduce(withTable, markdown);
}

/** `markdown` without the tables that the code makes. */
export function withoutTables(markdown: string): string {
	return markdown.replace(/<!-- ([\w-]+) -->.*?<!-- \/\1 -->/gs, '');
}

function withTable(markdown: string, { page, mark, head, rows }: DocTable): string {
	const [begin, end] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
	const from = markdown.indexOf(begin);
	const to = markdown.indexOf(end, from);
	if (from < 0 || to < 0) {
		throw new Error(`${page} has no place for the table ${mark}`);
	}
	const lines = [head, head.map(() => '---'), ...rows()].map(
		(cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`,
	);
	return `${markdown.slice(0, from + begin.length)}\n\n${lines.join('\n')}\n\n${markdown.slice(to)}`;
}

function flagRow([name, { value, help, key, keyOf, roles }]: [string, Flag]): string[] {
	const keys = [key, ...Object.values(keyOf ?? {})].filter((each) => each !== null);
	return [
		`\`--${name}${value === null ? '' : ` ${value}`}\``,
		roles?.join(', ') ?? 'all',
		help,
		keys.map((each) => `\`${each}\``).join(', '),
	];
}

function keyRow(key: (typeof CONFIG_KEYS)[number]): string[] {
	return [
		`\`${key.name}\``,
		`\`${flow(key.default)}\``,
		key.expects,
		key.description,
		key.reload ? 'reload' : 'restart',
	];
}

/** A value as YAML writes it on one line. */
export function flow(value: unknown): string {
	return stringify(value, { collectionStyle: 'flow', singleQuote: true }).trim();
}
