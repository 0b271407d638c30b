import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageWireBytes, serializeMessage, writeMessage } from '#src/protocol/rtmp/chunk-writer.js';

const CASES: { name: string; chunkSize: number; at: number; body: string; wire: string }[] = [
	{ name: 'a message of one chunk', chunkSize: 128, at: 1000, body: 'aabb', wire: '060003e8000002090100000aaabb' },
	{ name: 'a message of no bytes', chunkSize: 128, at: 0, body: '', wire: '06000000000000090100000a' },
	{ name: 'a body of exactly one chunk', chunkSize: 2, at: 0, body: 'aabb', wire: '06000000000002090100000aaabb' },
	{
		name: 'a message of three chunks',
		chunkSize: 2,
		at: 0,
		body: 'aabbccddee',
		wire: '06000000000005090100000a aabb c6 ccdd c6 ee',
	},
	{
		name: 'an extended timestamp, on type 3 too',
		chunkSize: 2,
		at: 0xffffff,
		body: 'aabbcc',
		wire: '06ffffff000003090100000a 00ffffff aabb c6 00ffffff cc',
	},
	{
		name: 'the last timestamp',
		chunkSize: 2,
		at: 0xffffffff,
		body: 'aa',
		wire: '06ffffff000001090100000a ffffffff aa',
	},
];

for (const { name, chunkSize, at, body, wire } of CASES) {
	test(`the chunk writer writes ${name}`, () => {
		const bytes = serializeMessage(chunkSize, 6, 9, 0x0a000001, at, Buffer.from(body, 'hex'));
		assert.equal(bytes.toString('hex'), wire.replaceAll(' ', ''));
		assert.equal(messageWireBytes(chunkSize, at, body.length / 2), bytes.length);
	});
}

test('the chunk writer writes messages one behind the other into one buffer', () => {
	const body = Buffer.from('aabbcc', 'hex');
	const wire = serializeMessage(2, 4, 8, 1, 5, body);
	const target = Buffer.alloc(3 + wire.length * 2);
	const middle = writeMessage(target, 3, 2, 4, 8, 1, 5, body);
	assert.equal(writeMessage(target, middle, 2, 4, 8, 1, 5, body), target.length);
	assert.deepEqual(target.subarray(3), Buffer.concat([wire, wire]));
});
