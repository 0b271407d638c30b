import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { writeAdtsHeader } from '#src/codec/aac/adts.js';
import { parseAudioSpecificConfig, serializeAudioSpecificConfig } from '#src/codec/aac/audio-specific-config.js';
import { serializeProgramConfigElement } from '#src/codec/aac/program-config.js';
import { findSequenceHeader } from '#src/codec/av1/decoder-config.js';
import { parseAacConfig, parseAv1Config, parseOpusConfig } from '#src/codec/track-config.js';
import { AacSamples } from '#src/remux/samples/aac-samples.js';
import { Av1Samples } from '#src/remux/samples/av1-samples.js';
import { HeaderSamples } from '#src/remux/samples/header-samples.js';
import { SelfDescribingSamples } from '#src/remux/samples/self-describing-samples.js';
import { VpSamples } from '#src/remux/samples/vp-samples.js';
import * as vectors from '../../codec/vectors.js';
import { hex } from '../../support/hex.js';

function bytes(text: string): Buffer {
	return Buffer.from(hex(text));
}

describe('samples of AV1', () => {
	const sequenceHeader = vectors.av1C8Bit.subarray(4);
	const otherSequenceHeader = vectors.av1C.subarray(4);
	const bare = vectors.av1C8Bit.subarray(0, 4);
	const delimiter = bytes('1200');
	const key = bytes('3203 10aabb');
	const inter = bytes('3202 30cc');
	const metadata = bytes('2a02 01dd');

	it('are temporal units without delimiters, and uncopied where there is none', () => {
		const samples = new Av1Samples();
		samples.header(vectors.av1C8Bit);
		const unit = Buffer.concat([sequenceHeader, key]);
		assert.equal(samples.accept(unit, false), true);
		assert.deepEqual([samples.payload, samples.keyframe], [unit, true]);
		assert.equal(samples.accept(Buffer.concat([delimiter, inter]), true), true);
		assert.deepEqual([samples.payload, samples.keyframe], [inter, false]);
		assert.deepEqual(samples.config?.record, vectors.av1C8Bit);
	});

	for (const [name, header] of [
		['a header without a sequence header', bare],
		['no header', null],
	] as const) {
		it(`have their configuration from the first key frame with ${name}`, () => {
			const samples = new Av1Samples();
			if (header !== null) {
				samples.header(header);
			}
			assert.equal(samples.accept(inter, false), false);
			assert.match(samples.fault, /AV1 without a sequence header/);
			assert.equal(samples.accept(Buffer.concat([delimiter, sequenceHeader, key]), true), true);
			assert.deepEqual(samples.config, parseAv1Config(vectors.av1C8Bit));
		});
	}

	it("have another configuration where the sequence header is another one, and the header's again behind a splice", () => {
		const samples = new Av1Samples();
		samples.header(vectors.av1C8Bit);
		const before = samples.config;
		samples.accept(Buffer.concat([sequenceHeader, key]), true);
		assert.equal(samples.config, before);
		samples.accept(Buffer.concat([otherSequenceHeader, key]), true);
		assert.equal(samples.config?.codecString, parseAv1Config(vectors.av1C).codecString);
		assert.deepEqual(findSequenceHeader(samples.config!.record.subarray(4)), findSequenceHeader(otherSequenceHeader));
		samples.header(vectors.av1C8Bit);
		assert.notEqual(samples.config, before, 'the old header, sent again, is no news');
		samples.splice();
		assert.equal(samples.config, before);
	});

	it('begin with OBUs that came ahead of their frame, with sizes', () => {
		const samples = new Av1Samples();
		samples.header(bare);
		assert.equal(samples.accept(Buffer.concat([delimiter, sequenceHeader]), true), false);
		assert.equal(samples.fault, '');
		assert.equal(samples.accept(bytes('28 01dd'), false), false, 'metadata without a size');
		assert.equal(samples.accept(key, false), true);
		assert.deepEqual(samples.payload, Buffer.concat([sequenceHeader, metadata, key]));
		assert.deepEqual(samples.config, parseAv1Config(vectors.av1C8Bit));
	});
});

describe('samples of VP9', () => {
	it('have another configuration where a key frame has another size', () => {
		const samples = new VpSamples('vp9');
		assert.equal(samples.accept(vectors.vp9KeyFrame, true), false);
		samples.header(vectors.vpcCBox);
		assert.equal(samples.accept(vectors.vp9KeyFrame, false), true);
		assert.deepEqual([samples.keyframe, samples.config?.width, samples.config?.height], [true, 642, 360]);
		const { config } = samples;
		samples.accept(bytes('86'), true);
		samples.accept(vectors.vp9KeyFrame, true);
		assert.equal(samples.config, config);
		const wider = Buffer.from(vectors.vp9KeyFrame);
		wider[5]! ^= 0x10;
		samples.accept(wider, true);
		assert.notEqual(samples.config?.width, 642);
	});
});

describe('samples of AAC', () => {
	const raw = bytes('211004608c1c');

	/** `block` behind an ADTS header that says what `record` does. */
	function adts(block: Buffer, record: Buffer): Buffer {
		const header = Buffer.alloc(7);
		writeAdtsHeader(header, 0, parseAudioSpecificConfig(record), block.length);
		return Buffer.concat([header, block]);
	}

	function made(samples: AacSamples, frames: Buffer): string[] {
		const found: string[] = [];
		for (let at = 0; at < frames.length; ) {
			at += samples.accept(frames.subarray(at));
			assert.equal(samples.fault, '');
			found.push(samples.payload.toString('hex'));
		}
		return found;
	}

	it('are raw data blocks as they come', () => {
		const samples = new AacSamples();
		assert.equal(samples.accept(raw), raw.length);
		assert.equal(samples.fault, 'AAC without a configuration');
		samples.header(vectors.ascLc);
		assert.equal(samples.accept(raw), raw.length);
		assert.equal(samples.payload, raw);
	});

	it('lose their ADTS headers, which keep the configuration of a header that says the same', () => {
		const samples = new AacSamples();
		samples.header(vectors.ascLc);
		const { config } = samples;
		assert.deepEqual(made(samples, adts(raw, vectors.ascLc)), [raw.toString('hex')]);
		assert.equal(samples.config, config);
	});

	it('have a configuration made of ADTS headers where there is none', () => {
		const samples = new AacSamples();
		assert.deepEqual(made(samples, adts(raw, vectors.ascLc)), [raw.toString('hex')]);
		assert.deepEqual(samples.config, parseAacConfig(serializeAudioSpecificConfig(2, 44100, 2)));
	});

	it('have another configuration where ADTS headers say something else', () => {
		const samples = new AacSamples();
		samples.header(vectors.ascLc);
		const mono = serializeAudioSpecificConfig(2, 48000, 1);
		made(samples, adts(raw, mono));
		assert.deepEqual([samples.config?.sampleRate, samples.config?.channels], [48000, 1]);
		const { config } = samples;
		made(samples, adts(raw, mono));
		assert.equal(samples.config, config);
		samples.splice();
		assert.deepEqual(samples.config?.record, vectors.ascLc);
	});

	it('are one for each ADTS frame of a tag', () => {
		const second = bytes('2120049a');
		const frames = Buffer.concat([adts(raw, vectors.ascLc), adts(second, vectors.ascLc)]);
		assert.deepEqual(made(new AacSamples(), frames), [raw.toString('hex'), second.toString('hex')]);
	});

	it('are not taken for ADTS where the length does not fit', () => {
		const samples = new AacSamples();
		samples.header(vectors.ascLc);
		const frame = adts(raw, vectors.ascLc).subarray(0, -1);
		assert.deepEqual(made(samples, frame), [frame.toString('hex')]);
	});

	it('have their channels from a program config element in the stream', () => {
		const { programConfig } = parseAudioSpecificConfig(vectors.ascProgramConfig);
		const block = Buffer.concat([serializeProgramConfigElement(programConfig!), raw]);
		const samples = new AacSamples();
		made(samples, adts(block, vectors.ascProgramConfig));
		assert.deepEqual([samples.config?.sampleRate, samples.config?.channels], [48000, 6]);
		assert.deepEqual(parseAudioSpecificConfig(samples.config!.record).programConfig, programConfig);
		assert.throws(() => new AacSamples().accept(adts(raw, vectors.ascProgramConfig)), { code: 'CODEC_CONFIG' });
	});
});

describe('samples of sound that describes itself', () => {
	it('have another configuration from the frame on that says so', () => {
		const stereo = bytes('fffb9064 00');
		const mono = vectors.mp3Frame;
		const samples = new SelfDescribingSamples('mp3');
		samples.accept(stereo);
		assert.deepEqual([samples.config?.sampleRate, samples.config?.channels], [44100, 2]);
		const { config } = samples;
		samples.accept(bytes('fffba224 00')); // 160 kbit/s, padded, joint stereo
		samples.accept(bytes('0000'));
		assert.equal(samples.config, config, 'another bit rate, and bytes without a header, change nothing');
		samples.accept(mono);
		assert.deepEqual([samples.config?.sampleRate, samples.config?.channels], [22050, 1]);
	});

	it('have the same one at another bit rate of AC-3', () => {
		const samples = new SelfDescribingSamples('ac3');
		samples.accept(vectors.ac3Frame51);
		const { config } = samples;
		assert.deepEqual([config?.sampleRate, config?.channels], [48000, 6]);
		const slower = Buffer.from(vectors.ac3Frame51);
		slower[4]! -= 2; // frmsizecod
		slower[6]! ^= 0b0001_0000; // a mix level
		samples.accept(slower);
		assert.equal(samples.config, config);
		samples.accept(vectors.ac3Frame);
		assert.deepEqual([samples.config?.sampleRate, samples.config?.channels], [44100, 1]);
		samples.accept(vectors.eac3Frame51);
		assert.deepEqual([samples.config?.codec, samples.config?.channels], ['eac3', 6]);
		samples.accept(vectors.eac3Frame);
		assert.deepEqual([samples.config?.codec, samples.config?.channels], ['eac3', 1]);
	});

	it('have their configuration from the packets of Opus without a header', () => {
		const samples = new HeaderSamples('opus');
		samples.accept(bytes('fc01'));
		assert.deepEqual([samples.config?.channels, samples.config?.sampleRate], [2, 48000]);
		samples.header(vectors.opusHead);
		assert.deepEqual(samples.config, parseOpusConfig(vectors.opusHead));
		const flac = new HeaderSamples('flac');
		flac.accept(vectors.flacFrame);
		assert.equal(flac.fault, 'flac without a sequence header');
	});
});
