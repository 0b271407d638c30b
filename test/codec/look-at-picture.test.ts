import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { VideoCodec } from '#src/codec/codec-name.js';
import { lookAtPicture } from '#src/codec/look-at-picture.js';
import { PictureKind } from '#src/codec/picture-kind.js';
import { hex } from '../support/hex.js';

type Answer = keyof typeof PictureKind;
/** The right answers for a frame that its container calls a keyframe, and for the same frame when it does not. */
type Case = { name: string; codec: VideoCodec; bytes: string; marked: Answer; unmarked: Answer };

/** Each NAL unit behind its length. */
function sample(size: 1 | 2 | 4, ...units: string[]): string {
	return units
		.map((unit) => {
			const bytes = hex(unit);
			return `${bytes.length.toString(16).padStart(size * 2, '0')}${Buffer.from(bytes).toString('hex')}`;
		})
		.join('');
}

const SPS = '6764001f';
const PPS = '68ee3c80';
const RECOVERY_POINT = '0606 018480';
/** User data, then a recovery point; the data has an emulation prevention byte. */
const LATE_RECOVERY_POINT = '06 05 03 000003 01 06 01 84 80';
const USER_DATA = '06 05 04 06018480 80';
const P = '419a24';
const I = '41b800';
const ALL_I = '418884';

const cases: Case[] = [
	{ name: 'an IDR', codec: 'h264', bytes: sample(4, '65b8'), marked: 'key', unmarked: 'key' },
	{
		name: 'an IDR behind its sets',
		codec: 'h264',
		bytes: sample(4, '09f0', SPS, PPS, '65b8'),
		marked: 'key',
		unmarked: 'key',
	},
	{ name: 'an IDR behind an empty unit', codec: 'h264', bytes: sample(4, '', '65b8'), marked: 'key', unmarked: 'key' },
	{ name: 'an IDR behind lengths of 2', codec: 'h264', bytes: sample(2, SPS, '65b8'), marked: 'key', unmarked: 'key' },
	{ name: 'an IDR behind lengths of 1', codec: 'h264', bytes: sample(1, SPS, '65b8'), marked: 'key', unmarked: 'key' },
	{
		name: 'an IDR in a byte stream',
		codec: 'h264',
		bytes: `000001${SPS}00000001${PPS}000165000001 65b800`,
		marked: 'key',
		unmarked: 'key',
	},
	{ name: 'a P picture', codec: 'h264', bytes: sample(4, P), marked: 'inter', unmarked: 'inter' },
	{ name: 'a P picture behind sets', codec: 'h264', bytes: sample(4, SPS, PPS, P), marked: 'inter', unmarked: 'inter' },
	{
		name: 'a P picture in a byte stream',
		codec: 'h264',
		bytes: `00000109f0000001${P}`,
		marked: 'inter',
		unmarked: 'inter',
	},
	{
		name: 'a P picture in a byte stream whose start code is also a length',
		...{ codec: 'h264', bytes: `00000141${'9a'.repeat(0x141)}`, marked: 'inter', unmarked: 'inter' },
	},
	{
		name: 'a refreshing P picture',
		codec: 'h264',
		bytes: sample(4, RECOVERY_POINT, P),
		marked: 'key',
		unmarked: 'inter',
	},
	{
		name: 'one with user data first',
		codec: 'h264',
		bytes: sample(4, LATE_RECOVERY_POINT, P),
		marked: 'key',
		unmarked: 'inter',
	},
	{
		name: 'one with user data alone',
		codec: 'h264',
		bytes: sample(4, USER_DATA, P),
		marked: 'inter',
		unmarked: 'inter',
	},
	{
		name: 'one in a byte stream',
		codec: 'h264',
		bytes: `000001${RECOVERY_POINT}000001${P}`,
		marked: 'key',
		unmarked: 'inter',
	},
	{ name: 'an I picture', codec: 'h264', bytes: sample(4, I), marked: 'key', unmarked: 'inter' },
	{ name: 'an I picture of one type', codec: 'h264', bytes: sample(4, ALL_I), marked: 'key', unmarked: 'inter' },
	{ name: 'sets alone', codec: 'h264', bytes: sample(4, SPS, PPS), marked: 'none', unmarked: 'none' },
	{ name: 'an SEI alone', codec: 'h264', bytes: sample(4, USER_DATA), marked: 'none', unmarked: 'none' },
	{
		name: 'sets alone in a byte stream',
		codec: 'h264',
		bytes: `00000001${SPS}000001${PPS}`,
		marked: 'none',
		unmarked: 'none',
	},
	{ name: 'empty units', codec: 'h264', bytes: '0000000000000000', marked: 'none', unmarked: 'none' },
	{ name: 'nothing', codec: 'h264', bytes: '', marked: 'none', unmarked: 'none' },
	{ name: 'no NAL units', codec: 'h264', bytes: 'ffffffffffffffff', marked: 'key', unmarked: 'inter' },
	{ name: 'a length past the end', codec: 'h264', bytes: '00000100 65b8', marked: 'key', unmarked: 'inter' },
	{ name: 'an IDR', codec: 'h265', bytes: sample(4, '4001', '4201', '4401', '2601ac'), marked: 'key', unmarked: 'key' },
	{ name: 'a CRA', codec: 'h265', bytes: sample(4, '2a01ac'), marked: 'key', unmarked: 'key' },
	{ name: 'a P picture', codec: 'h265', bytes: sample(4, '0201d0'), marked: 'inter', unmarked: 'inter' },
	{ name: 'a P picture in a byte stream', codec: 'h265', bytes: '0000010201d0', marked: 'inter', unmarked: 'inter' },
	{
		name: 'a refreshing P picture',
		codec: 'h265',
		bytes: sample(4, '4e01060184 80', '0201d0'),
		marked: 'key',
		unmarked: 'inter',
	},
	{ name: 'sets alone', codec: 'h265', bytes: sample(4, '4001', '4201', '4401'), marked: 'none', unmarked: 'none' },
	{ name: 'an IDR', codec: 'h266', bytes: sample(4, '0079', '0081', '0041c4'), marked: 'key', unmarked: 'key' },
	{ name: 'a GDR', codec: 'h266', bytes: sample(4, '0051c4'), marked: 'key', unmarked: 'inter' },
	{ name: 'a P picture', codec: 'h266', bytes: sample(4, '0001c4'), marked: 'inter', unmarked: 'inter' },
	{ name: 'sets alone', codec: 'h266', bytes: sample(4, '0079', '0081'), marked: 'none', unmarked: 'none' },
	{ name: 'a key frame', codec: 'av1', bytes: '1200 0a01 00 3202 10 aa', marked: 'key', unmarked: 'key' },
	{
		name: 'a key frame with its header apart',
		codec: 'av1',
		bytes: '1a02 10 aa 2201 00',
		marked: 'key',
		unmarked: 'key',
	},
	{ name: 'an inter frame', codec: 'av1', bytes: '1200 3202 30 aa', marked: 'inter', unmarked: 'inter' },
	{ name: 'an inter frame without a size', codec: 'av1', bytes: '30 30 aa', marked: 'inter', unmarked: 'inter' },
	{ name: 'a frame that is shown again', codec: 'av1', bytes: '1200 1a01 80', marked: 'inter', unmarked: 'inter' },
	{
		name: 'a key frame that is shown later',
		codec: 'av1',
		bytes: '1200 3202 00 aa',
		marked: 'inter',
		unmarked: 'inter',
	},
	{ name: 'a sequence header alone', codec: 'av1', bytes: '1200 0a01 00', marked: 'none', unmarked: 'none' },
	{ name: 'an OBU past the end', codec: 'av1', bytes: '320f 10', marked: 'key', unmarked: 'inter' },
	{ name: 'a key frame', codec: 'vp9', bytes: '82498342', marked: 'key', unmarked: 'key' },
	{ name: 'an inter frame', codec: 'vp9', bytes: '86', marked: 'inter', unmarked: 'inter' },
	{ name: 'a key frame of profile 3', codec: 'vp9', bytes: 'b0', marked: 'key', unmarked: 'key' },
	{ name: 'an inter frame of profile 3', codec: 'vp9', bytes: 'b2', marked: 'inter', unmarked: 'inter' },
	{ name: 'no frame', codec: 'vp9', bytes: '00', marked: 'key', unmarked: 'inter' },
	{ name: 'a key frame', codec: 'vp8', bytes: '10', marked: 'key', unmarked: 'key' },
	{ name: 'an inter frame', codec: 'vp8', bytes: '11', marked: 'inter', unmarked: 'inter' },
	{ name: 'anything', codec: 'vp6', bytes: '00', marked: 'key', unmarked: 'inter' },
	{ name: 'anything', codec: 'unknown', bytes: '00', marked: 'key', unmarked: 'inter' },
];

describe('what a frame has of a picture', () => {
	for (const { name, codec, bytes, marked, unmarked } of cases) {
		test(`${codec}: ${name}`, () => {
			// Bytes of other tracks lie around it.
			const body = Buffer.concat([hex('00000001 65'), hex(bytes), hex('00000003 65b800')]);
			const [from, to] = [5, body.length - 7];
			assert.equal(lookAtPicture(codec, body, from, to, true), PictureKind[marked], 'marked as a keyframe');
			assert.equal(lookAtPicture(codec, body, from, to, false), PictureKind[unmarked], 'marked as no keyframe');
		});
	}
});
