import type { VideoCodec } from '#src/codec/codec-name.js';
import type { TagClass } from '#src/container/flv/classify.js';
import type { VideoTag } from '#src/container/flv/video-tag.js';
import { hex } from '../../support/hex.js';

type Packet = { codec: VideoCodec; trackId?: number; payload: string; compositionTimeMs?: number };

export type VideoCase = {
	name: string;
	body: Uint8Array;
	tag: Partial<Omit<VideoTag, 'packets'>>;
	packets: Packet[];
	class: Partial<TagClass<VideoCodec>>;
};

const ENHANCED_CODECS: readonly [string, VideoCodec][] = [
	['vp08', 'vp8'],
	['vp09', 'vp9'],
	['av01', 'av1'],
	['avc1', 'h264'],
	['hvc1', 'h265'],
	['vvc1', 'h266'],
	['zzzz', 'unknown'],
];

/** One table for the parser, the classifier, truncation and fuzz seeds. */
export const VIDEO_CASES: readonly VideoCase[] = [
	{
		name: 'AVC sequence header',
		body: hex('17 00 000000 01640028'),
		tag: { enhanced: false, frameType: 1, packetType: 0 },
		packets: [{ codec: 'h264', payload: '01640028' }],
		class: { role: 'sequenceHeader', codec: 'h264', keyframe: false },
	},
	{
		name: 'AVC keyframe',
		body: hex('17 01 000042 aabb'),
		tag: { packetType: 1 },
		packets: [{ codec: 'h264', payload: 'aabb', compositionTimeMs: 0x42 }],
		class: { role: 'frame', keyframe: true, droppable: false },
	},
	{
		name: 'AVC inter frame with a negative composition time',
		body: hex('27 01 fffffe aabb'),
		tag: { frameType: 2 },
		packets: [{ codec: 'h264', payload: 'aabb', compositionTimeMs: -2 }],
		class: { role: 'frame', keyframe: false, droppable: false },
	},
	{
		name: 'AVC disposable inter frame',
		body: hex('37 01 000000 aa'),
		tag: { frameType: 3 },
		packets: [{ codec: 'h264', payload: 'aa' }],
		class: { role: 'frame', droppable: true },
	},
	{
		name: 'AVC generated keyframe',
		body: hex('47 01 000000 aa'),
		tag: { frameType: 4 },
		packets: [{ codec: 'h264', payload: 'aa' }],
		class: { role: 'frame', keyframe: true },
	},
	{
		name: 'AVC IDR in a tag that is marked inter',
		body: hex('27 01 000000 00000002 65b8'),
		tag: { frameType: 2 },
		packets: [{ codec: 'h264', payload: '0000000265b8' }],
		class: { role: 'frame', keyframe: true },
	},
	{
		name: 'AVC IDR in a tag that is marked disposable',
		body: hex('37 01 000000 00000002 65b8'),
		tag: { frameType: 3 },
		packets: [{ codec: 'h264', payload: '0000000265b8' }],
		class: { role: 'frame', keyframe: true, droppable: false },
	},
	{
		name: 'AVC P picture in a tag that is marked key',
		body: hex('17 01 000000 00000003 419a24'),
		tag: { frameType: 1 },
		packets: [{ codec: 'h264', payload: '00000003419a24' }],
		class: { role: 'frame', keyframe: false },
	},
	{
		name: 'AVC parameter set alone, marked key',
		body: hex('17 01 000000 00000002 6764'),
		tag: { frameType: 1 },
		packets: [{ codec: 'h264', payload: '000000026764' }],
		class: { role: 'preamble', keyframe: false },
	},
	{
		name: 'hvc1 IDR marked inter, in Multitrack',
		body: hex('a6 03 "hvc1" 02 00000003 2601ac'),
		tag: { frameType: 2, packetType: 3, multitrackType: 0 },
		packets: [{ codec: 'h265', trackId: 2, payload: '000000032601ac' }],
		class: { role: 'frame', trackId: 2, keyframe: true },
	},
	{
		name: 'AVC end of sequence',
		body: hex('17 02 000000'),
		tag: { packetType: 2 },
		packets: [{ codec: 'h264', payload: '' }],
		class: { role: 'sequenceEnd', keyframe: false },
	},
	{
		name: 'AVC end of sequence without a composition time',
		body: hex('17 02'),
		tag: { packetType: 2 },
		packets: [{ codec: 'h264', payload: '' }],
		class: { role: 'sequenceEnd', keyframe: false },
	},
	{
		name: 'AVC with a packet type that nobody knows',
		body: hex('17 09 000000 01'),
		tag: { packetType: 9 },
		packets: [{ codec: 'h264', payload: '01' }],
		class: { role: 'other', keyframe: false },
	},
	{
		name: 'video command frame',
		body: hex('57 01'),
		tag: { frameType: 5 },
		packets: [],
		class: { role: 'other', keyframe: false },
	},
	{
		name: 'legacy HEVC sequence header, codec id 12',
		body: hex('1c 00 000000 01'),
		tag: { packetType: 0 },
		packets: [{ codec: 'h265', payload: '01' }],
		class: { role: 'sequenceHeader', codec: 'h265' },
	},
	{
		name: 'legacy HEVC keyframe, codec id 12',
		body: hex('1c 01 000021 26'),
		tag: { packetType: 1 },
		packets: [{ codec: 'h265', payload: '26', compositionTimeMs: 0x21 }],
		class: { role: 'frame', keyframe: true },
	},
	{
		name: 'VP6 keyframe',
		body: hex('14 00 7818'),
		tag: { packetType: 1 },
		packets: [{ codec: 'vp6', payload: '007818' }],
		class: { role: 'frame', codec: 'vp6', keyframe: true },
	},
	{
		name: 'H.263 disposable frame',
		body: hex('32 0000 84'),
		tag: { frameType: 3 },
		packets: [{ codec: 'h263', payload: '000084' }],
		class: { role: 'frame', codec: 'h263', droppable: true },
	},
	{
		name: 'a legacy codec that nobody knows',
		body: hex('2f 0102'),
		tag: { frameType: 2 },
		packets: [{ codec: 'unknown', payload: '0102' }],
		class: { role: 'frame', codec: 'unknown', keyframe: false },
	},
	...ENHANCED_CODECS.flatMap(([fourCc, codec]): VideoCase[] => {
		const timed = codec === 'h264' || codec === 'h265' || codec === 'h266';
		const key = codec === 'av1' ? '32 02 10 08' : '00 00 08 aa';
		return [
			{
				name: `${fourCc} SequenceStart`,
				body: hex(`90 "${fourCc}" 0102`),
				tag: { enhanced: true, frameType: 1, packetType: 0, multitrackType: null },
				packets: [{ codec, payload: '0102' }],
				class: { role: 'sequenceHeader', codec, keyframe: false },
			},
			{
				name: `${fourCc} CodedFrames`,
				body: hex(`91 "${fourCc}" ${key}`),
				tag: { packetType: 1 },
				packets: [timed ? { codec, payload: 'aa', compositionTimeMs: 8 } : { codec, payload: key.replaceAll(' ', '') }],
				class: { role: 'frame', keyframe: true },
			},
			{
				name: `${fourCc} CodedFramesX`,
				body: hex(`a3 "${fourCc}" abbb`),
				tag: { frameType: 2, packetType: 3 },
				packets: [{ codec, payload: 'abbb' }],
				class: { role: 'frame', keyframe: false },
			},
			{
				name: `${fourCc} SequenceEnd`,
				body: hex(`92 "${fourCc}"`),
				tag: { packetType: 2 },
				packets: [{ codec, payload: '' }],
				class: { role: 'sequenceEnd' },
			},
		];
	}),
	{
		name: 'MPEG2TSSequenceStart',
		body: hex('95 "av01" 80'),
		tag: { packetType: 5 },
		packets: [{ codec: 'av1', payload: '80' }],
		class: { role: 'sequenceHeader' },
	},
	{
		name: 'disposable enhanced frame',
		body: hex('b1 "hvc1" 000000 aa'),
		tag: { frameType: 3 },
		packets: [{ codec: 'h265', payload: 'aa' }],
		class: { role: 'frame', droppable: true },
	},
	{
		name: 'enhanced command frame',
		body: hex('d1 00'),
		tag: { frameType: 5, packetType: 1 },
		packets: [],
		class: { role: 'other' },
	},
	{
		name: 'Metadata whose frame type must be ignored',
		body: hex('d4 "hvc1" 02000963 6f6c6f72 496e666f'),
		tag: { frameType: 5, packetType: 4 },
		packets: [{ codec: 'h265', payload: '02000963' + '6f6c6f72' + '496e666f' }],
		class: { role: 'configuration', keyframe: false },
	},
	{
		name: 'a packet type that nobody knows',
		body: hex('9e "avc1" 01'),
		tag: { packetType: 14 },
		packets: [{ codec: 'h264', payload: '01' }],
		class: { role: 'other', keyframe: false },
	},
	{
		name: 'ModEx with a nanosecond offset',
		body: hex('97 02 0bebc2 01 "hvc1" 000004 aa'),
		tag: { packetType: 1, timestampOffsetNano: 781_250 },
		packets: [{ codec: 'h265', payload: 'aa', compositionTimeMs: 4 }],
		class: { role: 'frame', codec: 'h265', keyframe: true },
	},
	{
		name: 'a nanosecond offset beyond its maximum',
		body: hex('97 02 ffffff 03 "avc1" aa'),
		tag: { packetType: 3, timestampOffsetNano: 999_999 },
		packets: [{ codec: 'h264', payload: 'aa' }],
		class: { role: 'frame', keyframe: true },
	},
	{
		name: 'ModEx of an unknown type, then one with a long size, then the frame',
		body: hex(`a7 00 ee f7 ff 0100 ${'cd'.repeat(257)} f3 "av01" 12`),
		tag: { frameType: 2, packetType: 3, timestampOffsetNano: 0 },
		packets: [{ codec: 'av1', payload: '12' }],
		class: { role: 'frame', codec: 'av1', keyframe: false },
	},
	{
		name: 'Multitrack, one track',
		body: hex('96 01 "avc1" 03 000007 aa'),
		tag: { packetType: 1, multitrackType: 0 },
		packets: [{ codec: 'h264', trackId: 3, payload: 'aa', compositionTimeMs: 7 }],
		class: { role: 'frame', trackId: 3, keyframe: true },
	},
	{
		name: 'Multitrack, many tracks of one codec',
		body: hex('96 13 "av01" 00 000002 3010 01 000001 21'),
		tag: { packetType: 3, multitrackType: 1 },
		packets: [
			{ codec: 'av1', trackId: 0, payload: '3010' },
			{ codec: 'av1', trackId: 1, payload: '21' },
		],
		class: { role: 'frame', trackId: 0, keyframe: true },
	},
	{
		name: 'Multitrack, sequence starts of many codecs',
		body: hex('96 20 "av01" 00 000001 81 "hvc1" 07 000002 0101'),
		tag: { packetType: 0, multitrackType: 2 },
		packets: [
			{ codec: 'av1', trackId: 0, payload: '81' },
			{ codec: 'h265', trackId: 7, payload: '0101' },
		],
		class: { role: 'sequenceHeader', trackId: 0, codec: 'av1', keyframe: false },
	},
	{
		name: 'ModEx in front of Multitrack',
		body: hex('a7 02 000001 06 03 "vp09" 01 aa'),
		tag: { packetType: 3, multitrackType: 0, timestampOffsetNano: 1 },
		packets: [{ codec: 'vp9', trackId: 1, payload: 'aa' }],
		class: { role: 'frame', trackId: 1, codec: 'vp9', keyframe: false },
	},
];

export type MalformedCase = { name: string; body: Uint8Array };

export const MALFORMED_VIDEO: readonly MalformedCase[] = [
	{ name: 'an empty body', body: hex('') },
	{ name: 'AVC without a packet type', body: hex('17') },
	{ name: 'a FourCC cut short', body: hex('91 "avc"') },
	{ name: 'ModEx without data', body: hex('97') },
	{ name: 'ModEx whose data is cut short', body: hex('97 05 0000') },
	{ name: 'ModEx with half a long size', body: hex('97 ff 01') },
	{ name: 'an endless chain of ModEx', body: hex(`97 ${'00 00 07'.repeat(40)}`) },
	{ name: 'Multitrack within Multitrack', body: hex('96 06 "avc1" 00 aa') },
	{ name: 'a multitrack type that nobody knows', body: hex('96 31 "avc1" 00 aa') },
	{ name: 'Multitrack without a track', body: hex('96 11 "avc1"') },
	{ name: 'a track longer than the tag', body: hex('96 13 "avc1" 00 000003 aabb') },
	{ name: 'more tracks than there are ids', body: hex(`96 13 "avc1" ${'00 000000'.repeat(257)}`) },
];
