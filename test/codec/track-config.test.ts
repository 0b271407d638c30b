import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
	type AudioConfig,
	configOfAc3Sample,
	configOfMp3Frame,
	parseAacConfig,
	parseAv1Config,
	parseFlacTrackConfig,
	parseH264Config,
	parseH265Config,
	parseOpusConfig,
	parseVpConfig,
	type TrackConfig,
	type VideoConfig,
} from '#src/codec/track-config.js';
import { PeerError } from '#src/errors.js';
import * as vectors from './vectors.js';

type Case = {
	name: string;
	bytes: Buffer;
	parse: (bytes: Buffer) => TrackConfig;
	expected: Partial<VideoConfig> | Partial<AudioConfig>;
};

const BT2020_PQ = { primaries: 9, transfer: 16, matrix: 9, fullRange: false };

const cases: Case[] = [
	{
		name: 'H.264 High, cropped, with colours',
		bytes: vectors.avcC,
		parse: parseH264Config,
		expected: {
			codecString: 'avc1.640028',
			width: 1918,
			height: 1078,
			frameRate: 30000 / 1001,
			colour: { primaries: 1, transfer: 1, matrix: 1, fullRange: false },
			nalLengthSize: 4,
		},
	},
	{
		name: 'H.264 High 4:2:2 with a sample aspect ratio',
		bytes: vectors.avcCHigh422,
		parse: parseH264Config,
		expected: {
			codecString: 'avc1.7a001e',
			width: 640,
			height: 360,
			frameRate: 25,
			pixelAspect: { horizontal: 4, vertical: 3 },
			colour: null,
		},
	},
	{
		name: 'H.264 interlaced',
		bytes: vectors.avcCInterlaced,
		parse: parseH264Config,
		expected: { codecString: 'avc1.4d401e', width: 640, height: 360, frameRate: 25 },
	},
	{
		name: 'H.265 Main 10 in HDR',
		bytes: vectors.hvcC,
		parse: parseH265Config,
		expected: { codecString: 'hvc1.2.4.L120.90', width: 1278, height: 718, frameRate: 50, colour: BT2020_PQ },
	},
	{
		name: 'H.265 range extensions',
		bytes: vectors.hvcC422,
		parse: parseH265Config,
		expected: { codecString: 'hvc1.4.10.L63.9D.8', width: 640, height: 360, frameRate: 25 },
	},
	{
		name: 'AV1 10 bit in HDR',
		bytes: vectors.av1C,
		parse: parseAv1Config,
		expected: { codecString: 'av01.0.01M.10.0.110.09.16.09.0', width: 640, height: 360, colour: BT2020_PQ },
	},
	{
		name: 'AV1 8 bit',
		bytes: vectors.av1C8Bit,
		parse: parseAv1Config,
		expected: { codecString: 'av01.0.01M.08', width: 640, height: 360 },
	},
	{
		name: 'VP9 with the header of its box',
		bytes: vectors.vpcCBox,
		parse: (bytes) => parseVpConfig('vp9', bytes, vectors.vp9KeyFrame),
		expected: { codecString: 'vp09.02.21.10', width: 642, height: 360, record: vectors.vpcCBox.subarray(4) },
	},
	{
		name: 'AAC-LC',
		bytes: vectors.ascLc,
		parse: parseAacConfig,
		expected: { codecString: 'mp4a.40.2', sampleRate: 44100, channels: 2, frameSamples: 1024 },
	},
	{
		name: 'HE-AAC',
		bytes: vectors.ascHe,
		parse: parseAacConfig,
		expected: { codecString: 'mp4a.40.5', sampleRate: 22050, channels: 2, frameSamples: 1024 },
	},
	{
		name: 'HE-AAC, signalled backward compatibly',
		bytes: vectors.ascHeBackward,
		parse: parseAacConfig,
		expected: { codecString: 'mp4a.40.5', sampleRate: 22050, channels: 2 },
	},
	{
		name: 'HE-AAC v2',
		bytes: vectors.ascHeV2Backward,
		parse: parseAacConfig,
		expected: { codecString: 'mp4a.40.29', sampleRate: 22050, channels: 1 },
	},
	{
		name: 'Opus',
		bytes: vectors.opusHead,
		parse: parseOpusConfig,
		expected: { codecString: 'Opus', sampleRate: 48000, channels: 2, preSkipSamples: 312, record: vectors.dOps },
	},
	{
		name: 'FLAC as metadata blocks',
		bytes: vectors.dfLa,
		parse: parseFlacTrackConfig,
		expected: { codecString: 'fLaC', sampleRate: 44100, channels: 2, record: vectors.dfLa },
	},
	{
		name: 'FLAC as an Enhanced RTMP sequence header',
		bytes: Buffer.concat([Buffer.from('fLaC'), vectors.dfLa]),
		parse: parseFlacTrackConfig,
		expected: { sampleRate: 44100, channels: 2, record: vectors.dfLa },
	},
	{
		name: 'FLAC as bare STREAMINFO',
		bytes: vectors.dfLa.subarray(4),
		parse: parseFlacTrackConfig,
		expected: { sampleRate: 44100, channels: 2, record: vectors.dfLa },
	},
	{
		name: 'MP3',
		bytes: vectors.mp3Frame,
		parse: configOfMp3Frame,
		expected: { codecString: 'mp4a.69', sampleRate: 22050, channels: 1, frameSamples: 576 },
	},
	{
		name: 'AC-3 mono',
		bytes: vectors.ac3Frame,
		parse: configOfAc3Sample,
		expected: { codecString: 'ac-3', sampleRate: 44100, channels: 1, frameSamples: 1536 },
	},
	{
		name: 'AC-3 5.1',
		bytes: vectors.ac3Frame51,
		parse: configOfAc3Sample,
		expected: { codecString: 'ac-3', sampleRate: 48000, channels: 6, record: vectors.dac3 },
	},
	{
		name: 'E-AC-3 mono',
		bytes: vectors.eac3Frame,
		parse: configOfAc3Sample,
		expected: { codecString: 'ec-3', sampleRate: 48000, channels: 1 },
	},
	{
		name: 'E-AC-3 5.1',
		bytes: vectors.eac3Frame51,
		parse: configOfAc3Sample,
		expected: { codecString: 'ec-3', sampleRate: 48000, channels: 6, record: vectors.dec3 },
	},
];

describe('a decoder configuration', () => {
	for (const { name, bytes, parse, expected } of cases) {
		test(`of ${name} is understood`, () => {
			const config: Record<string, unknown> = parse(bytes);
			for (const [key, value] of Object.entries(expected)) {
				assert.deepEqual(config[key], value, key);
			}
		});

		test(`of ${name}, cut anywhere or changed anyhow, parses or ends the session`, () => {
			const survives = (mutant: Buffer): void => {
				try {
					parse(mutant);
				} catch (error) {
					assert(error instanceof PeerError, String(error));
					assert.equal(error.code, 'CODEC_CONFIG');
				}
			};
			for (let length = 0; length < bytes.length; length++) {
				survives(bytes.subarray(0, length));
			}
			fc.assert(
				fc.property(fc.nat(bytes.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), (at, patch) => {
					const mutant = Buffer.concat([bytes, Buffer.alloc(8)]);
					mutant.set(patch, at);
					survives(mutant);
				}),
				{ interruptAfterTimeLimit: 100, markInterruptAsFailure: false },
			);
		});
	}

	test('keeps its own copy of the bytes', () => {
		const borrowed = Buffer.from(vectors.avcC);
		const config = parseH264Config(borrowed);
		borrowed.fill(0);
		assert.deepEqual(config.record, vectors.avcC);
	});
});
