import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { binaryFrame, binaryFrameInPlace, FRAME_ROOM } from '#src/protocol/wsflv/framing.js';

/** Payload lengths around every change of the header, with the header that RFC 6455 wants. */
const CASES: [number, string][] = [
	[1, '8201'],
	[125, '827d'],
	[126, '827e007e'],
	[65_535, '827effff'],
	[65_536, '827f0000000000010000'],
	[1_048_576, '827f0000000000100000'],
];

describe('WebSocket frames', () => {
	for (const [length, header] of CASES) {
		it(`carry ${length} bytes`, () => {
			const payload = Buffer.alloc(length, 'x');
			const expected = Buffer.concat([Buffer.from(header, 'hex'), payload]);
			assert.deepEqual(binaryFrame(payload), expected);
			const room = Buffer.alloc(FRAME_ROOM.before + length, 'y');
			const framed = binaryFrameInPlace(room.subarray(FRAME_ROOM.before).fill('x'));
			assert.deepEqual(framed, expected);
			assert.equal(framed.buffer, room.buffer);
		});
	}

	it('are not made of nothing', () => {
		assert.equal(binaryFrame(Buffer.alloc(0)).length, 0);
	});
});
