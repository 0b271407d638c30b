import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type AmfValue, amfObject } from '#src/codec/amf-value.js';
import { parseAmf0, serializeAmf0 } from '#src/codec/amf0.js';
import { liveMetadata, MAX_LIVE_METADATA_BYTES, metadataHints } from '#src/stream/publish/live-metadata.js';
import { metadata } from '../../support/flv-bodies.js';
import { hex } from '../../support/hex.js';

const BOTH = { hasAudio: true, hasVideo: true };
const NEITHER = { hasAudio: null, hasVideo: null };

describe('what metadata announces', () => {
	const cases: readonly [
		string,
		{ [key: string]: AmfValue },
		{ hasAudio: boolean | null; hasVideo: boolean | null },
	][] = [
		['codec ids', { videocodecid: 7, audiocodecid: 10 }, BOTH],
		['FourCCs as text', { videocodecid: 'hvc1', audiocodecid: 'Opus' }, BOTH],
		['a picture only', { width: 640, height: 360, framerate: 25 }, { hasAudio: false, hasVideo: true }],
		['sound only', { audiosamplerate: 44_100, stereo: true }, { hasAudio: true, hasVideo: false }],
		[
			'zeros for what is not there',
			{ width: 0, videocodecid: 0, audiocodecid: 10 },
			{ hasAudio: true, hasVideo: false },
		],
		[
			'plain words against codec ids',
			{ hasAudio: false, audiocodecid: 10, width: 640 },
			{ hasAudio: false, hasVideo: true },
		],
		['keys in other letters', { AudioCodecID: 10, Width: 640 }, BOTH],
		['something else', { title: 'Nothing to see' }, NEITHER],
	];
	for (const [name, properties, hints] of cases) {
		it(`in ${name}`, () => {
			assert.deepEqual(metadataHints(metadata(properties)), hints);
		});
	}

	it('in an anonymous object as well as in an array', () => {
		const body = serializeAmf0('onMetaData', amfObject({ width: 640, audiocodecid: 10 }));
		assert.deepEqual(metadataHints(body), BOTH);
	});

	it('is nothing when it cannot be read', () => {
		for (const body of [hex(''), hex('02 000a "onMetaData"'), hex('02 000a "onMetaData" 08 0000'), hex('ff')]) {
			assert.deepEqual(metadataHints(body), NEITHER);
		}
	});
});

describe('the metadata that a live stream keeps', () => {
	it('is what came, to the byte', () => {
		const body = metadata({ width: 640, duration: 12, custom: 'x'.repeat(2000) });
		assert.equal(liveMetadata(body), body);
	});

	it('has no index and no end of the file it came from', () => {
		const body = metadata({ width: 640, duration: 12, filesize: 5, keyframes: { times: [0], filepositions: [13] } });
		assert.deepEqual(parseAmf0(liveMetadata(body)!), ['onMetaData', new Map([['width', 640]])]);
	});

	it('is cut down to plain properties when it is large, and dropped when those are, too', () => {
		const large = { width: 640, cues: Array.from({ length: 2000 }, (_, index) => index) };
		assert.deepEqual(parseAmf0(liveMetadata(metadata(large))!), ['onMetaData', new Map([['width', 640]])]);
		assert.equal(liveMetadata(metadata({ text: 'x'.repeat(MAX_LIVE_METADATA_BYTES) })), null);
	});

	it('is never large, and reading it never throws', () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 3 }), (garbage, repeat) => {
				const body = Uint8Array.from([
					...hex('02 000a "onMetaData" 08 00000000'),
					...garbage,
					...new Uint8Array(repeat * 4000),
				]);
				metadataHints(body);
				assert.ok((liveMetadata(body)?.length ?? 0) <= MAX_LIVE_METADATA_BYTES);
			}),
			{ numRuns: 1000, interruptAfterTimeLimit: 1000 },
		);
	});
});
