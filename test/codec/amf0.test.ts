import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AmfTypedObject, type AmfValue, amfEntries, amfObject, amfProperty } from '#src/codec/amf-value.js';
import { parseAmf0, serializeAmf0 } from '#src/codec/amf0.js';
import { PeerError } from '#src/errors.js';
import { amfBytes, amfValue } from './amf-arbitrary.js';

/** One table: `bytes` parses to `values`, and unless `parseOnly`, `values` serialise to `bytes`. */
const CASES: { name: string; bytes: string; values: AmfValue[]; parseOnly?: true }[] = [
	{ name: 'a number', bytes: '00 3ff0000000000000', values: [1] },
	{ name: 'booleans', bytes: '0100 0101', values: [false, true] },
	{ name: 'a boolean that is neither 0 nor 1', bytes: '0107', values: [true], parseOnly: true },
	{ name: 'a string', bytes: '02 0004 6c697665', values: ['live'] },
	{ name: 'an empty string', bytes: '02 0000', values: [''] },
	{ name: 'a string of several bytes a character', bytes: '02 0003 e282ac', values: ['€'] },
	{ name: 'null and undefined', bytes: '05 06', values: [null, undefined] },
	{ name: 'an object', bytes: '03 0003 617070 02 0001 61 000009', values: [amfObject({ app: 'a' })] },
	{ name: 'an empty object', bytes: '03 000009', values: [amfObject()] },
	{ name: 'an ECMA array', bytes: '08 00000001 0001 77 00 4084000000000000 000009', values: [new Map([['w', 640]])] },
	{
		name: 'an ECMA array with a count of 0 (ffmpeg live)',
		bytes: '08 00000000 0001 77 0101 000009',
		values: [new Map([['w', true]])],
		parseOnly: true,
	},
	{ name: 'a strict array', bytes: '0a 00000002 05 0101', values: [[null, true]] },
	{ name: 'a date', bytes: '0b 4270000000000000 0000', values: [new Date(2 ** 40)] },
	{ name: 'a date with a time zone', bytes: '0b 0000000000000000 ffc4', values: [new Date(0)], parseOnly: true },
	{ name: 'a long string that is short', bytes: '0c 00000002 6869', values: ['hi'], parseOnly: true },
	{ name: 'an XML document', bytes: '0f 00000004 3c612f3e', values: ['<a/>'], parseOnly: true },
	{ name: 'unsupported', bytes: '0d', values: [undefined], parseOnly: true },
	{
		name: 'a typed object',
		bytes: '10 0001 43 0001 78 05 000009',
		values: [new AmfTypedObject('C', amfObject({ x: null }))],
	},
	{
		name: 'a reference to an earlier object',
		bytes: '03 0001 61 0100 000009 07 0000',
		values: [amfObject({ a: false }), amfObject({ a: false })],
		parseOnly: true,
	},
	{
		name: 'a reference to an object that is still open',
		bytes: '03 0001 61 07 0000 000009',
		values: [amfObject({ a: undefined })],
		parseOnly: true,
	},
	{ name: 'a reference to nothing', bytes: '07 0005', values: [undefined], parseOnly: true },
	{ name: 'an AMF3 integer behind the AVM+ marker', bytes: '11 04 05 05', values: [5, null], parseOnly: true },
	{ name: 'nothing', bytes: '', values: [] },
	{
		name: 'an object whose end is missing',
		bytes: '03 0001 61 0101',
		values: [amfObject({ a: true })],
		parseOnly: true,
	},
	{
		name: 'an object that is cut in a key',
		bytes: '0101 03 0001 61 0101 0004 6162',
		values: [true, amfObject({ a: true })],
		parseOnly: true,
	},
	{
		name: 'an object that is cut in a value',
		bytes: '03 0001 61 0101 0001 62 00 3ff0',
		values: [amfObject({ a: true })],
		parseOnly: true,
	},
	{
		name: 'an unknown marker within an object (OBS VOD track)',
		bytes: '02 0001 61 03 0001 61 0101 0001 62 7f 0001 63 0101 000009',
		values: ['a', amfObject({ a: true })],
		parseOnly: true,
	},
	{ name: 'an unknown marker after a value', bytes: '0101 1f 0101', values: [true], parseOnly: true },
	{ name: 'a strict array that is cut', bytes: '0a 00000003 05 0101', values: [[null, true]], parseOnly: true },
	{ name: 'a strict array with an absurd count', bytes: '0a ffffffff 0101', values: [[true]], parseOnly: true },
];

for (const { name, bytes, values, parseOnly } of CASES) {
	test(`AMF0 parses ${name}`, () => {
		assert.deepEqual(parseAmf0(amfBytes(bytes)), values);
	});
	if (!parseOnly) {
		test(`AMF0 serialises ${name}`, () => {
			assert.equal(serializeAmf0(...values).toString('hex'), amfBytes(bytes).toString('hex'));
		});
	}
}

test('AMF0 takes a key that means something to JavaScript as any other', () => {
	const [parsed] = parseAmf0(amfBytes('03 0009 5f5f70726f746f5f5f 03 0001 61 0101 000009 000009'));
	assert.deepEqual(
		amfEntries(parsed).map(([key]) => key),
		['__proto__'],
	);
	assert.equal(({} as { a?: unknown }).a, undefined);
});

test('AMF0 writes a string of 65,536 bytes as a long string', () => {
	const text = 'x'.repeat(65_536);
	const bytes = serializeAmf0(text);
	assert.equal(bytes.subarray(0, 5).toString('hex'), '0c00010000');
	assert.deepEqual(parseAmf0(bytes), [text]);
});

test('AMF0 cuts a key that is too long after a whole character', () => {
	const [parsed] = parseAmf0(serializeAmf0(amfObject({ ['€'.repeat(30_000)]: 1 })));
	assert.deepEqual(amfEntries(parsed), [['€'.repeat(21_845), 1]]);
});

test('AMF0 finds properties in objects, ECMA arrays and typed objects alike, and in nothing else', () => {
	for (const value of [amfObject({ a: 1 }), new Map([['a', 1]]), new AmfTypedObject('C', amfObject({ a: 1 }))]) {
		assert.equal(amfProperty(value, 'a'), 1);
		assert.equal(amfProperty(value, 'toString'), undefined);
	}
	for (const value of ['a', 1, null, undefined, [1], new Date(0)]) {
		assert.equal(amfProperty(value, 'length'), undefined);
		assert.deepEqual(amfEntries(value), []);
	}
});

/** Bytes that must be refused on a machine with any amount of memory. */
const BOMBS: { name: string; bytes: Buffer }[] = [
	{ name: 'a string that is cut, alone', bytes: amfBytes('02 0004 6c69') },
	{ name: 'objects 100 deep', bytes: amfBytes(`03${'0001 61 03'.repeat(100)}`) },
	{ name: 'strict arrays 100 deep', bytes: amfBytes('0a 00000001'.repeat(100)) },
	{ name: 'AMF3 arrays 100 deep', bytes: amfBytes(`11${'09 03 01'.repeat(100)}`) },
	{ name: '200,000 nulls', bytes: Buffer.alloc(200_000, 0x05) },
	{ name: 'more bytes than the limit', bytes: Buffer.alloc(2 * 1024 * 1024 + 1, 0x05) },
	{ name: 'references that double sixty times', bytes: doublingReferences(60) },
	{ name: 'references that deepen by one a hundred times', bytes: deepeningReferences(100) },
];

for (const { name, bytes } of BOMBS) {
	test(`AMF0 refuses ${name}`, () => {
		assert.throws(() => parseAmf0(bytes), { name: 'PeerError', code: 'AMF_MALFORMED' });
	});
}

/** Each array holds the one before it twice. */
function doublingReferences(count: number): Buffer {
	const arrays = [amfBytes('0a 00000000')];
	for (let index = 0; index < count; index++) {
		const reference = Buffer.from([0x07, index >> 8, index]);
		arrays.push(Buffer.concat([amfBytes('0a 00000002'), reference, reference]));
	}
	return Buffer.concat(arrays);
}

function deepeningReferences(count: number): Buffer {
	const arrays = [amfBytes('0a 00000000')];
	for (let index = 0; index < count; index++) {
		arrays.push(Buffer.concat([amfBytes('0a 00000001'), Buffer.from([0x07, index >> 8, index])]));
	}
	return Buffer.concat(arrays);
}

test('AMF0 reads back whatever it writes', () => {
	fc.assert(
		fc.property(fc.array(amfValue, { minLength: 1, maxLength: 4 }), (values) => {
			assert.deepEqual(parseAmf0(serializeAmf0(...values)), values);
		}),
		{ interruptAfterTimeLimit: 1000 },
	);
});

test('AMF0 either refuses any bytes with a code, or reads what it can write again', () => {
	const seeds = CASES.map((one) => amfBytes(one.bytes));
	const bytes = fc.oneof(
		fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array)),
		fc.tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(40), fc.nat(255)), { maxLength: 3 })).map(mutate),
	);
	fc.assert(
		fc.property(bytes, (input) => {
			let values: AmfValue[];
			try {
				values = parseAmf0(input);
			} catch (error) {
				assert.ok(error instanceof PeerError);
				return;
			}
			assert.deepEqual(parseAmf0(serializeAmf0(...values)), values);
		}),
		{ numRuns: 2000, interruptAfterTimeLimit: 1000 },
	);
});

function mutate([seed, changes]: [Buffer, [number, number][]]): Buffer {
	const copy = Buffer.from(seed);
	for (const [at, byte] of changes) {
		if (at < copy.length) {
			copy[at] = byte;
		}
	}
	return copy;
}
