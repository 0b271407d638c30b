import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseAvcDecoderConfig, serializeAvcDecoderConfig } from '#src/codec/h264/decoder-config.js';
import { parseHevcDecoderConfig } from '#src/codec/h265/decoder-config.js';
import { parseVvcDecoderConfig } from '#src/codec/h266/decoder-config.js';
import { isSlice } from '#src/codec/nal-kind.js';
import { NAL_SYNTAX, type NalCodec } from '#src/codec/nal-syntax.js';
import { listLengthPrefixed, NalList } from '#src/codec/nal-unit.js';
import { parseH264Config, parseH265Config } from '#src/codec/track-config.js';
import { PeerError } from '#src/errors.js';
import { NalSamples } from '#src/remux/samples/nal-samples.js';
import { MAX_PREAMBLE_BYTES } from '#src/remux/samples/video-samples.js';
import * as vectors from '../../codec/vectors.js';
import { buildH266Sps } from '../../support/h266.js';
import { hex } from '../../support/hex.js';

const { spsUnits, ppsUnits } = parseAvcDecoderConfig(vectors.avcC);
const [SPS, PPS] = [spsUnits[0]!, ppsUnits[0]!];
const other = parseAvcDecoderConfig(vectors.avcCInterlaced);
const [OTHER_SPS, OTHER_PPS] = [other.spsUnits[0]!, other.ppsUnits[0]!];
/** The PPS of the other stream under the number 1, for an SPS of the number 0. */
const SECOND_PPS = bytes('68 53ee8f2c80');
const IDR = bytes('65b80a0b');
const P = bytes('419a2233');
const I = bytes('41b80a');
const SEI = bytes('06 05 02 aabb 80');
const RECOVERY_POINT = bytes('06 06 01 84 80');
const DELIMITER = bytes('09f0');
/** avcC without parameter sets, with lengths of 4 bytes. */
const BARE_AVCC = bytes('0164000bffe000');

function bytes(text: string): Buffer {
	return Buffer.from(hex(text));
}

/** NAL units behind their lengths. */
function lengths(size: number, ...units: Buffer[]): Buffer {
	return Buffer.concat(
		units.flatMap((unit) => {
			const length = Buffer.alloc(size);
			length.writeUIntBE(unit.length, 0, size);
			return [length, unit];
		}),
	);
}

/** NAL units behind start codes of 4 and 3 bytes. */
function byteStream(...units: Buffer[]): Buffer {
	return Buffer.concat(units.flatMap((unit, index) => [bytes(index % 2 === 0 ? '00000001' : '000001'), unit]));
}

/** The NAL units of a sample, which must be all of it. */
function unitsOf(sample: Buffer, size = 4, codec: NalCodec = 'h264'): string[] {
	const list = new NalList();
	assert.ok(listLengthPrefixed(sample, size, NAL_SYNTAX[codec], list), `no whole sample: ${sample.toString('hex')}`);
	return Array.from({ length: list.count }, (_, index) =>
		sample.toString('hex', list.offsets[index]!, list.offsets[index]! + list.lengths[index]!),
	);
}

function hexOf(...units: Buffer[]): string[] {
	return units.map((unit) => unit.toString('hex'));
}

function withHeader(header: Buffer = vectors.avcC, codec: NalCodec = 'h264'): NalSamples {
	const samples = new NalSamples(codec);
	samples.header(header);
	return samples;
}

/** The units of the sample that `frame` makes; null when it makes none. */
function unitsMade(samples: NalSamples, frame: Buffer, marked = false, size = 4): string[] | null {
	return samples.accept(frame, marked) ? unitsOf(samples.payload, size) : null;
}

describe('samples of H.264', () => {
	it('are the frames themselves, uncopied, when those are as they should be', () => {
		const samples = withHeader();
		for (const frame of [lengths(4, IDR), lengths(4, SPS, PPS, SEI, IDR), lengths(4, DELIMITER, P), lengths(4, P, P)]) {
			assert.equal(samples.accept(frame, false), true);
			assert.equal(samples.payload, frame);
			assert.equal(samples.payloadBytes, frame.length);
		}
	});

	for (const size of [1, 2]) {
		it(`keep lengths of ${size} bytes`, () => {
			const header = serializeAvcDecoderConfig([SPS], [PPS], size);
			const samples = withHeader(header);
			const frame = lengths(size, SEI, IDR);
			assert.equal(samples.accept(frame, false), true);
			assert.equal(samples.payload, frame);
			assert.equal(samples.config?.nalLengthSize, size);
			assert.equal(samples.accept(lengths(size, SEI), false), false);
			assert.deepEqual(unitsMade(samples, lengths(size, P), false, size), hexOf(SEI, P));
		});
	}

	it('have lengths where the frames are byte streams, and no delimiters or sets that are known', () => {
		const samples = withHeader();
		assert.deepEqual(unitsMade(samples, byteStream(DELIMITER, SPS, PPS, SEI, IDR)), hexOf(SEI, IDR));
		assert.equal(samples.keyframe, true);
		assert.deepEqual(unitsMade(samples, byteStream(DELIMITER, P, P)), hexOf(P, P));
		assert.equal(samples.keyframe, false);
		assert.equal(samples.config?.nalLengthSize, 4);
		assert.deepEqual(samples.config?.record, vectors.avcC);
	});

	it('have lengths of 4 bytes when a byte stream comes under a header that says 2, and the configuration says so', () => {
		const samples = withHeader(serializeAvcDecoderConfig([SPS], [PPS], 2));
		assert.deepEqual(unitsMade(samples, byteStream(IDR)), hexOf(IDR));
		assert.deepEqual(samples.config?.record, serializeAvcDecoderConfig([SPS], [PPS], 4));
		assert.equal(samples.config?.nalLengthSize, 4);
	});

	it('have no empty units', () => {
		const samples = withHeader();
		const empty = Buffer.alloc(0);
		assert.deepEqual(unitsMade(samples, lengths(4, empty, SEI, empty, IDR, empty)), hexOf(SEI, IDR));
		assert.deepEqual(unitsMade(samples, lengths(4, P, empty)), hexOf(P));
	});

	it('have nothing of a unit that is cut, and are none when that is the only slice', () => {
		const samples = withHeader();
		const frame = lengths(4, SEI, IDR, P);
		assert.deepEqual(unitsMade(samples, frame.subarray(0, -1)), hexOf(SEI, IDR));
		assert.equal(samples.accept(lengths(4, IDR).subarray(0, -1), true), false);
		assert.equal(samples.fault, 'h264 frame without NAL units');
		assert.equal(samples.accept(Buffer.alloc(0), true), false);
		assert.equal(samples.fault, 'h264 frame without NAL units');
	});

	it('begin with what came ahead of their pictures in frames of their own', () => {
		const samples = withHeader();
		for (const unit of [DELIMITER, SPS, PPS, SEI]) {
			assert.equal(samples.accept(lengths(4, unit), true), false);
			assert.equal(samples.fault, '');
		}
		assert.deepEqual(unitsMade(samples, lengths(4, DELIMITER, IDR), true), hexOf(SEI, IDR));
		assert.equal(samples.keyframe, true);
		const next = lengths(4, P);
		assert.equal(samples.accept(next, false), true);
		assert.equal(samples.payload, next);
		samples.accept(byteStream(SEI, SEI), false);
		assert.deepEqual(unitsMade(samples, byteStream(P)), hexOf(SEI, SEI, P));
	});

	it('do not wait for a picture with more than there is room for', () => {
		const samples = withHeader();
		const large = Buffer.concat([bytes('06'), Buffer.alloc(MAX_PREAMBLE_BYTES / 2, 1)]);
		for (let count = 0; count < 5; count++) {
			samples.accept(lengths(4, large), false);
		}
		assert.deepEqual(unitsMade(samples, lengths(4, P)), hexOf(large, P));
	});

	it('forget at a splice what waits for a picture', () => {
		const samples = withHeader();
		samples.accept(lengths(4, SEI), false);
		samples.splice();
		assert.deepEqual(unitsMade(samples, lengths(4, P)), hexOf(P));
	});

	it('are keyframes by their NAL units', () => {
		const samples = withHeader();
		const isKey = (marked: boolean | null, ...units: Buffer[]): boolean => {
			assert.equal(samples.accept(lengths(4, ...units), marked), true);
			return samples.keyframe;
		};
		assert.equal(isKey(false, IDR), true);
		assert.equal(isKey(true, P), false);
		assert.equal(isKey(true, I), true);
		assert.equal(isKey(false, I), false);
		assert.equal(isKey(null, I), false);
		assert.equal(isKey(true, RECOVERY_POINT, P), true);
		assert.equal(isKey(false, RECOVERY_POINT, P), false);
		assert.equal(isKey(null, RECOVERY_POINT, P), true);
		samples.accept(lengths(4, RECOVERY_POINT), false);
		assert.equal(isKey(true, P), true, 'the recovery point came ahead');
		assert.equal(isKey(true, P), false);
	});
});

describe('the configuration of H.264', () => {
	const built = serializeAvcDecoderConfig([SPS], [PPS]);
	const key = (...sets: Buffer[]): Buffer => lengths(4, ...sets, IDR);

	for (const [name, header] of [
		['a header without parameter sets', BARE_AVCC],
		['a header without a PPS', Buffer.concat([built.subarray(0, 8 + SPS.length), bytes('00')])],
		['a header that is cut short', bytes('0164000b')],
		['no header', null],
	] as const) {
		it(`comes from the first keyframe with ${name}`, () => {
			const samples = new NalSamples('h264');
			if (header !== null) {
				try {
					samples.header(header);
				} catch (error) {
					assert.ok(error instanceof PeerError);
				}
			}
			assert.equal(samples.accept(key(SPS, PPS), true), true);
			assert.deepEqual(samples.config, parseH264Config(built));
			const { config } = samples;
			samples.accept(lengths(4, P), false);
			samples.accept(key(SPS, PPS), false);
			assert.equal(samples.config, config, 'the same sets make no other one');
		});
	}

	it('comes from sets in frames of their own, too', () => {
		const samples = withHeader(BARE_AVCC);
		samples.accept(lengths(4, SPS), true);
		samples.accept(lengths(4, PPS), true);
		assert.deepEqual(unitsMade(samples, lengths(4, IDR)), hexOf(IDR));
		assert.deepEqual(samples.config, parseH264Config(built));
	});

	it('comes from a header that is a byte stream', () => {
		const samples = withHeader(byteStream(SPS, PPS));
		assert.deepEqual(samples.config, parseH264Config(built));
		assert.deepEqual(unitsMade(samples, byteStream(IDR)), hexOf(IDR));
	});

	it('is missed, and that is said, as long as nothing brings it', () => {
		const samples = withHeader(BARE_AVCC);
		for (const frame of [lengths(4, IDR), lengths(4, P), key(SPS)]) {
			assert.equal(samples.accept(frame, true), false);
			assert.match(samples.fault, /parameter sets/);
		}
		assert.equal(samples.accept(key(PPS), true), true);
		assert.equal(samples.fault, '');
	});

	for (const size of [2, 1]) {
		it(`is made for lengths of ${size} bytes where those are found without a header`, () => {
			const samples = new NalSamples('h264');
			assert.equal(samples.accept(lengths(size, SPS, PPS, IDR), true), true);
			assert.deepEqual(samples.config?.record, serializeAvcDecoderConfig([SPS], [PPS], size));
		});
	}

	it('is another one from the keyframe on whose sets are others', () => {
		const samples = withHeader();
		samples.accept(key(SPS, PPS), true);
		assert.equal(samples.config?.record.equals(vectors.avcC), true, 'the sets of the header change nothing');
		assert.deepEqual(samples.accept(key(OTHER_SPS, OTHER_PPS), true), true);
		assert.deepEqual(samples.config?.record, serializeAvcDecoderConfig([OTHER_SPS], [OTHER_PPS]));
		assert.deepEqual([samples.config?.width, samples.config?.height], [640, 360]);
		const { config } = samples;
		samples.header(vectors.avcC);
		samples.accept(key(OTHER_SPS, OTHER_PPS), true);
		assert.equal(samples.config, config, 'the old header, sent again, is no news');
	});

	it('takes a PPS of another number in, but only at a keyframe', () => {
		const samples = withHeader();
		const before = samples.config;
		assert.deepEqual(unitsMade(samples, lengths(4, SECOND_PPS, P)), hexOf(SECOND_PPS, P));
		assert.equal(samples.config, before);
		samples.accept(lengths(4, IDR), false);
		assert.deepEqual(samples.config?.record, serializeAvcDecoderConfig([SPS], [PPS, SECOND_PPS]));
	});

	it('keeps in samples the sets that it does not have', () => {
		const samples = withHeader();
		assert.deepEqual(unitsMade(samples, byteStream(SECOND_PPS, P)), hexOf(SECOND_PPS, P));
		assert.deepEqual(unitsMade(samples, byteStream(SECOND_PPS, IDR)), hexOf(IDR), 'this one has it');
	});

	it('does not care for zeros behind a set', () => {
		const samples = withHeader();
		const { config } = samples;
		samples.accept(key(Buffer.concat([SPS, Buffer.alloc(2)]), Buffer.concat([PPS, Buffer.alloc(1)])), true);
		assert.equal(samples.config, config);
	});

	it("is the header's again behind a splice", () => {
		const samples = withHeader();
		samples.accept(key(OTHER_SPS, OTHER_PPS), true);
		samples.splice();
		assert.deepEqual(unitsMade(samples, lengths(4, IDR)), hexOf(IDR));
		assert.deepEqual(samples.config?.record, vectors.avcC);
		samples.accept(key(OTHER_SPS, OTHER_PPS), true);
		assert.equal(samples.config?.width, 640);
	});
});

describe('samples of H.265 and H.266', () => {
	const hevc = parseHevcDecoderConfig(vectors.hvcC);
	const sets = [...hevc.vpsUnits, ...hevc.spsUnits, ...hevc.ppsUnits];
	const idr = bytes('2601ac0a');
	const bareHvcC = Buffer.concat([vectors.hvcC.subarray(0, 22), bytes('00')]);

	it('have their configuration from the first keyframe where the header has no arrays', () => {
		const samples = withHeader(bareHvcC, 'h265');
		assert.equal(samples.accept(lengths(4, ...sets, idr), false), true);
		assert.equal(samples.keyframe, true);
		const { config } = samples;
		const expected = parseH265Config(vectors.hvcC);
		assert.deepEqual({ ...config, record: null }, { ...expected, record: null });
		assert.deepEqual(parseHevcDecoderConfig(config!.record).spsUnits, hevc.spsUnits);
	});

	it('have another one where the sets are others, and none where they are the same', () => {
		const samples = withHeader(vectors.hvcC, 'h265');
		samples.accept(lengths(4, ...sets, idr), false);
		assert.deepEqual(samples.config?.record, vectors.hvcC);
		const next = parseHevcDecoderConfig(vectors.hvcC422);
		samples.accept(byteStream(...next.vpsUnits, ...next.spsUnits, ...next.ppsUnits, idr), false);
		assert.deepEqual([samples.config?.width, samples.config?.height], [640, 360]);
		assert.deepEqual(unitsOf(samples.payload, 4, 'h265'), hexOf(idr));
	});

	it('are put together of frames of their own', () => {
		const samples = withHeader(vectors.hvcC, 'h265');
		const sei = bytes('4e01 05 01 aa 80');
		for (const unit of [...sets, bytes('460150'), sei]) {
			assert.equal(samples.accept(lengths(4, unit), true), false);
		}
		assert.equal(samples.accept(lengths(4, idr), false), true);
		assert.deepEqual(unitsOf(samples.payload, 4, 'h265'), hexOf(sei, idr));
	});

	it('of H.266 have it from the first keyframe, from a header without arrays, and from other sets', () => {
		const [small, large] = [buildH266Sps(160, 90), buildH266Sps(320, 180)];
		const pps = bytes('0081 0040');
		const picture = bytes('0041 c4aa');
		const samples = new NalSamples('h266');
		assert.equal(samples.accept(byteStream(small, pps, picture), false), true);
		assert.equal(samples.keyframe, true);
		assert.deepEqual([samples.config?.width, samples.config?.height], [160, 90]);
		assert.deepEqual(unitsOf(samples.payload, 4, 'h266'), hexOf(picture));
		const { record } = samples.config!;
		assert.deepEqual(parseVvcDecoderConfig(record).spsUnits, [small]);

		const bare = Buffer.concat([record.subarray(0, record.indexOf(small) - 6), bytes('00')]);
		const second = withHeader(bare, 'h266');
		assert.equal(second.config?.width, 160);
		second.accept(lengths(4, small, pps, picture), false);
		assert.deepEqual(second.config?.record, record);
		second.accept(lengths(4, large, pps, picture), false);
		assert.deepEqual([second.config?.width, second.config?.height], [320, 180]);
	});
});

it('whatever bytes come, a sample is whole NAL units with a slice among them, or there is none', () => {
	const unit = fc.oneof(
		fc.constantFrom(
			SPS,
			PPS,
			OTHER_SPS,
			OTHER_PPS,
			SECOND_PPS,
			IDR,
			P,
			I,
			SEI,
			RECOVERY_POINT,
			DELIMITER,
			Buffer.alloc(0),
		),
		fc.uint8Array({ maxLength: 6 }).map((noise) => Buffer.from(noise)),
	);
	const frame = fc
		.tuple(fc.array(unit, { maxLength: 5 }), fc.constantFrom(0, 1, 2, 4), fc.nat({ max: 3 }))
		.map(([units, size, cut]) => {
			const whole = size === 0 ? byteStream(...units) : lengths(size, ...units);
			return whole.subarray(0, whole.length - cut);
		});
	const header = fc.constantFrom(vectors.avcC, vectors.avcCInterlaced, BARE_AVCC, byteStream(SPS, PPS), null);
	fc.assert(
		fc.property(header, fc.array(fc.tuple(frame, fc.boolean()), { maxLength: 12 }), (record, frames) => {
			const samples = new NalSamples('h264');
			if (record !== null) {
				samples.header(record);
			}
			const list = new NalList();
			for (const [bytes, marked] of frames) {
				let made = false;
				try {
					made = samples.accept(bytes, marked);
				} catch (error) {
					assert.ok(error instanceof PeerError, String(error));
				}
				if (made) {
					const { payload, config } = samples;
					assert.ok(listLengthPrefixed(payload, config!.nalLengthSize, NAL_SYNTAX.h264, list));
					assert.ok(list.kinds.slice(0, list.count).some(isSlice), payload.toString('hex'));
				}
			}
		}),
		{ numRuns: 3000, interruptAfterTimeLimit: 3000, markInterruptAsFailure: false },
	);
});
