import { readFileSync } from 'node:fs';
import type { Document, Pair } from 'yaml';
import { ConfigError } from './config-error.js';
import type { Locate } from './issues.js';
import { configSchema } from './schema.js';
import { schemaAt, textForm } from './schema-walk.js';
import { loadYaml } from './yaml.js';

/** The configuration file as plain values, with the place of each. */
export type YamlFile = { value: unknown; locate: Locate };

/** Reads and parses a file. Throws ConfigError with file, line and column. */
export function readYamlFile(file: string): YamlFile {
	let text: string;
	try {
		text = readFileSync(file, 'utf8');
	} catch (error) {
		throw new ConfigError([`${file}: cannot be read: ${(error as Error).message}`]);
	}
	return parseYamlFile(file, text);
}

export function parseYamlFile(file: string, text: string): YamlFile {
	const yaml = loadYaml();
	const lines = new yaml.LineCounter();
	const document = yaml.parseDocument(text, { lineCounter: lines, prettyErrors: false });
	const place = (offset: number): string => {
		const { line, col } = lines.linePos(offset);
		return `${file}:${line}:${col}`;
	};
	if (document.errors.length > 0) {
		throw new ConfigError(document.errors.map((error) => `${place(error.pos[0])} ${error.message}`));
	}
	keepTextAsWritten(document);
	return {
		value: document.toJS(),
		locate(path, part) {
			const pair = pairAt(document, path);
			const node = part === 'value' && pair?.value ? pair.value : pair?.key;
			return yaml.isNode(node) && node.range ? place(node.range[0]) : file;
		},
	};
}

/** `missing: 404` means the text 404 where the schema wants text: a number there becomes what was written. */
function keepTextAsWritten(document: Document): void {
	const { isNode, isScalar, visit } = loadYaml();
	visit(document, {
		Pair(_, { key, value }, ancestors) {
			if (!isScalar(value) || typeof value.value !== 'number') {
				return;
			}
			const parents = ancestors.filter((node) => !isNode(node) && 'key' in node);
			const path = [...parents.map((parent) => scalarText((parent as Pair).key)), scalarText(key)];
			const schema = schemaAt(configSchema, path);
			if (schema !== undefined && textForm(schema) === 'text') {
				value.value = value.source ?? String(value.value);
			}
		},
	});
}

/** The pair at `path`, or the deepest one on the way to it. */
function pairAt(document: Document, path: readonly PropertyKey[]): Pair | undefined {
	const { isMap } = loadYaml();
	let node: unknown = document.contents;
	let found: Pair | undefined;
	for (const name of path) {
		const pair = isMap(node) ? node.items.find((item) => scalarText(item.key) === String(name)) : undefined;
		if (pair === undefined) {
			break;
		}
		found = pair;
		node = pair.value;
	}
	return found;
}

function scalarText(node: unknown): string {
	return String(loadYaml().isScalar(node) ? node.value : node);
}
