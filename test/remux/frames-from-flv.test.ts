import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { writeAdtsHeader } from '#src/codec/aac/adts.js';
import { parseAudioSpecificConfig } from '#src/codec/aac/audio-specific-config.js';
import { parseAvcDecoderConfig } from '#src/codec/h264/decoder-config.js';
import { TagType } from '#src/container/flv/tag.js';
import type { Frame, FrameSink, SourceTrack } from '#src/remux/frame.js';
import { FramesFromFlv } from '#src/remux/frames-from-flv.js';
import { TracksFirst } from '#src/remux/tracks-first.js';
import * as vectors from '../codec/vectors.js';
import { hex } from '../support/hex.js';

const AVC_HEADER = tag('17 00 000000', vectors.avcC);
const AAC_HEADER = tag('af 00', vectors.ascLc);
const IDR = '00000004 65b80a0b';
const P = '00000004 419a2233';
const RAW_AAC = Buffer.from(hex('211004608c1c'));
const other = parseAvcDecoderConfig(vectors.avcCInterlaced);

function tag(head: string, payload: Buffer | string): Buffer {
	return Buffer.concat([hex(head), typeof payload === 'string' ? hex(payload) : payload]);
}

/** Writes down all that it is told. */
class Notes implements FrameSink {
	readonly lines: string[] = [];

	track({ config }: SourceTrack): void {
		const size = config.kind === 'video' ? ` ${config.width}x${config.height}` : ` ${config.sampleRate}`;
		this.lines.push(`${config.codec}${size}`);
	}

	frame({ kind, dtsMs, keyframe, payload }: Frame): void {
		const mark = kind === 'video' && keyframe ? '!' : '';
		this.lines.push(`${kind}${mark} ${Math.round(dtsMs)}: ${payload.toString('hex')}`);
	}

	splice(): void {
		this.lines.push('splice');
	}

	end(): void {
		this.lines.push('end');
	}
}

function read(...tags: [tagType: number, dtsMs: number, body: Buffer][]): { notes: string[]; frames: FramesFromFlv } {
	const notes = new Notes();
	const frames = new FramesFromFlv(notes);
	for (const [tagType, dtsMs, body] of tags) {
		frames.tag(tagType, dtsMs, body);
	}
	return { notes: notes.lines, frames };
}

const { audio, video } = TagType;
const plain = (text: string): string => text.replaceAll(' ', '');

describe('frames from FLV', () => {
	it('announce a track with its first frame, not with its sequence header', () => {
		const { notes, frames } = read(
			[audio, 0, AAC_HEADER],
			[video, 0, AVC_HEADER],
			[video, 0, tag('17 01 000000', IDR)],
			[video, 40, tag('27 01 000000', P)],
		);
		assert.deepEqual(notes, ['h264 1918x1078', `video! 0: ${plain(IDR)}`, `video 40: ${plain(P)}`]);
		frames.tag(audio, 60, tag('af 01', RAW_AAC));
		assert.deepEqual(notes.slice(3), ['aac 44100', `audio 60: ${RAW_AAC.toString('hex')}`]);
		assert.equal(frames.skippedTags, 0);
	});

	it('go by the NAL units, not by the frame type', () => {
		const { notes } = read(
			[video, 0, AVC_HEADER],
			[video, 0, tag('27 01 000000', IDR)],
			[video, 40, tag('17 01 000000', P)],
			[video, 80, tag('a1 "avc1" 000000', IDR)],
		);
		assert.deepEqual(notes.slice(1), [`video! 0: ${plain(IDR)}`, `video 40: ${plain(P)}`, `video! 80: ${plain(IDR)}`]);
	});

	it('announce the configuration that changes in band in front of the keyframe that brings it', () => {
		const sets = [other.spsUnits[0]!, other.ppsUnits[0]!].flatMap((unit) => {
			const length = Buffer.alloc(4);
			length.writeUInt32BE(unit.length);
			return [length, unit];
		});
		const key = Buffer.concat([...sets, hex(IDR)]);
		const { notes } = read(
			[video, 0, AVC_HEADER],
			[video, 0, tag('17 01 000000', IDR)],
			[video, 40, tag('17 01 000000', key)],
			[video, 80, tag('17 01 000000', key)],
			[video, 90, AVC_HEADER],
			[video, 120, tag('17 01 000000', key)],
		);
		const change = notes.slice(2);
		assert.deepEqual(
			change.map((note) => note.split(':')[0]),
			['h264 640x360', 'video! 40', 'video! 80', 'video! 120'],
		);
	});

	it('are several where a tag carries several ADTS frames, each at its own time', () => {
		const header = Buffer.alloc(7);
		writeAdtsHeader(header, 0, parseAudioSpecificConfig(vectors.ascLc), RAW_AAC.length);
		const frame = Buffer.concat([header, RAW_AAC]);
		const { notes } = read([audio, 100, tag('af 01', Buffer.concat([frame, frame, frame]))]);
		const payload = RAW_AAC.toString('hex');
		assert.deepEqual(notes, ['aac 44100', `audio 100: ${payload}`, `audio 123: ${payload}`, `audio 146: ${payload}`]);
	});

	it('say why a tag is left out', () => {
		const { frames, notes } = read([video, 0, tag('17 01 000000', IDR)], [video, 0, tag('14', '00')]);
		assert.deepEqual(notes, []);
		assert.equal(frames.skippedTags, 2);
		assert.equal(frames.lastFault, 'codec vp6 cannot be packaged');
		frames.tag(video, 40, tag('17 01 000000', IDR));
		assert.match(frames.lastFault, /^h264 without parameter sets/);
	});

	it('do not count what waits for its picture as left out', () => {
		const { frames, notes } = read(
			[video, 0, AVC_HEADER],
			[video, 0, tag('17 01 000000', '00000005 0605010080')],
			[video, 0, tag('17 01 000000', IDR)],
		);
		assert.equal(frames.skippedTags, 0);
		assert.deepEqual(notes.slice(1), [`video! 0: ${plain(`00000005 0605010080 ${IDR}`)}`]);
	});
});

describe('tracks that are told of first', () => {
	const sound: [number, number, Buffer] = [audio, 10, tag('af 01', RAW_AAC)];
	const start: [number, number, Buffer][] = [
		[video, 0, AVC_HEADER],
		[audio, 0, AAC_HEADER],
		[video, 0, tag('17 01 000000', IDR)],
	];

	function through(tags: [number, number, Buffer][]): string[] {
		const notes = new Notes();
		const frames = new FramesFromFlv(new TracksFirst(notes));
		for (const [tagType, dtsMs, body] of tags) {
			frames.tag(tagType, dtsMs, body);
		}
		frames.end();
		return notes.lines.map((line) => line.split(':')[0]!);
	}

	it('come in front of every frame', () => {
		assert.deepEqual(through([...start, sound]), ['h264 1918x1078', 'aac 44100', 'video! 0', 'audio 10', 'end']);
	});

	it('are waited for no longer than a second of the source, nor beyond its end', () => {
		assert.deepEqual(through(start), ['h264 1918x1078', 'video! 0', 'end']);
		const late: [number, number, Buffer][] = [...start, [video, 1000, tag('27 01 000000', P)], sound];
		const expected = ['h264 1918x1078', 'video! 0', 'video 1000', 'aac 44100', 'audio 10', 'end'];
		assert.deepEqual(through(late), expected);
	});
});
