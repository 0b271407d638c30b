import fc from 'fast-check';
import { AmfTypedObject, type AmfValue, amfObject } from '#src/codec/amf-value.js';

/** Bytes from hexadecimal digits with spaces. */
export function amfBytes(hex: string): Buffer {
	return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

const leaf = fc.oneof(
	fc.double(),
	fc.boolean(),
	fc.string({ unit: 'grapheme' }),
	fc.constantFrom(null, undefined),
	fc.date({ noInvalidDate: true }),
);
const key = fc.string({ maxLength: 12 });

/** Any AMF0 value, at most four deep. */
export const amfValue: fc.Arbitrary<AmfValue> = fc.letrec<{ value: AmfValue }>((tie) => ({
	value: fc.oneof(
		{ maxDepth: 4, withCrossShrink: true },
		leaf,
		fc.array(tie('value'), { maxLength: 3 }),
		fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
		fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map(fromEntries),
		fc
			.tuple(key, fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }))
			.map(([className, entries]) => new AmfTypedObject(className, fromEntries(entries))),
	),
})).value;

function fromEntries(entries: [string, AmfValue][]) {
	const object = amfObject();
	for (const [name, value] of entries) {
		object[name] = value;
	}
	return object;
}
