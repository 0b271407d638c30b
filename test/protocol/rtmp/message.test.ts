import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
	parseUint32Body,
	parseUserControl,
	peerBandwidthBody,
	splitAggregate,
	UserControlEvent,
	uint32Body,
	userControlBody,
} from '#src/protocol/rtmp/message.js';

test('control messages of one number are written and read', () => {
	assert.equal(uint32Body(0xfffffff0).toString('hex'), 'fffffff0');
	assert.equal(parseUint32Body(Buffer.from('fffffff0', 'hex')), 0xfffffff0);
	assert.equal(parseUint32Body(Buffer.from('ff', 'hex')), 0);
	assert.equal(uint32Body(2 ** 32 + 5).toString('hex'), '00000005');
	assert.equal(peerBandwidthBody(2_500_000).toString('hex'), '002625a002');
});

test('user control messages are written and read, and short ones are no fault', () => {
	const body = userControlBody(UserControlEvent.pingRequest, 77);
	assert.equal(body.toString('hex'), '00060000004d');
	assert.deepEqual(parseUserControl(body), { event: UserControlEvent.pingRequest, value: 77 });
	assert.deepEqual(parseUserControl(Buffer.from('0006', 'hex')), { event: UserControlEvent.pingRequest, value: 0 });
	assert.equal(parseUserControl(Buffer.from('00', 'hex')), null);
});

type SubMessage = { type: number; at: number; body: string };

function split(body: Buffer, at: number): SubMessage[] {
	const messages: SubMessage[] = [];
	splitAggregate(body, at, (type, timestampMs, sub) =>
		messages.push({ type, at: timestampMs, body: sub.toString('hex') }),
	);
	return messages;
}

const AGGREGATE = '09 000002 0003e8 00 000000 aabb 0000000d 08 000001 0003fc 00 000000 cc 0000000c';
const CASES: { name: string; body: string; at: number; messages: SubMessage[] }[] = [
	{
		name: 'its messages moved to its own time',
		body: AGGREGATE,
		at: 5000,
		messages: [
			{ type: 9, at: 5000, body: 'aabb' },
			{ type: 8, at: 5020, body: 'cc' },
		],
	},
	{
		name: 'times over the end of 32 bits',
		body: AGGREGATE,
		at: 0xfffffff6,
		messages: [
			{ type: 9, at: 0xfffffff6, body: 'aabb' },
			{ type: 8, at: 10, body: 'cc' },
		],
	},
	{
		name: 'the upper byte of a time',
		body: '09 000000 000000 ff 000000 0000000b 09 000000 000001 ff 000000 0000000b',
		at: 0xff000000,
		messages: [
			{ type: 9, at: 0xff000000, body: '' },
			{ type: 9, at: 0xff000001, body: '' },
		],
	},
	{
		name: 'no last back pointer',
		body: '09 000001 000000 00 000000 aa',
		at: 0,
		messages: [{ type: 9, at: 0, body: 'aa' }],
	},
	{
		name: 'a last message that is cut',
		body: '09 000001 000000 00 000000 aa 0000000c 08 000009 000000 00 000000 bb',
		at: 0,
		messages: [{ type: 9, at: 0, body: 'aa' }],
	},
	{ name: 'nothing', body: '', at: 0, messages: [] },
];

for (const { name, body, at, messages } of CASES) {
	test(`an aggregate message is split: ${name}`, () => {
		assert.deepEqual(split(Buffer.from(body.replaceAll(' ', ''), 'hex'), at), messages);
	});
}

test('an aggregate message of any bytes is split within its bounds', () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
			const total = split(Buffer.from(bytes), 0).reduce((sum, message) => sum + message.body.length / 2, 0);
			assert.ok(total <= bytes.length);
		}),
		{ numRuns: 1000, interruptAfterTimeLimit: 500 },
	);
});
