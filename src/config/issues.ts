import type { z } from 'zod';
import { withoutCredentials } from '../protocol/credentials.js';
import { nearest } from './nearest.js';
import { configSchema } from './schema.js';
import { expectation, memberNames, schemaAt } from './schema-walk.js';
import { valueAt } from './tree.js';

/** `config.yaml:2:9`, `MILLRACE_RTMP_PORT` or `--rtmp-port`: where the value at `path`, or the name itself, was given. */
export type Locate = (path: readonly PropertyKey[], part: 'key' | 'value') => string;

/** One line for each thing that the schema refuses in `tree`: place, key, what is allowed, what was given. */
export function explainIssues(issues: readonly z.core.$ZodIssue[], tree: unknown, locate: Locate): string[] {
	return issues.flatMap((issue) => {
		if (issue.code === 'unrecognized_keys') {
			return issue.keys.map((key) => explainUnknown([...issue.path, key], locate));
		}
		return [explainValue(issue, tree, locate)];
	});
}

function explainUnknown(path: readonly PropertyKey[], locate: Locate): string {
	const section = path.slice(0, -1);
	const allowed = memberNames(schemaAt(configSchema, section));
	const similar = nearest(String(path.at(-1)), allowed);
	const advice =
		similar === null ? `expected one of ${allowed.join(', ')}` : `did you mean ${dotted([...section, similar])}?`;
	return `${locate(path, 'key')} ${dotted(path)}: unknown key; ${advice}`;
}

function explainValue(issue: z.core.$ZodIssue, tree: unknown, locate: Locate): string {
	const { path } = issue;
	if (issue.code === 'invalid_key') {
		return `${locate(path, 'key')} ${dotted(path)}: ${issue.issues[0]?.message ?? issue.message}, got ${show(path.at(-1))}`;
	}
	if (issue.code === 'custom' && typeof issue.params?.['reason'] === 'string') {
		return `${locate(path, 'value')} ${dotted(path)}: ${issue.params['reason']}`;
	}
	const schema = schemaAt(configSchema, path);
	const expected = schema === undefined ? issue.message : `expected ${expectation(schema)}`;
	return `${locate(path, 'value')} ${dotted(path)}: ${expected}, got ${show(valueAt(tree, path))}`;
}

function dotted(path: readonly PropertyKey[]): string {
	return path.map(String).join('.') || 'configuration';
}

function show(value: unknown): string {
	return value === undefined || value === null ? 'nothing' : withoutCredentials(JSON.stringify(value) ?? typeof value);
}
