import type { z } from 'zod';
import { configSchema } from './schema.js';
import { formatDuration, formatSize } from './units.js';

/** What the schema says of one configuration key: for messages, environment names, reloads and documentation. */
export type ConfigKey = {
	/** Dotted, as in the file: `rtmp.port`. */
	name: string;
	path: readonly string[];
	/** `MILLRACE_RTMP_PORT` */
	environment: string;
	description: string;
	/** What values are allowed, to go behind "expected". */
	expects: string;
	/** The default as the file would write it. */
	default: unknown;
	/** Takes effect on SIGHUP; the others need a restart. */
	reload: boolean;
	/** How text (environment, flag) becomes a value: as it is, or read as YAML, or as a list. */
	form: 'text' | 'yaml' | 'list';
	unit: 'duration' | 'size' | null;
};

/** Every key of the configuration, in the order of the schema. */
export const CONFIG_KEYS: readonly ConfigKey[] = [...keysOf(configSchema, [])];

const keysByName = new Map(CONFIG_KEYS.map((key) => [key.name, key]));
/** Sections by name; the whole configuration is ''. */
const sections = new Map<string, string[]>();
for (const { path } of CONFIG_KEYS) {
	for (let depth = 0; depth < path.length; depth += 1) {
		const section = path.slice(0, depth).join('.');
		const children = sections.get(section) ?? [];
		sections.set(section, children.includes(path[depth]!) ? children : [...children, path[depth]!]);
	}
}

/** The key at `path` or the one that holds it (`apps` for `apps.live.play.missing`). */
export function keyAt(path: readonly string[]): ConfigKey | undefined {
	for (let length = path.length; length > 0; length -= 1) {
		const key = keysByName.get(path.slice(0, length).join('.'));
		if (key !== undefined) {
			return key;
		}
	}
	return undefined;
}

/** The names inside a section (`rtmp`, or '' for the top), or undefined when it is no section. */
export function sectionKeys(section: string): readonly string[] | undefined {
	return sections.get(section);
}

/** The value as the configuration file writes it: durations and sizes with their unit. */
export function asWritten(key: Pick<ConfigKey, 'unit'>, value: unknown): unknown {
	if (typeof value !== 'number' || key.unit === null) {
		return value;
	}
	return key.unit === 'duration' ? formatDuration(value) : formatSize(value);
}

/** What the schema allows, in words. */
export function expectation(schema: z.core.$ZodType): string {
	const meta = (schema as z.ZodType).meta();
	if (typeof meta?.['expects'] === 'string') {
		return meta['expects'];
	}
	const def = (schema as z.core.$ZodTypes)._zod.def;
	switch (def.type) {
		case 'default':
		case 'prefault':
		case 'optional':
			return expectation(def.innerType);
		case 'boolean':
			return 'true or false';
		case 'number':
			return numberExpectation(schema as z.ZodNumber);
		case 'string':
			return 'text';
		case 'literal':
			return def.values.join(', ');
		case 'enum':
			return `one of ${Object.values(def.entries).join(', ')}`;
		case 'union':
			return def.options.map(expectation).join(' or ');
		case 'array':
			return 'a list of texts';
		default:
			return `a section`;
	}
}

function numberExpectation(schema: z.ZodNumber): string {
	const { minValue, maxValue } = schema;
	return maxValue === null || maxValue >= Number.MAX_SAFE_INTEGER
		? `a whole number, at least ${minValue}`
		: `a whole number from ${minValue} to ${maxValue}`;
}

function* keysOf(schema: z.core.$ZodType, path: readonly string[]): Generator<ConfigKey> {
	const def = (schema as z.core.$ZodTypes)._zod.def;
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
	const inner = (schema.unwrap() as z.ZodType).meta();
	const unit = inner?.['unit'] === 'duration' || inner?.['unit'] === 'size' ? inner['unit'] : null;
	return {
		name: path.join('.'),
		path,
		environment: `MILLRACE_${path.map((part) => part.replace(/[A-Z]/g, '_$&').toUpperCase()).join('_')}`,
		description: meta?.description ?? '',
		expects: expectation(schema),
		default: asWritten({ unit }, schema.def.defaultValue),
		reload: meta?.['reload'] === true,
		form: formOf(schema.unwrap()),
		unit,
	};
}

function formOf(schema: z.core.$ZodType): ConfigKey['form'] {
	const def = (schema as z.core.$ZodTypes)._zod.def;
	if (def.type === 'array') {
		return 'list';
	}
	const isText = def.type === 'string' || def.type === 'enum';
	return isText || (def.type === 'union' && def.options.every((option) => formOf(option) === 'text')) ? 'text' : 'yaml';
}
