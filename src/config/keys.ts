import type { z } from 'zod';
import { configSchema } from './schema.js';
import { defOf, expectation, schemaAt, type TextForm, textForm, unwrapped } from './schema-walk.js';
import { isTree } from './tree.js';

/** One configuration key as the schema describes it: for messages, environment names, reloads and documentation. */
export type ConfigKey = {
	/** Dotted, as in the file: `rtmp.port`. */
	name: string;
	path: readonly string[];
	/** `MILLRACE_RTMP_PORT` */
	environment: string;
	description: string;
	/** The allowed values, in words that follow "expected". */
	expects: string;
	/** The default as the file would write it. */
	default: unknown;
	/** Takes effect on SIGHUP; the others need a restart. */
	reload: boolean;
	form: TextForm;
};

/** Every key of the configuration, in the order of the schema. */
export const CONFIG_KEYS: readonly ConfigKey[] = [...keysOf(configSchema, [])];

const keysByName = new Map(CONFIG_KEYS.map((key) => [key.name, key]));

/** The key called `name`. It is for names in our own code: throws TypeError when there is no such key. */
export function keyNamed(name: string): ConfigKey {
	const key = keysByName.get(name);
	if (key === undefined) {
		throw new TypeError(`no configuration key ${name}`);
	}
	return key;
}

/**
 * The value at `path` as the configuration file writes it, also within maps and lists: durations and sizes with their unit, addresses
 * without the secrets that were given with them.
 */
export function asWritten(path: readonly PropertyKey[], value: unknown): unknown {
	const schema = schemaAt(configSchema, path);
	const write = schema === undefined ? undefined : writerOf(schema);
	if (write !== undefined) {
		return write(value);
	}
	if (Array.isArray(value)) {
		return value.map((item, index) => asWritten([...path, index], item));
	}
	if (isTree(value)) {
		return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, asWritten([...path, name], inner)]));
	}
	return value;
}

/** The schema's own way to write what it has made of a value. */
function writerOf(schema: z.core.$ZodType): ((value: unknown) => unknown) | undefined {
	const write = (unwrapped(schema) as z.ZodType).meta()?.['written'];
	return typeof write === 'function' ? (value) => write(value) : undefined;
}

function* keysOf(schema: z.core.$ZodType, path: readonly string[]): Generator<ConfigKey> {
	const def = defOf(schema);
	if (def.type === 'prefault') {
		yield* keysOf(def.innerType, path);
	} else if (def.type === 'object') {
		for (const [name, child] of Object.entries(def.shape)) {
			yield* keysOf(child, [...path, name]);
		}
	} else if (def.type === 'default') {
		yield describeKey(schema as z.ZodDefault, path);
	} else {
		throw new TypeError(`configuration key ${path.join('.')} has no default`);
	}
}

function describeKey(schema: z.ZodDefault, path: readonly string[]): ConfigKey {
	const meta = schema.meta();
	const byDefault: unknown = schema.def.defaultValue;
	return {
		name: path.join('.'),
		path,
		environment: `MILLRACE_${path.map((part) => part.replace(/[A-Z]/g, '_$&').toUpperCase()).join('_')}`,
		description: meta?.description ?? '',
		expects: expectation(schema),
		default: writerOf(schema)?.(byDefault) ?? byDefault,
		reload: meta?.['reload'] === true,
		form: textForm(schema),
	};
}
