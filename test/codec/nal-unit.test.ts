import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { iterateLengthPrefixed, listAnnexB, NalList, removeEmulationPrevention } from '#src/codec/nal-unit.js';

function units(bytes: Buffer, ranges: Iterable<{ offset: number; length: number }>): string[] {
	return [...ranges].map(({ offset, length }) => bytes.toString('hex', offset, offset + length));
}

function byteStreamUnits(bytes: Buffer): string[] {
	const list = new NalList();
	list.add(1, 2); // of a frame before
	listAnnexB(bytes, list);
	return Array.from({ length: list.count }, (_, index) => {
		const offset = list.offsets[index]!;
		return bytes.toString('hex', offset, offset + list.lengths[index]!);
	});
}

describe('NAL units of a byte stream', () => {
	const cases: { name: string; hex: string; expected: string[] }[] = [
		{ name: 'three-byte start codes', hex: '00000109f0000001650102', expected: ['09f0', '650102'] },
		{ name: 'four-byte start codes', hex: '0000000109f000000001650102', expected: ['09f0', '650102'] },
		{ name: 'trailing zeros', hex: '000001650102000000', expected: ['650102'] },
		{ name: 'an empty unit', hex: '00000100000165', expected: ['65'] },
		{ name: 'bytes before the first start code', hex: 'ffff00000165', expected: ['65'] },
		{ name: 'no start code', hex: 'ffffff', expected: [] },
		{ name: 'nothing', hex: '', expected: [] },
	];
	for (const { name, hex, expected } of cases) {
		test(`are found with ${name}`, () => {
			const bytes = Buffer.from(hex, 'hex');
			assert.deepEqual(byteStreamUnits(bytes), expected);
		});
	}

	test('are those that were written, wherever start codes lie', () => {
		const unit = fc.uint8Array({ minLength: 1, maxLength: 600 }).map((bytes) => bytes.map((byte) => byte | 2));
		fc.assert(
			fc.property(fc.array(fc.tuple(unit, fc.boolean())), (written) => {
				const bytes = Buffer.concat(
					written.flatMap(([nal, long]) => [Buffer.from(long ? [0, 0, 0, 1] : [0, 0, 1]), nal]),
				);
				const expected = written.map(([nal]) => Buffer.from(nal).toString('hex'));
				assert.deepEqual(byteStreamUnits(bytes), expected);
			}),
			{ interruptAfterTimeLimit: 500, markInterruptAsFailure: false },
		);
	});
});

describe('NAL units behind their lengths', () => {
	const cases: { name: string; size: number; hex: string; expected: string[] }[] = [
		{ name: 'of four bytes', size: 4, hex: '0000000209f00000000165', expected: ['09f0', '65'] },
		{ name: 'of two bytes', size: 2, hex: '000209f0000165', expected: ['09f0', '65'] },
		{ name: 'of one byte', size: 1, hex: '0209f00165', expected: ['09f0', '65'] },
		{ name: 'that lead past the end', size: 4, hex: '0000000209f00000000265', expected: ['09f0'] },
		{ name: 'near 4 GiB', size: 4, hex: 'ffffffff65', expected: [] },
	];
	for (const { name, size, hex, expected } of cases) {
		test(`are found ${name}`, () => {
			const bytes = Buffer.from(hex, 'hex');
			assert.deepEqual(units(bytes, iterateLengthPrefixed(bytes, size)), expected);
		});
	}
});

test('emulation prevention bytes are removed, and only those', () => {
	const cases: [string, string][] = [
		['0000030000030100', '000000000100'],
		['000003', '0000'],
		['00030000', '00030000'],
		['000000030003', '000000' + '0003'],
		['010203', '010203'],
	];
	for (const [escaped, raw] of cases) {
		assert.equal(Buffer.from(removeEmulationPrevention(Buffer.from(escaped, 'hex'))).toString('hex'), raw);
	}
});
