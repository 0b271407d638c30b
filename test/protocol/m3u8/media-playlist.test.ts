import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PeerError } from '#src/errors.js';
import {
	type MediaPlaylist,
	PLAIN_PLAYLIST,
	type PlaylistSegment,
	serializeMediaPlaylist,
} from '#src/protocol/m3u8/media-playlist.js';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { serializeMultivariantPlaylist } from '#src/protocol/m3u8/multivariant-playlist.js';
import { changeViolations, playlistViolations } from '#src/protocol/m3u8/playlist-rules.js';

const plain: PlaylistSegment = {
	uri: 'segment_1.ts',
	duration: 4,
	discontinuity: false,
	map: null,
	key: null,
	programDateTimeMs: null,
	parts: [],
};

function playlist(changes: Partial<MediaPlaylist> = {}): MediaPlaylist {
	return { ...PLAIN_PLAYLIST, targetDuration: 4, segments: [plain], ...changes };
}

const cases: { name: string; playlist: MediaPlaylist; text: string }[] = [
	{
		name: 'transport stream segments',
		playlist: playlist({
			version: 3,
			independentSegments: false,
			mediaSequence: 7,
			segments: [plain, { ...plain, uri: 'segment_2.ts', duration: 3.967 }],
		}),
		text: `#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:7
#EXTINF:4.00000,
segment_1.ts
#EXTINF:3.96700,
segment_2.ts
`,
	},
	{
		name: 'a recording with two init segments',
		playlist: playlist({
			type: 'EVENT',
			ended: true,
			discontinuitySequence: 2,
			segments: [
				{ ...plain, uri: '1.m4s', map: 'init.mp4', programDateTimeMs: 1_700_000_000_123 },
				{ ...plain, uri: '2.m4s', map: 'init_2.mp4', discontinuity: true },
				{ ...plain, uri: '3.m4s', map: 'init_2.mp4' },
			],
		}),
		text: `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-DISCONTINUITY-SEQUENCE:2
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI="init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.123Z
#EXTINF:4.00000,
1.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init_2.mp4"
#EXTINF:4.00000,
2.m4s
#EXTINF:4.00000,
3.m4s
#EXT-X-ENDLIST
`,
	},
	{
		name: 'keys that rotate and end',
		playlist: playlist({
			segments: [
				{ ...plain, uri: '1.ts', key: { uri: 'key1', iv: '00000000000000000000000000000001' } },
				{ ...plain, uri: '2.ts', key: { uri: 'key2', iv: null } },
				{ ...plain, uri: '3.ts' },
			],
		}),
		text: `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-KEY:METHOD=AES-128,URI="key1",IV=0x00000000000000000000000000000001
#EXTINF:4.00000,
1.ts
#EXT-X-KEY:METHOD=AES-128,URI="key2"
#EXTINF:4.00000,
2.ts
#EXT-X-KEY:METHOD=NONE
#EXTINF:4.00000,
3.ts
`,
	},
	{
		name: 'parts, hints and reports',
		playlist: playlist({
			version: 9,
			partTarget: 0.2,
			serverControl: { canBlockReload: true, holdBack: 12, partHoldBack: 0.6, canSkipUntil: 24 },
			skippedSegments: 3,
			segments: [
				{
					...plain,
					duration: 0.4,
					parts: [0, 1].map((part) => ({ uri: `1.${part}`, duration: 0.2, independent: part === 0 })),
				},
			],
			openSegment: {
				discontinuity: true,
				map: 'init_2.mp4',
				key: null,
				programDateTimeMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
				parts: [{ uri: '2.0', duration: 0.2, independent: true }],
			},
			preloadHint: '2.1',
			renditionReports: [{ uri: '../audio.m3u8', lastMsn: 8, lastPart: 0 }],
		}),
		text: `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24.00000,HOLD-BACK=12.00000,PART-HOLD-BACK=0.60000
#EXT-X-PART-INF:PART-TARGET=0.20000
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-SKIP:SKIPPED-SEGMENTS=3
#EXT-X-PART:DURATION=0.20000,URI="1.0",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.20000,URI="1.1"
#EXTINF:0.40000,
segment_1.ts
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init_2.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.678Z
#EXT-X-PART:DURATION=0.20000,URI="2.0",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="2.1"
#EXT-X-RENDITION-REPORT:URI="../audio.m3u8",LAST-MSN=8,LAST-PART=0
`,
	},
];

describe('a media playlist', () => {
	for (const { name, playlist: made, text } of cases) {
		test(`with ${name} is written`, () => {
			assert.equal(serializeMediaPlaylist(made), text);
		});
		test(`with ${name} is read`, () => {
			assert.deepEqual(parseMediaPlaylist(text), made);
			assert.deepEqual(parseMediaPlaylist(text.replaceAll('\n', '\r\n')), made);
			assert.deepEqual(parseMediaPlaylist(text.replace('\n', '\n#EXT-X-UNKNOWN:1\n# comment\n\n')), made);
		});
	}

	test('that breaks the grammar is refused', () => {
		const head = '#EXTM3U\n#EXT-X-TARGETDURATION:4\n';
		for (const text of [
			'',
			'#EXT-X-TARGETDURATION:4\n',
			'#EXTM3U\n',
			`${head}#EXT-X-TARGETDURATION:4\n`,
			`${head}a.ts\n`,
			`${head}#EXTINF:4\na.ts\n`,
			`${head}#EXTINF:-4,\na.ts\n`,
			`${head}#EXTINF:1e3,\na.ts\n`,
			`${head}#EXTINF:4,\n`,
			`${head}#EXTINF:4,\na.ts\n#EXT-X-MEDIA-SEQUENCE:1\n`,
			`${head}#EXT-X-PLAYLIST-TYPE:LIVE\n`,
			`${head}#EXT-X-KEY:METHOD=AES-128\n`,
			`${head}#EXT-X-KEY:METHOD=AES-128,URI="k",IV=12\n`,
			`${head}#EXT-X-PART:URI="a"\n`,
			`${head}#EXT-X-PART:DURATION=1,URI="a\n`,
			`${head}#EXT-X-PART:DURATION=1,DURATION=1,URI="a"\n`,
			`${head}#EXT-X-PROGRAM-DATE-TIME:yesterday\n`,
		]) {
			assert.throws(() => parseMediaPlaylist(text), PeerError, text);
		}
	});

	test('of any text is read or refused, never a crash', () => {
		const lines = cases.flatMap(({ text }) => text.split('\n'));
		fc.assert(
			fc.property(fc.array(fc.oneof(fc.constantFrom(...lines), fc.string())), (shuffled) => {
				try {
					parseMediaPlaylist(['#EXTM3U', ...shuffled].join('\n'));
				} catch (error) {
					assert(error instanceof PeerError, String(error));
				}
			}),
			{ interruptAfterTimeLimit: 500, markInterruptAsFailure: false },
		);
	});
});

describe('the playlist checker', () => {
	const parts = (...durations: number[]) =>
		durations.map((duration, index) => ({ uri: `p${index}`, duration, independent: false }));
	const open = (...durations: number[]) => ({
		...{ discontinuity: false, map: null, key: null, programDateTimeMs: null },
		parts: parts(...durations),
	});
	const control = { canBlockReload: true, holdBack: 12, partHoldBack: 0.6, canSkipUntil: 24 };
	const lowLatency = { version: 9, partTarget: 0.2, serverControl: control, preloadHint: 'next' };

	test('finds nothing in a good playlist', () => {
		assert.deepEqual(playlistViolations(playlist()), []);
		assert.deepEqual(playlistViolations(playlist({ ...lowLatency, openSegment: open(0.2, 0.18, 0.2) })), []);
	});

	test('finds each rule that is broken', () => {
		const broken: [Partial<MediaPlaylist>, RegExp][] = [
			[{ segments: [{ ...plain, duration: 4.6 }] }, /over target/],
			[{ segments: [plain, plain] }, /twice/],
			[{ segments: [plain, { ...plain, uri: 'x', map: 'init.mp4' }] }, /without EXT-X-MAP/],
			[{ type: 'VOD' }, /without EXT-X-ENDLIST/],
			[{ partTarget: 0.2, preloadHint: 'x' }, /PART-HOLD-BACK/],
			[{ ...lowLatency, preloadHint: null }, /PRELOAD-HINT/],
			[{ ...lowLatency, openSegment: open(0.3) }, /over the target/],
			[{ ...lowLatency, openSegment: open(0.1, 0.2) }, /under 85/],
			[{ ...lowLatency, serverControl: { ...control, partHoldBack: 0.3 } }, /two part targets/],
			[{ ...lowLatency, serverControl: { ...control, holdBack: 6 } }, /three target durations/],
			[{ ...lowLatency, serverControl: { ...control, canSkipUntil: 6 } }, /six target durations/],
			[{ ...lowLatency, segments: [{ ...plain, parts: parts(0.2) }] }, /parts of segment_1.ts last/],
			[{ skippedSegments: 1 }, /version 9/],
			[{ openSegment: open(0.2) }, /without EXT-X-PART-INF/],
		];
		for (const [changes, expected] of broken) {
			assert.match(playlistViolations(playlist(changes)).join('\n'), expected);
		}
	});

	test('finds each forbidden change', () => {
		const uris = ['a', 'b', 'c', 'd', 'e'].map((uri) => ({ ...plain, uri, discontinuity: uri === 'b' }));
		const before = playlist({ mediaSequence: 10, segments: uris.slice(0, 3) });
		const next = { mediaSequence: 11, segments: uris.slice(1) };
		assert.deepEqual(changeViolations(before, playlist(next)), []);
		assert.deepEqual(
			changeViolations(
				playlist(next),
				playlist({ mediaSequence: 12, segments: uris.slice(2), discontinuitySequence: 1 }),
			),
			[],
		);
		const broken: [Partial<MediaPlaylist>, RegExp][] = [
			[{ ...next, targetDuration: 5 }, /TARGETDURATION changed/],
			[{ mediaSequence: 9 }, /MEDIA-SEQUENCE went back/],
			[{ ...next, discontinuitySequence: 1 }, /expected 0/],
			[{ mediaSequence: 12, segments: uris.slice(2) }, /expected 1/],
			[{ mediaSequence: 12, segments: uris.slice(2, 4), discontinuitySequence: 1 }, /only 8 s/],
			[{ mediaSequence: 10, segments: uris.slice(0, 2) }, /went away/],
			[{ mediaSequence: 11, segments: [uris[1]!, { ...uris[2]!, duration: 3 }] }, /c changed/],
			[{ mediaSequence: 11, segments: [...uris.slice(1), uris[0]!] }, /used before/],
		];
		for (const [changes, expected] of broken) {
			assert.match(changeViolations(before, playlist(changes)).join('\n'), expected);
		}
	});
});

test('a multivariant playlist names what its variants are', () => {
	const text = serializeMultivariantPlaylist({
		version: 7,
		independentSegments: true,
		audio: [{ groupId: 'audio', name: 'Default', uri: 'audio.m3u8', channels: 2, isDefault: true }],
		variants: [
			{
				uri: 'video.m3u8',
				bandwidth: 2_000_000.4,
				averageBandwidth: 1_500_000,
				codecs: ['avc1.640028', 'mp4a.40.2'],
				width: 1920,
				height: 1080,
				frameRate: 30000 / 1001,
				videoRange: 'SDR',
				audioGroup: 'audio',
			},
		],
	});
	assert.equal(
		text,
		`#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Default",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2000001,AVERAGE-BANDWIDTH=1500000,CODECS="avc1.640028,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO="audio"
video.m3u8
`,
	);
});
