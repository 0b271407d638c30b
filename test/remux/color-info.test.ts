import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serializeAmf0 } from '#src/codec/amf0.js';
import type { VideoConfig } from '#src/codec/track-config.js';
import { TagType } from '#src/container/flv/tag.js';
import { findBox } from '#src/container/mp4/box-reader.js';
import { buildInitSegment } from '#src/container/mp4/init-segment.js';
import { readMovie } from '#src/container/mp4/movie-reader.js';
import { FramesFromFlv } from '#src/remux/frames-from-flv.js';
import * as vectors from '../codec/vectors.js';

const SEQUENCE_HEADER = Buffer.concat([Buffer.from('1700000000', 'hex'), vectors.avcCHigh422]);
const KEYFRAME = Buffer.from('1701000000 00000002 65b8'.replaceAll(' ', ''), 'hex');
const METADATA = Buffer.from('94', 'hex'); // key frame, Metadata
const colorInfo = {
	colorConfig: { bitDepth: 10, colorPrimaries: 9, transferCharacteristics: 16, matrixCoefficients: 9 },
	hdrCll: { maxFall: 400, maxCLL: 1000 },
	hdrMdcv: {
		...{ redX: 0.708, redY: 0.292, greenX: 0.17, greenY: 0.797, blueX: 0.131, blueY: 0.046 },
		...{ whitePointX: 0.3127, whitePointY: 0.329, maxLuminance: 1000, minLuminance: 0.0001 },
	},
};

function configsOf(...tags: Buffer[]): VideoConfig[] {
	const configs: VideoConfig[] = [];
	const frames = new FramesFromFlv({
		track: ({ config }) => configs.push(config as VideoConfig),
		frame: () => undefined,
		splice: () => undefined,
		end: () => undefined,
	});
	for (const tag of tags) {
		frames.tag(TagType.video, 0, tag);
		frames.tag(TagType.video, 0, KEYFRAME);
	}
	return configs;
}

function metadata(info: object): Buffer {
	return Buffer.concat([METADATA, Buffer.from('avc1'), serializeAmf0('colorInfo', info as never)]);
}

test('colours and grading that a publisher tells come into the MP4', () => {
	const configs = configsOf(SEQUENCE_HEADER, metadata(colorInfo), metadata(colorInfo), SEQUENCE_HEADER);
	assert.equal(configs.length, 2, 'told again, nothing changes');
	const config = configs[1]!;
	assert.deepEqual(config.colour, { primaries: 9, transfer: 16, matrix: 9, fullRange: false });
	const init = buildInitSegment([{ trackId: 1, config, mediaTimeOffset: 0 }]).toString('latin1');
	assert(init.includes(`colrnclx\0\x09\0\x10\0\x09\0`));
	const mdcv = Buffer.from(init.slice(init.indexOf('mdcv') + 4), 'latin1');
	const fields = [0, 2, 4, 6, 8, 10, 12, 14].map((at) => mdcv.readUInt16BE(at));
	// Green, blue, red, white point, in units of 0.00002.
	assert.deepEqual(fields, [8500, 39850, 6550, 2300, 35400, 14600, 15635, 16450]);
	assert.deepEqual([mdcv.readUInt32BE(16), mdcv.readUInt32BE(20)], [10_000_000, 1]);
	const clli = Buffer.from(init.slice(init.indexOf('clli') + 4), 'latin1');
	assert.deepEqual([clli.readUInt16BE(0), clli.readUInt16BE(2)], [1000, 400]);

	// A program that makes an MP4 of the segments reads them back.
	const bytes = Buffer.from(init, 'latin1');
	const moov = findBox(bytes, 0, bytes.length, 'moov');
	const read = readMovie(bytes, moov!).tracks[0]?.config;
	assert(read?.kind === 'video');
	assert.deepEqual(read.colour, config.colour);
	assert.deepEqual(buildInitSegment([{ trackId: 1, config: read, mediaTimeOffset: 0 }]), bytes);
});

test('colour metadata that makes no sense is left out', () => {
	for (const info of [{}, { colorConfig: { colorPrimaries: 900 } }, { hdrMdcv: { redX: 5 } }, { hdrCll: 'bright' }]) {
		const [, config] = configsOf(SEQUENCE_HEADER, metadata(info));
		assert.equal(config, undefined);
	}
	const broken = Buffer.concat([METADATA, Buffer.from('avc1'), Buffer.from([2, 0, 9, 99])]);
	assert.equal(configsOf(SEQUENCE_HEADER, broken).length, 1);
});
