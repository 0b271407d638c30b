import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CHUNK_ROOM, chunk, chunkInPlace, LAST_CHUNK } from '#src/protocol/httpflv/chunked.js';

const LENGTHS = [1, 15, 16, 255, 256, 4095, 65_535, 65_536, 1_048_576];

describe('HTTP chunks', () => {
	for (const length of LENGTHS) {
		it(`frame ${length} bytes`, () => {
			const data = Buffer.alloc(length, 'x');
			const expected = `${length.toString(16)}\r\n${data.toString()}\r\n`;
			assert.equal(chunk(data).toString(), expected);
			const room = Buffer.alloc(CHUNK_ROOM.before + length + CHUNK_ROOM.after, 'y');
			const inPlace = room.subarray(CHUNK_ROOM.before, CHUNK_ROOM.before + length).fill('x');
			const framed = chunkInPlace(inPlace);
			assert.equal(framed.toString(), expected);
			assert.equal(framed.buffer, room.buffer);
		});
	}

	it('are never empty, but for the last one', () => {
		assert.equal(chunk(Buffer.alloc(0)).length, 0);
		assert.equal(LAST_CHUNK.toString(), '0\r\n\r\n');
	});
});
