import type { z } from 'zod';

/** Questions about a zod schema: the schema at a path, and the values that it takes, in words. */

/** The way in which text (an environment variable, a flag) becomes a value: as it is, or read as YAML, or as a list. */
export type TextForm = 'text' | 'yaml' | 'list';

type Schema = z.core.$ZodType;

/** The schema of the value at `path`, its default and optional wrappers taken off; undefined when nothing may be there. */
export function schemaAt(schema: Schema, path: readonly PropertyKey[]): Schema | undefined {
	let found: Schema | undefined = unwrapped(schema);
	for (const name of path) {
		const def: z.core.$ZodTypes['_zod']['def'] | undefined = found && defOf(found);
		let child: Schema | undefined;
		if (def?.type === 'object') {
			child = Object.hasOwn(def.shape, name) ? def.shape[String(name)] : undefined;
		} else if (def?.type === 'record') {
			child = def.valueType;
		} else if (def?.type === 'array') {
			child = def.element;
		}
		found = child && unwrapped(child);
	}
	return found;
}

/** The names that an object schema takes; empty for anything else. */
export function memberNames(schema: Schema | undefined): string[] {
	const def = schema && defOf(schema);
	return def?.type === 'object' ? Object.keys(def.shape) : [];
}

/** Returns the values that the schema allows, in words that follow "expected". */
export function expectation(wrapped: Schema): string {
	const schema = unwrapped(wrapped);
	const meta = (schema as z.ZodType).meta();
	if (typeof meta?.['expects'] === 'string') {
		return meta['expects'];
	}
	const def = defOf(schema);
	switch (def.type) {
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
			return `a list, each ${expectation(def.element)}`;
		case 'record':
			return `names, each with ${expectation(def.valueType)}`;
		case 'object':
			return `a section (${Object.keys(def.shape).join(', ')})`;
		default:
			return def.type;
	}
}

export function textForm(wrapped: Schema): TextForm {
	const def = defOf(unwrapped(wrapped));
	if (def.type === 'array') {
		return 'list';
	}
	const isText = def.type === 'string' || def.type === 'enum';
	return isText || (def.type === 'union' && def.options.every((option) => textForm(option) === 'text'))
		? 'text'
		: 'yaml';
}

/** Takes names below it: an object or a map of names. */
export function isSection(schema: Schema | undefined): boolean {
	const type = schema && defOf(unwrapped(schema)).type;
	return type === 'object' || type === 'record';
}

/** The schema below the default and optional wrappers: the one that decides about a value. */
export function unwrapped(schema: Schema): Schema {
	const def = defOf(schema);
	return def.type === 'default' || def.type === 'prefault' || def.type === 'optional'
		? unwrapped(def.innerType)
		: schema;
}

export function defOf(schema: Schema): z.core.$ZodTypes['_zod']['def'] {
	return (schema as z.core.$ZodTypes)._zod.def;
}

function numberExpectation({ minValue, maxValue }: z.ZodNumber): string {
	return maxValue === null || maxValue >= Number.MAX_SAFE_INTEGER
		? `a whole number, at least ${minValue}`
		: `a whole number from ${minValue} to ${maxValue}`;
}
