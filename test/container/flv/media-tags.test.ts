import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { lookAtPicture } from '#src/codec/look-at-picture.js';
import { PictureKind } from '#src/codec/picture-kind.js';
import { AudioPacketType, parseAudioTag, parseMultichannelConfig } from '#src/container/flv/audio-tag.js';
import { classifyAudio, classifyVideo } from '#src/container/flv/classify.js';
import { FrameType, parseVideoTag } from '#src/container/flv/video-tag.js';
import { PeerError } from '#src/errors.js';
import { hex } from '../../support/hex.js';
import { AUDIO_CASES, MALFORMED_AUDIO } from './audio-cases.js';
import { MALFORMED_VIDEO, VIDEO_CASES } from './video-cases.js';

const FUZZ_RUNS = { numRuns: 2000, interruptAfterTimeLimit: 1000 };

describe('a video tag', () => {
	for (const { name, body, tag, packets, class: expected } of VIDEO_CASES) {
		it(`is taken apart: ${name}`, () => {
			const parsed = parseVideoTag(body);
			assert.deepEqual(pick(parsed, tag), tag);
			assert.deepEqual(
				parsed.packets.map((packet) => ({
					codec: packet.codec,
					trackId: packet.trackId,
					payload: toHex(body.subarray(packet.start, packet.end)),
					compositionTimeMs: packet.compositionTimeMs,
				})),
				packets.map((packet) => ({ trackId: 0, compositionTimeMs: 0, ...packet })),
			);
		});
		it(`is classified: ${name}`, () => {
			assert.deepEqual(pick(classifyVideo(body), expected), expected);
		});
	}
	for (const { name, body } of MALFORMED_VIDEO) {
		it(`is refused with a code: ${name}`, () => {
			assert.throws(() => parseVideoTag(body), { code: 'FLV_TAG' });
			assert.throws(() => classifyVideo(body), { code: 'FLV_TAG' });
		});
	}
	it('means the same to the classifier as to the parser, whatever the bytes', () => {
		fc.assert(
			fc.property(mutated(VIDEO_CASES), (body) => {
				const parsed = outcome(() => parseVideoTag(body));
				const classified = outcome(() => classifyVideo(body));
				if (parsed === null || classified === null) {
					// The classifier looks no further than it must: it may accept a frame whose payload is cut short, never the reverse.
					assert.equal(parsed, null);
					return;
				}
				assert.equal(classified.trackId, parsed.packets[0]?.trackId ?? 0);
				const [packet] = parsed.packets;
				const isMedia = classified.role === 'frame' || classified.role === 'preamble';
				if (isMedia && packet !== undefined) {
					const marked = parsed.frameType === FrameType.key || parsed.frameType === FrameType.generatedKey;
					const picture = lookAtPicture(packet.codec, body, packet.start, packet.end, marked);
					assert.equal(classified.keyframe, picture === PictureKind.key);
					assert.equal(classified.role === 'preamble', picture === PictureKind.none);
				} else {
					assert.equal(classified.keyframe, false);
				}
				assert.ok(parsed.packets.every(({ start, end }) => start <= end && end <= body.length));
			}),
			FUZZ_RUNS,
		);
	});
});

describe('an audio tag', () => {
	for (const { name, body, tag, packets, class: expected } of AUDIO_CASES) {
		it(`is taken apart: ${name}`, () => {
			const parsed = parseAudioTag(body);
			assert.deepEqual(pick(parsed, tag), tag);
			assert.deepEqual(
				parsed.packets.map((packet) => ({
					codec: packet.codec,
					trackId: packet.trackId,
					payload: toHex(body.subarray(packet.start, packet.end)),
				})),
				packets.map((packet) => ({ trackId: 0, ...packet })),
			);
		});
		it(`is classified: ${name}`, () => {
			assert.deepEqual(pick(classifyAudio(body), expected), expected);
		});
	}
	for (const { name, body } of MALFORMED_AUDIO) {
		it(`is refused with a code: ${name}`, () => {
			assert.throws(() => parseAudioTag(body), { code: 'FLV_TAG' });
			assert.throws(() => classifyAudio(body), { code: 'FLV_TAG' });
		});
	}
	it('means the same to the classifier as to the parser, whatever the bytes', () => {
		fc.assert(
			fc.property(mutated(AUDIO_CASES), (body) => {
				const parsed = outcome(() => parseAudioTag(body));
				const classified = outcome(() => classifyAudio(body));
				assert.equal(parsed === null, classified === null);
				if (parsed !== null && classified !== null) {
					assert.equal(classified.trackId, parsed.packets[0]?.trackId ?? 0);
					const [packet] = parsed.packets;
					const isEmpty = packet === undefined || packet.start === packet.end;
					// A legacy packet type that nobody knows is a frame, too.
					const isFrame = parsed.enhanced
						? parsed.packetType === AudioPacketType.codedFrames
						: parsed.packetType !== AudioPacketType.sequenceStart;
					assert.equal(classified.role === 'silence', isFrame && isEmpty);
					assert.ok(parsed.packets.every(({ start, end }) => start <= end && end <= body.length));
				}
			}),
			FUZZ_RUNS,
		);
	});
});

describe('a multichannel configuration', () => {
	it('names the channels by mask in native order', () => {
		const config = parseMultichannelConfig(hex('01 06 8000003f'));
		assert.deepEqual([config.channelOrder, config.channelCount, config.channelFlags], [1, 6, 0x8000003f]);
	});
	it('names the channels one by one in custom order', () => {
		const config = parseMultichannelConfig(hex('02 03 000102 ff'));
		assert.deepEqual([...config.channelMapping], [0, 1, 2]);
	});
	it('may say no more than the number of channels', () => {
		const config = parseMultichannelConfig(hex('00 02'));
		assert.deepEqual([config.channelCount, config.channelFlags, config.channelMapping.length], [2, 0, 0]);
	});
	for (const short of ['', '01', '01 06 0000', '02 03 0001']) {
		it(`is refused when cut short: "${short}"`, () => {
			assert.throws(() => parseMultichannelConfig(hex(short)), { code: 'FLV_TAG' });
		});
	}
});

function pick<T extends object>(value: T, like: object): Partial<T> {
	return Object.fromEntries(Object.keys(like).map((key) => [key, value[key as keyof T]])) as Partial<T>;
}

function toHex(bytes: Uint8Array): string {
	return Buffer.from(bytes).toString('hex');
}

/** Returns the result of `parse`, or null when it throws the one error that it may throw. */
function outcome<T>(parse: () => T): T | null {
	try {
		return parse();
	} catch (error) {
		assert.ok(error instanceof PeerError && error.code === 'FLV_TAG', String(error));
		return null;
	}
}

/** Bodies of the table with bytes overwritten and the end cut or extended, and plain noise. */
function mutated(cases: readonly { body: Uint8Array }[]): fc.Arbitrary<Uint8Array> {
	const edited = fc
		.tuple(
			fc.constantFrom(...cases.map(({ body }) => body)),
			fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
			fc.nat({ max: 300 }),
			fc.uint8Array({ maxLength: 8 }),
		)
		.map(([body, edits, cut, extra]) => {
			const bytes = Uint8Array.from([...body.subarray(0, cut), ...extra]);
			for (const [at, value] of edits) {
				bytes[at % Math.max(bytes.length, 1)] = value;
			}
			return bytes;
		});
	return fc.oneof(edited, fc.uint8Array({ maxLength: 40 }));
}
