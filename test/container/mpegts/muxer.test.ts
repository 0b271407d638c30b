import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { crc32Mpeg } from '#src/bytes/crc32-mpeg.js';
import { audioSpecificConfigOfAdts, parseAdtsHeader } from '#src/codec/aac/adts.js';
import { parseAudioSpecificConfig } from '#src/codec/aac/audio-specific-config.js';
import { serializeProgramConfigElement } from '#src/codec/aac/program-config.js';
import { NAL_SYNTAX } from '#src/codec/nal-syntax.js';
import { listAnnexB, NalList } from '#src/codec/nal-unit.js';
import { parseAacConfig, parseH264Config, parseH265Config, parseOpusConfig } from '#src/codec/track-config.js';
import { type PesPacket, TsDemuxer } from '#src/container/mpegts/demuxer.js';
import { fitsTransportStream, TsMuxer } from '#src/container/mpegts/muxer.js';
import { StreamType } from '#src/container/mpegts/stream-type.js';
import {
	readTimestamp,
	TIMESTAMP_WRAP,
	TimestampUnwrapper,
	wrapTimestamp,
	writeTimestamp,
} from '#src/container/mpegts/timestamp.js';
import { PeerError } from '#src/errors.js';
import * as vectors from '../../codec/vectors.js';

const h264 = parseH264Config(vectors.avcC);
const h265 = parseH265Config(vectors.hvcC);
const aac = parseAacConfig(vectors.ascLc);
const opus = parseOpusConfig(vectors.opusHead);
const OFFSET = 90_000;

type Read = { streamType: number; pts: number; dts: number; payload: string };

function demux(bytes: Buffer, split = bytes.length): { packets: Read[]; lost: number; types: number[] } {
	const packets: Read[] = [];
	let types: number[] = [];
	const demuxer = new TsDemuxer({
		streams: (streams) => {
			types = streams.map(({ streamType }) => streamType);
		},
		packet: ({ streamType }, { pts, dts, payload }: PesPacket) => {
			packets.push({ streamType, pts, dts, payload: payload.toString('hex') });
		},
	});
	demuxer.push(bytes.subarray(0, split));
	demuxer.push(bytes.subarray(split));
	demuxer.end();
	return { packets, lost: demuxer.lostPackets, types };
}

function frame(...nals: string[]): Buffer {
	return Buffer.concat(
		nals.map((nal) => {
			const bytes = Buffer.from(nal, 'hex');
			const length = Buffer.alloc(4);
			length.writeUInt32BE(bytes.length);
			return Buffer.concat([length, bytes]);
		}),
	);
}

function nalsOf(payload: string, syntax = NAL_SYNTAX.h264): string[] {
	const bytes = Buffer.from(payload, 'hex');
	const list = new NalList();
	listAnnexB(bytes, syntax, list);
	return Array.from({ length: list.count }, (_, index) => {
		const offset = list.offsets[index]!;
		return bytes.toString('hex', offset, offset + list.lengths[index]!);
	});
}

function sample(spill: ((bytes: Buffer) => void) | null = null, frameBytes = 70): Buffer {
	const muxer = new TsMuxer(h264, aac, { spill });
	muxer.writeTables();
	for (let index = 0; index < 6; index++) {
		const slice = frame(`65${'ab'.repeat(50 + index * frameBytes)}`);
		muxer.writeVideo(slice, index * 3600 + 7200, index * 3600, index === 0);
		muxer.writeAudio(Buffer.alloc(100 + index * 40, index), index * 2090);
	}
	muxer.flushAudio();
	return muxer.take();
}

describe('a transport stream', () => {
	test('is whole packets with continuous counters', () => {
		const bytes = sample();
		assert.equal(bytes.length % 188, 0);
		const counters = new Map<number, number>();
		for (let at = 0; at < bytes.length; at += 188) {
			assert.equal(bytes[at], 0x47);
			const pid = bytes.readUInt16BE(at + 1) & 0x1fff;
			const counter = bytes[at + 3]! & 15;
			assert.equal(counter, ((counters.get(pid) ?? 15) + 1) & 15, `PID ${pid}`);
			counters.set(pid, counter);
		}
		assert.deepEqual([...counters.keys()], [0, 0x1000, 0x100, 0x101]);
	});

	test('is the same in pieces, of frames of any size', () => {
		for (const frameBytes of [70, 183, 184, 185, 30_000, 500_000]) {
			const pieces: Buffer[] = [];
			const rest = sample((bytes) => pieces.push(Buffer.from(bytes)), frameBytes);
			const whole = sample(null, frameBytes);
			assert.ok(Buffer.concat([...pieces, rest]).equals(whole), `${frameBytes} bytes more for each frame`);
			assert.equal(pieces.length > 0, whole.length > 128 * 1024);
			assert.equal(demux(whole).packets.length, 8);
			assert.equal(demux(whole).lost, 0);
		}
	});

	test('gives back frames and times', () => {
		const { packets, lost, types } = demux(sample());
		assert.equal(lost, 0);
		assert.deepEqual(types, [StreamType.h264, StreamType.aacAdts]);
		const pictures = packets.filter(({ streamType }) => streamType === StreamType.h264);
		assert.deepEqual(
			pictures.map(({ pts, dts }) => [pts - OFFSET, dts - OFFSET]),
			[0, 1, 2, 3, 4, 5].map((index) => [index * 3600 + 7200, index * 3600]),
		);
		assert.deepEqual(nalsOf(pictures[1]!.payload), ['09f0', `65${'ab'.repeat(120)}`]);
		const sound = packets.filter(({ streamType }) => streamType === StreamType.aacAdts);
		assert.deepEqual(
			sound.map(({ pts }) => pts - OFFSET),
			[0, 5 * 2090],
		);
	});

	test('puts a delimiter first and the parameter sets in front of every keyframe that has none', () => {
		const muxer = new TsMuxer(h264, null);
		muxer.writeTables();
		muxer.writeVideo(frame('09f0', '06ff', '6588'), 0, 0, true);
		muxer.writeVideo(frame('6742', '6842', '6588'), 3600, 3600, true);
		muxer.writeVideo(frame('4188'), 7200, 7200, false);
		muxer.writeVideo(frame('6842', '6588'), 10_800, 10_800, true);
		const { packets } = demux(muxer.take());
		const own = nalsOf(packets[0]!.payload);
		assert.deepEqual(
			own.map((nal) => nal.slice(0, 2)),
			['09', '67', '68', '06', '65'],
		);
		assert.deepEqual(nalsOf(packets[1]!.payload), ['09f0', '6742', '6842', '6588']);
		assert.deepEqual(nalsOf(packets[2]!.payload), ['09f0', '4188']);
		const half = nalsOf(packets[3]!.payload).map((nal) => nal.slice(0, 2));
		assert.deepEqual(half, ['09', '67', '68', '68', '65'], 'one that has its PPS only gets both');
	});

	test('carries H.265 with its three parameter sets, and Opus with its control headers', () => {
		const muxer = new TsMuxer(h265, opus);
		muxer.writeTables();
		muxer.writeVideo(frame('2601aa'), 0, 0, true);
		muxer.writeAudio(Buffer.alloc(300, 7), 0);
		muxer.flushAudio();
		const { packets, types } = demux(muxer.take());
		assert.deepEqual(types, [StreamType.h265, StreamType.privateData]);
		assert.deepEqual(
			nalsOf(packets.find(({ streamType }) => streamType === StreamType.h265)!.payload, NAL_SYNTAX.h265).map((nal) =>
				nal.slice(0, 2),
			),
			['46', '40', '42', '44', '26'],
		);
		const sound = packets.find(({ streamType }) => streamType === StreamType.privateData);
		assert.equal(sound?.payload, `7fe0ff2d${'07'.repeat(300)}`);
	});

	test('carries AAC whose channels no ADTS header can name, each frame with its program config element', () => {
		const config = parseAacConfig(vectors.ascProgramConfig);
		const { programConfig } = parseAudioSpecificConfig(vectors.ascProgramConfig);
		const element = serializeProgramConfigElement(programConfig!);
		assert.equal(fitsTransportStream(config), true);
		const muxer = new TsMuxer(null, config);
		muxer.writeTables();
		const block = Buffer.from('211004608c1c', 'hex');
		const complete = Buffer.concat([element, block]);
		for (const [index, frame] of [block, complete, block].entries()) {
			muxer.writeAudio(frame, index * 1920);
		}
		muxer.flushAudio();
		const { packets } = demux(muxer.take());
		const bytes = Buffer.from(packets.map(({ payload }) => payload).join(''), 'hex');
		const frameBytes = 7 + complete.length;
		assert.equal(bytes.length, frameBytes * 3);
		for (let at = 0; at < bytes.length; at += frameBytes) {
			const header = parseAdtsHeader(bytes, at)!;
			assert.deepEqual([header.channelConfiguration, header.frameBytes], [0, frameBytes]);
			assert.deepEqual(bytes.subarray(at + 7, at + frameBytes), complete);
			assert.deepEqual(audioSpecificConfigOfAdts(header, complete), vectors.ascProgramConfig.subarray(0, -3));
		}
	});

	test('has its clock ahead of every picture, at most 100 ms apart', () => {
		const bytes = sample();
		const clocks: number[] = [];
		for (let at = 0; at < bytes.length; at += 188) {
			if (bytes[at + 3]! & 0x20 && bytes[at + 4]! > 0 && bytes[at + 5]! & 0x10) {
				clocks.push(bytes.readUInt32BE(at + 6) * 2 + (bytes[at + 10]! >>> 7));
			}
		}
		assert.deepEqual(
			clocks,
			[0, 1, 2, 3, 4, 5].map((index) => OFFSET - 63_000 + index * 3600),
		);
	});

	test('goes through the wrap of 33 bits', () => {
		const muxer = new TsMuxer(h264, aac);
		muxer.writeTables();
		const start = TIMESTAMP_WRAP - OFFSET - 3600;
		for (let index = 0; index < 4; index++) {
			muxer.writeVideo(frame('6588'), start + index * 3600, start + index * 3600, true);
		}
		const { packets } = demux(muxer.take());
		const unwrapper = new TimestampUnwrapper();
		assert.deepEqual(
			packets.map(({ pts }) => pts),
			[TIMESTAMP_WRAP - 3600, 0, 3600, 7200],
		);
		assert.deepEqual(
			packets.map(({ dts }) => unwrapper.unwrap(dts) - start - OFFSET),
			[0, 3600, 7200, 10800],
		);
	});

	test('reads the same wherever the bytes are cut', () => {
		const bytes = sample();
		const whole = demux(bytes);
		for (let split = 0; split <= bytes.length; split += 7) {
			assert.deepEqual(demux(bytes, split), whole);
		}
	});

	test('loses no more than the packet that was hit when bytes are damaged', () => {
		const bytes = sample();
		const whole = demux(bytes);
		for (let at = 188 * 2; at < bytes.length; at += 188) {
			const hole = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 188)]);
			const { packets } = demux(hole);
			assert(packets.length >= whole.packets.length - 2, `without packet ${at / 188}`);
		}
	});

	test('any bytes at all are read or refused, never a crash', () => {
		const bytes = sample();
		fc.assert(
			fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 40 }), (changes) => {
				const mutant = Buffer.from(bytes);
				for (const [at, value] of changes) {
					mutant[at] = value;
				}
				demux(mutant);
			}),
			{ interruptAfterTimeLimit: 500, markInterruptAsFailure: false },
		);
		assert.throws(() => demux(Buffer.alloc(100_000)), PeerError);
	});
});

test('33-bit timestamps keep every bit', () => {
	const bytes = Buffer.alloc(5);
	for (const ticks of [0, 1, 2 ** 15, 2 ** 30, 2 ** 32 - 1, 2 ** 32, 2 ** 33 - 1]) {
		writeTimestamp(bytes, 0, 2, ticks);
		assert.equal(readTimestamp(bytes, 0), ticks);
	}
	assert.equal(wrapTimestamp(2 ** 33), 0);
	assert.equal(wrapTimestamp(-1), 2 ** 33 - 1);
	assert.equal(wrapTimestamp(2 ** 50 + 5), 5);
});

test('the CRC of a section is that of the standard', () => {
	assert.equal(crc32Mpeg(Buffer.from('123456789')), 0x0376e6e7);
});
