import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NalKind, nalKindAt } from '#src/codec/nal-kind.js';
import { NAL_SYNTAX } from '#src/codec/nal-syntax.js';
import { listAnnexB, listLengthPrefixed, NalList, removeEmulationPrevention } from '#src/codec/nal-unit.js';

const { h264: H264, h265: H265, h266: H266 } = NAL_SYNTAX;

function unitsIn(bytes: Buffer, list: NalList): string[] {
	return Array.from({ length: list.count }, (_, index) => {
		const offset = list.offsets[index]!;
		return bytes.toString('hex', offset, offset + list.lengths[index]!);
	});
}

/** One that has held another frame before. */
function usedList(): NalList {
	const list = new NalList();
	list.add(1, 2, NalKind.other);
	return list;
}

function byteStreamUnits(bytes: Buffer): string[] {
	const list = usedList();
	listAnnexB(bytes, H264, list);
	return unitsIn(bytes, list);
}

describe('NAL units of a byte stream', () => {
	const cases: { name: string; hex: string; expected: string[] }[] = [
		{ name: 'three-byte start codes', hex: '00000109f0000001650102', expected: ['09f0', '650102'] },
		{ name: 'four-byte start codes', hex: '0000000109f000000001650102', expected: ['09f0', '650102'] },
		{ name: 'trailing zeros', hex: '000001650102000000', expected: ['650102'] },
		{ name: 'an empty unit', hex: '00000100000165', expected: ['65'] },
		{ name: 'bytes before the first start code', hex: 'ffff00000165', expected: ['65'] },
		{ name: 'a unit whose forbidden bit is set', hex: '000001e501000001650102', expected: ['650102'] },
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
		const unit = fc
			.uint8Array({ minLength: 1, maxLength: 600 })
			.map((bytes) => bytes.map((byte, index) => (index === 0 ? byte & 0x7f : byte) | 2));
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
	const cases: { name: string; size: number; hex: string; expected: string[]; isAll: boolean }[] = [
		{ name: 'of four bytes', size: 4, hex: '0000000209f00000000165', expected: ['09f0', '65'], isAll: true },
		{ name: 'of two bytes', size: 2, hex: '000209f0000165', expected: ['09f0', '65'], isAll: true },
		{ name: 'of one byte', size: 1, hex: '0209f00165', expected: ['09f0', '65'], isAll: true },
		{ name: 'that are 0', size: 4, hex: '000000000000000165', expected: ['65'], isAll: false },
		{ name: 'that lead past the end', size: 4, hex: '0000000209f00000000265', expected: ['09f0'], isAll: false },
		{ name: 'with bytes behind the last', size: 2, hex: '000209f000', expected: ['09f0'], isAll: false },
		{ name: 'near 4 GiB', size: 4, hex: 'ffffffff65', expected: [], isAll: false },
		{ name: 'none in a byte stream', size: 4, hex: '0000000109f00000000165', expected: ['09'], isAll: false },
		// 00 00 01 05 may be a length as well as the start of a P picture; a NAL unit never begins with its first byte.
		{
			name: 'none where a length fits by chance',
			size: 4,
			hex: `00000105${'9a'.repeat(261)}`,
			expected: [],
			isAll: false,
		},
	];
	for (const { name, size, hex, expected, isAll } of cases) {
		test(`are found ${name}`, () => {
			const bytes = Buffer.from(hex, 'hex');
			const list = usedList();
			assert.equal(listLengthPrefixed(bytes, size, H264, list), isAll);
			assert.deepEqual(unitsIn(bytes, list), expected);
		});
	}
});

describe('the kind of a NAL unit', () => {
	const { delimiter, vps, sps, pps, sei, slice, keySlice, gradualSlice, other, invalid } = NalKind;
	const cases: [name: string, syntax: typeof H264, headers: string[], kind: NalKind][] = [
		['H.264 slice', H264, ['41', '01', '61', '02', '04'], slice],
		['H.264 IDR', H264, ['65', '25', '05'], keySlice],
		['H.264 SEI', H264, ['06'], sei],
		['H.264 SPS', H264, ['67', '27'], sps],
		['H.264 PPS', H264, ['68', '28'], pps],
		['H.264 delimiter', H264, ['09'], delimiter],
		['H.264 end of sequence, filler and the like', H264, ['0a', '0b', '0c', '6e', '00'], other],
		['H.264 that is none', H264, ['e5', '80'], invalid],
		['H.265 slice', H265, ['0201', '0001', '1201', '3e01'], slice],
		['H.265 BLA, IDR, CRA', H265, ['2001', '2601', '2801', '2a01', '2e01'], keySlice],
		['H.265 VPS', H265, ['4001'], vps],
		['H.265 SPS', H265, ['4201'], sps],
		['H.265 PPS', H265, ['4401'], pps],
		['H.265 delimiter', H265, ['4601'], delimiter],
		['H.265 prefix SEI', H265, ['4e01'], sei],
		['H.265 suffix SEI, end of sequence', H265, ['5001', '4801'], other],
		['H.265 that is none', H265, ['a601', '0101'], invalid],
		['H.266 slice', H266, ['0001', '0019'], slice],
		['H.266 IDR, CRA', H266, ['0039', '0041', '0049'], keySlice],
		['H.266 GDR', H266, ['0051'], gradualSlice],
		['H.266 VPS', H266, ['0071'], vps],
		['H.266 SPS', H266, ['0079'], sps],
		['H.266 PPS', H266, ['0081'], pps],
		['H.266 delimiter', H266, ['00a1'], delimiter],
		['H.266 prefix SEI', H266, ['00b9'], sei],
		['H.266 APS, picture header', H266, ['0089', '0099'], other],
		['H.266 that is none', H266, ['8039', '4039'], invalid],
	];
	for (const [name, syntax, headers, kind] of cases) {
		test(`is right: ${name}`, () => {
			for (const header of headers) {
				assert.equal(nalKindAt(syntax, Buffer.from(header, 'hex'), 0), kind, header);
			}
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
