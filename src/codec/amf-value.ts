/**
 * The values that AMF0 and AMF3 carry, as JavaScript has them.
 *
 * An anonymous object is an object without a prototype, so that no key of a peer (`__proto__`) means anything; an ECMA
 * array is a Map; a strict array is an array; a date is in UTC, its time zone field is reserved and ignored.
 */
export type AmfValue = AmfLeaf | AmfObject | AmfEcmaArray | AmfTypedObject | AmfValue[];
export type AmfLeaf = number | boolean | string | null | undefined | Date;
export type AmfObject = { [key: string]: AmfValue };
export type AmfEcmaArray = Map<string, AmfValue>;

/** An object with the name of a class that both sides know; we only carry it. */
export class AmfTypedObject {
	readonly className: string;
	readonly properties: AmfObject;

	constructor(className: string, properties: AmfObject) {
		this.className = className;
		this.properties = properties;
	}
}

/** Limits of everything that is parsed from AMF, in either version. */
export const AMF_LIMITS = {
	/** Objects and arrays within each other. */
	maxDepth: 32,
	/** Values of one message, those that references repeat counted again. A file of 10 hours has 40,000 in its keyframe index. */
	maxValues: 131_072,
	/** Bytes of one message. */
	maxBytes: 2 * 1024 * 1024,
} as const;

/** An empty anonymous object. */
export function amfObject(properties: AmfObject = {}): AmfObject {
	return Object.assign(Object.create(null), properties);
}

/** The date at `milliseconds` since 1970, or undefined for what no Date can hold: an invalid one throws where it is printed. */
export function amfDate(milliseconds: number): Date | undefined {
	const date = new Date(milliseconds);
	return Number.isNaN(date.getTime()) ? undefined : date;
}

/** The property `key` of anything that has properties (object, ECMA array, typed object); else undefined. */
export function amfProperty(value: AmfValue, key: string): AmfValue {
	if (value instanceof Map) {
		return value.get(key);
	}
	if (value instanceof AmfTypedObject) {
		return value.properties[key];
	}
	return isAmfObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Keys and values of anything that has properties; nothing for the others. */
export function amfEntries(value: AmfValue): [string, AmfValue][] {
	if (value instanceof Map) {
		return [...value];
	}
	if (value instanceof AmfTypedObject) {
		return Object.entries(value.properties);
	}
	return isAmfObject(value) ? Object.entries(value) : [];
}

/** The text `value`, or undefined when it is something else. */
export function amfString(value: AmfValue): string | undefined {
	return typeof value === 'string' ? value : undefined;
}

/** The number `value`, or undefined when it is something else. */
export function amfNumber(value: AmfValue): number | undefined {
	return typeof value === 'number' ? value : undefined;
}

function isAmfObject(value: AmfValue): value is AmfObject {
	return (
		typeof value === 'object' &&
		value !== null &&
		!Array.isArray(value) &&
		!(value instanceof Date || value instanceof Map || value instanceof AmfTypedObject)
	);
}
