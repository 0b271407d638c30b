import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAvcDecoderConfig, serializeAvcDecoderConfig } from '#src/codec/h264/decoder-config.js';
import { parseHevcDecoderConfig, serializeHevcDecoderConfig } from '#src/codec/h265/decoder-config.js';
import { parseDOps, parseOpusHead, serializeDOps, serializeOpusHead } from '#src/codec/opus/identification-header.js';
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
