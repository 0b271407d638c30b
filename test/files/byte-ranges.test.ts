import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { contentRange, frameMultipart, parseRanges } from '#src/files/byte-ranges.js';

const SIZE = 100;

describe('a Range header', () => {
	for (const [header, expected] of [
		['bytes=0-9', [[0, 9]]],
		['bytes=0-0', [[0, 0]]],
		['bytes=90-', [[90, 99]]],
		['bytes=90-1000', [[90, 99]]],
		['bytes=-10', [[90, 99]]],
		['bytes=-1000', [[0, 99]]],
		['Bytes = 0-9', [[0, 9]]],
		[
			'bytes=0-4, 10-14',
			[
				[0, 4],
				[10, 14],
			],
		],
		[
			'bytes=10-14,0-4',
			[
				[10, 14],
				[0, 4],
			],
		],
		['bytes=0-4,200-300', [[0, 4]]],
		['bytes=100-', []],
		['bytes=-0', []],
		['bytes=200-300,400-', []],
		['bytes=5-4', null],
		['bytes=-', null],
		['bytes=', null],
		['bytes=a-b', null],
		['bytes=1-2=3', null],
		['items=0-9', null],
		['0-9', null],
		['bytes=0-10,5-20', null],
		[`bytes=${Array.from({ length: 17 }, (_, index) => `${index * 2}-${index * 2}`).join(',')}`, null],
	] as const) {
		it(`selects ${JSON.stringify(expected)} by ${header.slice(0, 40)}`, () => {
			assert.deepEqual(parseRanges(header, SIZE), expected?.map(([start, end]) => ({ start, end })) ?? null);
		});
	}

	it('selects nothing of what is empty', () => {
		assert.deepEqual(parseRanges('bytes=0-', 0), []);
		assert.deepEqual(parseRanges('bytes=-5', 0), []);
	});

	it('never leads out of the file, whatever it says', () => {
		const piece = fc.stringMatching(/^[0-9]{0,4}-[0-9]{0,4}$/);
		fc.assert(
			fc.property(
				fc.oneof(
					fc.string(),
					fc.array(piece).map((list) => `bytes=${list.join(',')}`),
				),
				fc.nat(200),
				(header, size) => {
					const ranges = parseRanges(header, size) ?? [];
					assert.ok(ranges.every(({ start, end }) => start >= 0 && start <= end && end < size));
					assert.ok(ranges.reduce((sum, { start, end }) => sum + end - start + 1, 0) <= size);
				},
			),
			{ interruptAfterTimeLimit: 1000 },
		);
	});
});

describe('multipart/byteranges', () => {
	it('frames each range with its type and place', () => {
		const ranges = [
			{ start: 0, end: 1 },
			{ start: 4, end: 4 },
		];
		const { contentType, heads, tail, lengthBytes } = frameMultipart(ranges, {
			type: 'video/mp2t',
			sizeBytes: 5,
			boundary: 'b',
		});
		const body = `${heads[0]}AB${heads[1]}E${tail}`;
		assert.equal(contentType, 'multipart/byteranges; boundary=b');
		assert.equal(
			body,
			'--b\r\nContent-Type: video/mp2t\r\nContent-Range: bytes 0-1/5\r\n\r\nAB' +
				'\r\n--b\r\nContent-Type: video/mp2t\r\nContent-Range: bytes 4-4/5\r\n\r\nE\r\n--b--\r\n',
		);
		assert.equal(lengthBytes, body.length);
	});

	it('tells the size when no range is there', () => {
		assert.equal(contentRange(null, 5), 'bytes */5');
	});
});
