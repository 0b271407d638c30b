import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import * as layout from '#src/ring/layout.js';

describe('positions', () => {
	for (const [from, to, units] of [
		[0, 0, 0],
		[0, 5, 5],
		[5, 0, -5],
		[2 ** 31 - 3, -(2 ** 31) + 2, 5],
		[-(2 ** 31) + 2, 2 ** 31 - 3, -5],
		[-2, 3, 5],
	] as const) {
		it(`${to} is ${units} units after ${from}`, () => {
			assert.equal(layout.distance(from, to), units);
		});
	}

	it('keep their distance wherever they are', () => {
		const position = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
		fc.assert(
			fc.property(position, fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 }), (from, units) => {
				assert.equal(layout.distance(from, (from + units) | 0), units);
			}),
		);
	});
});

describe('sizes', () => {
	for (const [tagLength, units] of [
		[0, 3],
		[1, 4],
		[8, 4],
		[9, 5],
	] as const) {
		it(`a record with a tag of ${tagLength} bytes takes ${units} units`, () => {
			assert.equal(layout.recordUnits(tagLength), units);
		});
	}

	it('a ring is the smallest power of two that holds what is asked for, within its limits', () => {
		assert.equal(layout.ringBytesFor(0), layout.MIN_RING_BYTES);
		assert.equal(layout.ringBytesFor(layout.MIN_RING_BYTES), layout.MIN_RING_BYTES);
		assert.equal(layout.ringBytesFor(layout.MIN_RING_BYTES + 1), 2 * layout.MIN_RING_BYTES);
		assert.equal(layout.ringBytesFor(1e12), layout.MAX_RING_BYTES);
	});
});

it('no two fields of the header share a byte', () => {
	const fields: [string, number, number][] = [
		...Object.entries(layout.Word).map(([name, word]): [string, number, number] => [name, word * 4, 4]),
		...Object.entries(layout.Figure).map(([name, figure]): [string, number, number] => [name, figure * 8, 8]),
		['start points', layout.START_POINTS_OFFSET, layout.START_POINTS * layout.START_POINT_BYTES],
		['header slots', layout.HEADER_SLOTS_OFFSET, layout.HEADER_SLOTS * layout.HEADER_SLOT_BYTES],
		['header data', layout.HEADER_DATA_OFFSET, layout.HEADER_DATA_BYTES],
	];
	fields.sort((a, b) => a[1] - b[1]);
	for (const [index, [name, offset, length]] of fields.entries()) {
		const next = fields[index + 1];
		assert.ok(offset + length <= (next?.[1] ?? layout.HEADER_BYTES), `${name} runs into ${next?.[0]}`);
	}
	assert.ok(layout.START_POINTS_OFFSET % 8 === 0 && layout.HEADER_BYTES % 8 === 0);
});
