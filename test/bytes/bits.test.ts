import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BitReader } from '#src/bytes/bit-reader.js';
import { BitWriter } from '#src/bytes/bit-writer.js';
import { ByteWriter } from '#src/bytes/byte-writer.js';

test('bit fields read back as they were written, at any width', () => {
	const field = fc.integer({ min: 1, max: 53 }).chain((width) =>
		fc.tuple(
			fc.maxSafeNat().map((value) => value % 2 ** width),
			fc.constant(width),
		),
	);
	fc.assert(
		fc.property(fc.array(field), (fields) => {
			const writer = new BitWriter();
			for (const [value, width] of fields) {
				writer.bits(value, width);
			}
			const reader = new BitReader(writer.toBuffer());
			for (const [value, width] of fields) {
				assert.equal(reader.bits(width), value);
			}
		}),
		{ interruptAfterTimeLimit: 500, markInterruptAsFailure: false },
	);
});

test('Exp-Golomb codes read as the standard lists them', () => {
	const reader = new BitReader(new BitWriter().bits(0b1, 1).bits(0b010, 3).bits(0b011, 3).bits(0b00100, 5).toBuffer());
	assert.deepEqual(
		[0, 0, 0, 0].map(() => reader.unsignedExpGolomb()),
		[0, 1, 2, 3],
	);
	const signed = new BitReader(new BitWriter().bits(0b1, 1).bits(0b010, 3).bits(0b011, 3).bits(0b00100, 5).toBuffer());
	assert.deepEqual(
		[0, 0, 0, 0].map(() => signed.signedExpGolomb() + 0),
		[0, 1, -1, 2],
	);
});

test('a read past the end throws RangeError and an endless code does too', () => {
	assert.throws(() => new BitReader(Buffer.alloc(1)).bits(9), RangeError);
	assert.throws(() => new BitReader(Buffer.alloc(1)).skip(9), RangeError);
	assert.throws(() => new BitReader(Buffer.alloc(9)).unsignedExpGolomb(), RangeError);
});

test('a byte writer grows, keeps 64-bit values and patches earlier fields', () => {
	const writer = new ByteWriter(2);
	writer
		.u32(0)
		.u8(1)
		.u16(2)
		.u24(3)
		.u64(2 ** 40 + 5)
		.i64(-2)
		.i32(-1)
		.i16(-1)
		.ascii('ab')
		.utf8('ü')
		.zeros(2);
	writer.bytes(Buffer.from([9])).patchU32(0, writer.length);
	assert.equal(
		writer.toBuffer().toString('hex'),
		`00000027${'01'}${'0002'}${'000003'}${'0000010000000005'}${'fffffffffffffffe'}${'ffffffff'}${'ffff'}6162c3bc000009`,
	);
	writer.reset();
	assert.equal(writer.length, 0);
});
