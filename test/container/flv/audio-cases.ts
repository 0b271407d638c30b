import type { AudioCodec } from '#src/codec/codec-name.js';
import type { AudioTag } from '#src/container/flv/audio-tag.js';
import type { TagClass } from '#src/container/flv/classify.js';
import { hex } from '../../support/hex.js';
import type { MalformedCase } from './video-cases.js';

type Packet = { codec: AudioCodec; trackId?: number; payload: string };

export type AudioCase = {
	name: string;
	body: Uint8Array;
	tag: Partial<Omit<AudioTag, 'packets'>>;
	packets: Packet[];
	class: Partial<TagClass<AudioCodec>>;
};

const ENHANCED_CODECS: readonly [string, AudioCodec][] = [
	['ac-3', 'ac3'],
	['ec-3', 'eac3'],
	['Opus', 'opus'],
	['.mp3', 'mp3'],
	['fLaC', 'flac'],
	['mp4a', 'aac'],
	['zzzz', 'unknown'],
];

/** One table for the parser, the classifier, truncation and fuzz seeds. */
export const AUDIO_CASES: readonly AudioCase[] = [
	{
		name: 'AAC sequence header',
		body: hex('af 00 1210'),
		tag: { enhanced: false, packetType: 0 },
		packets: [{ codec: 'aac', payload: '1210' }],
		class: { role: 'sequenceHeader', codec: 'aac' },
	},
	{
		name: 'AAC frame',
		body: hex('af 01 2110'),
		tag: { packetType: 1 },
		packets: [{ codec: 'aac', payload: '2110' }],
		class: { role: 'frame', codec: 'aac' },
	},
	{ name: 'an empty body, which is silence', body: hex(''), tag: {}, packets: [], class: { role: 'silence' } },
	{
		name: 'AAC without a packet type',
		body: hex('af'),
		tag: {},
		packets: [],
		class: { role: 'silence', codec: 'aac' },
	},
	{
		name: 'MP3',
		body: hex('2f fffb'),
		tag: { packetType: 1 },
		packets: [{ codec: 'mp3', payload: 'fffb' }],
		class: { role: 'frame', codec: 'mp3' },
	},
	{
		name: 'MP3 at 8 kHz',
		body: hex('ee ff'),
		tag: {},
		packets: [{ codec: 'mp3', payload: 'ff' }],
		class: { role: 'frame', codec: 'mp3' },
	},
	{
		name: 'G.711 A-law',
		body: hex('7e d5d5'),
		tag: {},
		packets: [{ codec: 'g711a', payload: 'd5d5' }],
		class: { role: 'frame', codec: 'g711a' },
	},
	{
		name: 'G.711 mu-law whose first byte is 0',
		body: hex('82 00ff'),
		tag: {},
		packets: [{ codec: 'g711u', payload: '00ff' }],
		class: { role: 'frame', codec: 'g711u' },
	},
	{
		name: 'Speex',
		body: hex('b2 36'),
		tag: {},
		packets: [{ codec: 'speex', payload: '36' }],
		class: { role: 'frame', codec: 'speex' },
	},
	{
		name: 'legacy Opus header, sound format 13',
		body: hex('df 00 "OpusHead"'),
		tag: { packetType: 0 },
		packets: [{ codec: 'opus', payload: '4f70757348656164' }],
		class: { role: 'sequenceHeader', codec: 'opus' },
	},
	{
		name: 'legacy Opus frame, sound format 13',
		body: hex('df 01 fc'),
		tag: { packetType: 1 },
		packets: [{ codec: 'opus', payload: 'fc' }],
		class: { role: 'frame', codec: 'opus' },
	},
	{
		name: 'device specific sound, as drones send it',
		body: hex('ff 0011'),
		tag: {},
		packets: [{ codec: 'unknown', payload: '0011' }],
		class: { role: 'frame', codec: 'unknown' },
	},
	...ENHANCED_CODECS.flatMap(([fourCc, codec]): AudioCase[] => [
		{
			name: `${fourCc} SequenceStart`,
			body: hex(`90 "${fourCc}" 0102`),
			tag: { enhanced: true, packetType: 0, multitrackType: null },
			packets: [{ codec, payload: '0102' }],
			class: { role: 'sequenceHeader', codec },
		},
		{
			name: `${fourCc} CodedFrames`,
			body: hex(`91 "${fourCc}" aa`),
			tag: { packetType: 1 },
			packets: [{ codec, payload: 'aa' }],
			class: { role: 'frame', codec },
		},
		{
			name: `${fourCc} SequenceEnd`,
			body: hex(`92 "${fourCc}"`),
			tag: { packetType: 2 },
			packets: [{ codec, payload: '' }],
			class: { role: 'sequenceEnd' },
		},
	]),
	{
		name: 'MultichannelConfig',
		body: hex('94 "Opus" 01 06 0000003f'),
		tag: { packetType: 4 },
		packets: [{ codec: 'opus', payload: '01060000003f' }],
		class: { role: 'configuration', codec: 'opus' },
	},
	{
		name: 'a packet type that nobody knows',
		body: hex('9a "mp4a" 01'),
		tag: { packetType: 10 },
		packets: [{ codec: 'aac', payload: '01' }],
		class: { role: 'other' },
	},
	{
		name: 'ModEx with a nanosecond offset',
		body: hex('97 02 000064 01 "Opus" fc'),
		tag: { packetType: 1, timestampOffsetNano: 100 },
		packets: [{ codec: 'opus', payload: 'fc' }],
		class: { role: 'frame', codec: 'opus' },
	},
	{
		name: 'ModEx too short for the offset that its type announces',
		body: hex('97 00 64 01 "Opus" fc'),
		tag: { packetType: 1, timestampOffsetNano: 0 },
		packets: [{ codec: 'opus', payload: 'fc' }],
		class: { role: 'frame' },
	},
	{
		name: 'Multitrack, one track',
		body: hex('95 01 "mp4a" 02 2110'),
		tag: { packetType: 1, multitrackType: 0 },
		packets: [{ codec: 'aac', trackId: 2, payload: '2110' }],
		class: { role: 'frame', trackId: 2, codec: 'aac' },
	},
	{
		name: 'Multitrack, many tracks of many codecs',
		body: hex('95 21 "mp4a" 00 000001 21 "Opus" 01 000002 fc01'),
		tag: { packetType: 1, multitrackType: 2 },
		packets: [
			{ codec: 'aac', trackId: 0, payload: '21' },
			{ codec: 'opus', trackId: 1, payload: 'fc01' },
		],
		class: { role: 'frame', trackId: 0 },
	},
];

export const MALFORMED_AUDIO: readonly MalformedCase[] = [
	{ name: 'a FourCC cut short', body: hex('91 "Opu"') },
	{ name: 'ModEx whose data is cut short', body: hex('97 05 0000') },
	{ name: 'Multitrack within Multitrack', body: hex('95 05 "mp4a" 00 aa') },
	{ name: 'a track longer than the tag', body: hex('95 11 "mp4a" 00 000003 aabb') },
];
