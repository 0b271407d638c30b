import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ADTS_HEADER_BYTES, parseAdtsHeader, writeAdtsHeader } from '#src/codec/aac/adts.js';
import { parseAudioSpecificConfig, serializeAudioSpecificConfig } from '#src/codec/aac/audio-specific-config.js';
import { parseAc3SyncFrame } from '#src/codec/ac3/sync-frame.js';
import { flacFrameSamples } from '#src/codec/flac/stream-info.js';
import { parseMp3FrameHeader } from '#src/codec/mp3/frame-header.js';
import { opusPacketSamples } from '#src/codec/opus/identification-header.js';
import * as vectors from './vectors.js';

test('an ADTS header says what it was written from, for every frame length', () => {
	const config = parseAudioSpecificConfig(vectors.ascLc);
	const header = Buffer.alloc(ADTS_HEADER_BYTES);
	for (const payloadBytes of [1, 7, 255, 256, 2047, 2048, 8184]) {
		writeAdtsHeader(header, 0, config, payloadBytes);
		assert.deepEqual(parseAdtsHeader(header, 0), {
			objectType: 2,
			sampleRate: 44100,
			channelConfiguration: 2,
			headerBytes: 7,
			frameBytes: payloadBytes + 7,
			blocks: 1,
		});
	}
});

test('what is no ADTS header is not taken for one', () => {
	for (const hex of ['', 'fff1', 'fff15080', 'fff1fc80001ffc', 'fff35080001ffc', 'fff15080000000']) {
		assert.equal(parseAdtsHeader(Buffer.from(hex, 'hex'), 0), null, hex);
	}
});

test('an AudioSpecificConfig made from an ADTS header parses to the same', () => {
	for (const [rate, channels] of [
		[48000, 2],
		[44100, 1],
		[7350, 6],
		[12345, 8],
	] as const) {
		const channelConfiguration = channels === 8 ? 7 : channels;
		const config = parseAudioSpecificConfig(serializeAudioSpecificConfig(2, rate, channelConfiguration));
		assert.equal(config.objectType, 2);
		assert.equal(config.sampleRate, rate);
		assert.equal(config.channels, channels);
	}
});

describe('the length of an audio frame', () => {
	test('of MP3 follows from its header', () => {
		const cases: [string, number, number][] = [
			['fffb9064', 417, 1152], // MPEG-1 layer 3, 128 kbit/s, 44.1 kHz
			['fffb9264', 418, 1152], // with padding
			['fff350c4', 130, 576], // MPEG-2 layer 3, 40 kbit/s, 22.05 kHz
			['fffda400', 576, 1152], // MPEG-1 layer 2, 192 kbit/s, 48 kHz
			['ffff9400', 288, 384], // MPEG-1 layer 1, 288 kbit/s, 48 kHz
		];
		for (const [hex, frameBytes, frameSamples] of cases) {
			const header = parseMp3FrameHeader(Buffer.from(hex, 'hex'), 0);
			assert.deepEqual([header?.frameBytes, header?.frameSamples], [frameBytes, frameSamples], hex);
		}
		for (const hex of ['fffb', 'ffeb9064', 'fffbf064', 'fffb9c64', 'fff99064']) {
			const header = parseMp3FrameHeader(Buffer.from(hex, 'hex'), 0);
			assert.equal(header, null, hex);
		}
	});

	test('of Opus follows from its table-of-contents byte', () => {
		const cases: [string, number][] = [
			['fc', 960], // CELT 20 ms, one frame
			['fd', 1920], // two frames
			['ff03', 2880], // three frames
			['08', 960], // SILK 20 ms
			['18', 2880], // SILK 60 ms
			['60', 480], // hybrid 10 ms
			['e0', 120], // CELT 2.5 ms
			['ff3f', 0], // 63 frames of 20 ms: more than 120 ms
			['', 0],
		];
		for (const [hex, samples] of cases) {
			assert.equal(opusPacketSamples(Buffer.from(hex, 'hex')), samples, hex);
		}
	});

	test('of FLAC follows from its block size code', () => {
		const cases: [string, number][] = [
			['fff8594c0000', 576 * 4 * 2],
			['fff8c9180012', 4096],
			['fff8191800aa', 192],
			['fff8691800ffaa', 256],
			['fff8791805123400', 0x1235],
			['fff86918c280ff00', 256],
			['abcdc9180012', 0],
		];
		for (const [hex, samples] of cases) {
			assert.equal(flacFrameSamples(Buffer.from(hex, 'hex')), samples, hex);
		}
	});

	test('of AC-3 and E-AC-3 follows from the sync frame', () => {
		assert.equal(parseAc3SyncFrame(vectors.ac3Frame, 0)?.frameBytes, 834);
		assert.equal(parseAc3SyncFrame(vectors.ac3Frame51, 0)?.frameBytes, 1792);
		assert.equal(parseAc3SyncFrame(vectors.eac3Frame, 0)?.frameBytes, 384);
		assert.equal(parseAc3SyncFrame(Buffer.from('0b78593454402f84', 'hex'), 0), null);
	});
});
