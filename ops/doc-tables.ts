import { ERROR_CODES } from '#src/errors.js';
import { CATALOGUE } from '#src/metrics/catalogue.js';

/** `markdown` with every error code and its meaning between its error-codes marks. */
export function withErrorTable(markdown: string): string {
	const rows = Object.entries(ERROR_CODES).map(([code, meaning]) => [`\`${code}\``, meaning]);
	return between(markdown, 'error-codes', ['Code', 'Meaning'], rows);
}

/** `markdown` with every metric of a role process between its metrics marks. */
export function withMetricTable(markdown: string): string {
	const rows = CATALOGUE.map(({ name, type, labels, help }) => [`\`${name}\``, type, labels.join(', '), help]);
	return between(markdown, 'metrics', ['Metric', 'Type', 'Labels', 'What it is'], rows);
}

/** Puts a table between `<!-- mark -->` and `<!-- /mark -->`; `markdown` is unchanged when it has no such marks. */
function between(markdown: string, mark: string, head: readonly string[], rows: readonly string[][]): string {
	const [begin, end] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
	const from = markdown.indexOf(begin);
	const to = markdown.indexOf(end);
	if (from < 0 || to < from) {
		return markdown;
	}
	const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
	return `${markdown.slice(0, from + begin.length)}\n\n${lines.join('\n')}\n\n${markdown.slice(to)}`;
}
