import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BitReader } from '#src/bytes/bit-reader.js';
import { parseAudioSpecificConfig, serializeAudioSpecificConfig } from '#src/codec/aac/audio-specific-config.js';
import {
	beginsWithProgramConfig,
	programConfigOfBlock,
	serializeProgramConfigElement,
} from '#src/codec/aac/program-config.js';
import { parseAvcDecoderConfig, serializeAvcDecoderConfig } from '#src/codec/h264/decoder-config.js';
import { parseHevcDecoderConfig, serializeHevcDecoderConfig } from '#src/codec/h265/decoder-config.js';
import { parseVvcDecoderConfig, serializeVvcDecoderConfig } from '#src/codec/h266/decoder-config.js';
import { parseDOps, parseOpusHead, serializeDOps, serializeOpusHead } from '#src/codec/opus/identification-header.js';
import { parseH266Config } from '#src/codec/track-config.js';
import { buildH266Sps } from '../support/h266.js';
import * as vectors from './vectors.js';

describe('a decoder configuration made from parameter sets', () => {
	const { avcC, avcCHigh422, avcCInterlaced, hvcC, hvcC422 } = vectors;
	for (const [name, record] of Object.entries({ avcC, avcCHigh422, avcCInterlaced })) {
		test(`is the ${name} that they came from`, () => {
			const config = parseAvcDecoderConfig(record);
			assert.deepEqual(serializeAvcDecoderConfig(config.spsUnits, config.ppsUnits), record);
		});
	}

	for (const [name, record] of Object.entries({ hvcC, hvcC422 })) {
		test(`is the ${name} that they came from, but for array completeness`, () => {
			const config = parseHevcDecoderConfig(record);
			const made = serializeHevcDecoderConfig(config.vpsUnits, config.spsUnits, config.ppsUnits);
			assert.deepEqual(parseHevcDecoderConfig(made), config);
			assert.deepEqual(made.subarray(1, 13), record.subarray(1, 13));
			assert.deepEqual(made.subarray(16, 19), record.subarray(16, 19));
		});
	}
});

test('an Opus header is the same in Ogg form and in MP4 form', () => {
	for (const dOps of [vectors.dOps, vectors.dOps51]) {
		const header = parseDOps(dOps);
		assert.deepEqual(parseOpusHead(serializeOpusHead(header)), header);
		assert.deepEqual(serializeDOps(header), dOps);
	}
	assert.deepEqual(serializeOpusHead(parseOpusHead(vectors.opusHead)), vectors.opusHead);
});

test('a vvcC made of parameter sets says what they say', () => {
	const sps = buildH266Sps(322, 182);
	const [vps, pps] = [Buffer.from('007100', 'hex'), Buffer.from('00810040', 'hex')];
	for (const lengthSize of [4, 2]) {
		const record = serializeVvcDecoderConfig([vps], [sps], [pps], lengthSize);
		const { vpsUnits, spsUnits, ppsUnits, ...said } = parseVvcDecoderConfig(record);
		assert.deepEqual(said, { lengthSize, profileIdc: 1, highTier: false, levelIdc: 51, width: 322, height: 182 });
		assert.deepEqual([vpsUnits, spsUnits, ppsUnits], [[vps], [sps], [pps]]);
		assert.equal(parseH266Config(record).codecString, 'vvc1.1.L51');
	}
	assert.throws(() => serializeVvcDecoderConfig([], [], [pps]), { code: 'CODEC_CONFIG' });
});

test('a program config element is the same in an AudioSpecificConfig and at the front of a raw data block', () => {
	const { programConfig, channels } = parseAudioSpecificConfig(vectors.ascProgramConfig);
	assert.equal(channels, 6);
	const made = serializeAudioSpecificConfig(2, 48_000, 0, programConfig);
	assert.deepEqual(made, vectors.ascProgramConfig.subarray(0, made.length));
	const element = serializeProgramConfigElement(programConfig!);
	assert.deepEqual(programConfigOfBlock(new BitReader(element)), programConfig);
	assert.equal(beginsWithProgramConfig(element), true);
	assert.equal(beginsWithProgramConfig(Buffer.from('21', 'hex')), false);
});
