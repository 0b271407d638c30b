import { CONFIG_KEYS, type ConfigKey } from '#src/config/keys.js';
import { flow } from './doc-tables.js';

const PREAMBLE = `# Millrace: every setting, commented out, with its default. Take the # away in front of what you want to differ.
# Made from the schema by \`npm run docs\`; do not edit.
#
#   millrace --config config.yaml                   run with a file
#   millrace --config config.yaml --print-config    what comes out, and where each value came from
#
# Each setting may also come from the environment, under the name below it, and that wins over the file. Flags win over both.
# "reload" means that SIGHUP makes a changed value take effect; the others need a restart.
`;

const APPS_EXAMPLE = `#apps:
#  live:
#    publish: { grace: 30s, conflict: reject }
#    play: { mergeWindow: 350, missing: wait }
#    record: { flv: false }
`;

const MAX_COMMENT_CHARS = 118;

/** config.example.yaml: every key, commented out, with its description, what it takes and its default. */
export function exampleYaml(): string {
	const lines: string[] = [PREAMBLE];
	let openSection = '';
	for (const key of CONFIG_KEYS) {
		const [top = '', leaf] = key.path;
		if (leaf !== undefined && top !== openSection) {
			lines.push(`${top}:`);
		}
		openSection = top;
		const indent = leaf === undefined ? '' : '  ';
		const comments = [...wrap(key.description, indent), `${indent}# ${facts(key)}`];
		lines.push(...comments, `${indent}#${leaf ?? top}: ${flow(key.default)}`, '');
	}
	return `${lines.join('\n')}${APPS_EXAMPLE}`;
}

function facts({ expects, environment, reload }: ConfigKey): string {
	return `${environment}${reload ? ' (reload)' : ''}: ${expects}`;
}

function wrap(text: string, indent: string): string[] {
	const lines = [`${indent}#`];
	for (const word of text.split(' ')) {
		const longer = `${lines.at(-1)} ${word}`;
		if (longer.length > MAX_COMMENT_CHARS) {
			lines.push(`${indent}# ${word}`);
		} else {
			lines[lines.length - 1] = longer;
		}
	}
	return lines;
}
