import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AmfTypedObject, type AmfValue, amfObject } from '#src/codec/amf-value.js';
import { parseAmf3Value } from '#src/codec/amf3.js';
import { PeerError } from '#src/errors.js';
import { amfBytes } from './amf-arbitrary.js';

const MANY = 1000;

const CASES: { name: string; bytes: string; value: AmfValue; stopped?: true }[] = [
	{ name: 'undefined', bytes: '00', value: undefined },
	{ name: 'null', bytes: '01', value: null },
	{ name: 'false', bytes: '02', value: false },
	{ name: 'true', bytes: '03', value: true },
	{ name: 'an integer of one byte', bytes: '04 7f', value: 127 },
	{ name: 'an integer of two bytes', bytes: '04 8100', value: 128 },
	{ name: 'an integer of four bytes', bytes: '04 bfffffff', value: 2 ** 28 - 1 },
	{ name: 'the integer -1', bytes: '04 ffffffff', value: -1 },
	{ name: 'a double', bytes: '05 3ff8000000000000', value: 1.5 },
	{ name: 'a string', bytes: '06 05 6869', value: 'hi' },
	{ name: 'a string by reference', bytes: '09 05 01 06 05 6869 06 00', value: ['hi', 'hi'] },
	{ name: 'a date', bytes: '08 01 4270000000000000', value: new Date(2 ** 40) },
	{
		name: 'a date by reference',
		bytes: '09 05 01 08 01 4270000000000000 08 02',
		value: [new Date(2 ** 40), new Date(2 ** 40)],
	},
	{ name: 'a dense array', bytes: '09 05 01 03 01', value: [true, null] },
	{
		name: 'an array with names',
		bytes: '09 03 03 61 02 01 03',
		value: new Map([
			['a', false],
			['0', true],
		]),
	},
	{ name: 'an anonymous dynamic object', bytes: '0a 0b 01 03 61 04 07 01', value: amfObject({ a: 7 }) },
	{
		name: 'an object with sealed members',
		bytes: '0a 13 03 43 03 61 04 07',
		value: new AmfTypedObject('C', amfObject({ a: 7 })),
	},
	{
		name: 'two objects with the same traits',
		bytes: '09 05 01 0a 13 01 03 61 04 07 0a 01 04 08',
		value: [amfObject({ a: 7 }), amfObject({ a: 8 })],
	},
	{ name: 'a byte array as null', bytes: '09 05 01 0c 05 aabb 03', value: [null, true] },
	{ name: 'a reference to an array that is still open', bytes: '09 03 01 09 00', value: [null] },
	{ name: 'an externalizable object', bytes: '0a 07 03 43 aa', value: amfObject(), stopped: true },
	{ name: 'an unknown marker', bytes: '7f', value: undefined, stopped: true },
	{ name: 'a string that is cut', bytes: '06 09 68', value: '', stopped: true },
];

for (const { name, bytes, value, stopped = false } of CASES) {
	test(`AMF3 parses ${name}`, () => {
		const buffer = amfBytes(`ffff${bytes}`);
		const parsed = parseAmf3Value(buffer, 2, 0, MANY);
		assert.deepEqual(parsed.value, value);
		assert.equal(parsed.stopped, stopped);
		if (!stopped) {
			assert.equal(parsed.end, buffer.length);
		}
	});
}

test('AMF3 refuses more values than allowed', () => {
	const bytes = Buffer.concat([amfBytes('09 8f51 01'), Buffer.alloc(1000, 0x03)]);
	assert.throws(() => parseAmf3Value(bytes, 0, 0, MANY), { code: 'AMF_MALFORMED' });
	assert.throws(() => parseAmf3Value(amfBytes('0a fffffffb'), 0, 0, MANY), { code: 'AMF_MALFORMED' });
});

test('AMF3 survives any bytes', () => {
	fc.assert(
		fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (bytes) => {
			try {
				const { end } = parseAmf3Value(Buffer.from(bytes), 0, 0, MANY);
				assert.ok(end <= bytes.length);
			} catch (error) {
				assert.ok(error instanceof PeerError);
			}
		}),
		{ numRuns: 2000, interruptAfterTimeLimit: 1000 },
	);
});
