import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAvcDecoderConfig } from '#src/codec/h264/decoder-config.js';
import { configOfMp3Frame, parseAacConfig, parseH264Config } from '#src/codec/track-config.js';
import { TsMuxer } from '#src/container/mpegts/muxer.js';
import type { FrameSink } from '#src/remux/frame.js';
import { FramesFromTs } from '#src/remux/frames-from-ts.js';
import * as vectors from '../codec/vectors.js';
import { hex } from '../support/hex.js';

const FRAME_TICKS = 3600;
const video = parseH264Config(vectors.avcC);
const other = parseAvcDecoderConfig(vectors.avcCInterlaced);
const IDR = Buffer.from(hex('65b80a0b'));
const P = Buffer.from(hex('419a2233'));
const SEI = Buffer.from(hex('06 05 02 aabb 80'));

function lengths(...units: Buffer[]): Buffer {
	return Buffer.concat(
		units.flatMap((unit) => {
			const length = Buffer.alloc(4);
			length.writeUInt32BE(unit.length);
			return [length, unit];
		}),
	);
}

/** Reads configurations and frames out of a transport stream, in order. */
function read(bytes: Buffer): string[] {
	const notes: string[] = [];
	const sink: FrameSink = {
		track: ({ config }) => {
			const size =
				config.kind === 'video' ? `${config.width}x${config.height}` : `${config.sampleRate}/${config.channels}`;
			notes.push(`${config.codec} ${size}`);
		},
		frame: ({ kind, dtsMs, keyframe, payload }) => {
			const mark = kind === 'video' && keyframe ? '!' : '';
			notes.push(`${kind}${mark} ${Math.round(dtsMs)} ${payload.toString('hex')}`);
		},
		splice: () => undefined,
		end: () => undefined,
	};
	const frames = new FramesFromTs(sink);
	frames.push(bytes);
	frames.end();
	return notes;
}

describe('frames from a transport stream', () => {
	it('follow parameter sets that change in band, in front of the keyframe that brings them', () => {
		const muxer = new TsMuxer(video, parseAacConfig(vectors.ascLc));
		muxer.writeTables();
		const change = lengths(other.spsUnits[0]!, other.ppsUnits[0]!, IDR);
		for (const [index, picture] of [lengths(IDR), lengths(P), change, lengths(P), change].entries()) {
			muxer.writeVideo(picture, index * FRAME_TICKS, index * FRAME_TICKS, index % 2 === 0);
		}
		muxer.writeAudio(Buffer.from('2110', 'hex'), FRAME_TICKS * 4);
		muxer.flushAudio();
		const [idr, p] = [lengths(IDR).toString('hex'), lengths(P).toString('hex')];
		const notes = read(muxer.take());
		assert.deepEqual(notes.slice(0, 2).sort(), ['aac 44100/2', 'h264 1918x1078'], 'both tracks, then the first frame');
		assert.deepEqual(notes.slice(2), [
			...[`video! 0 ${idr}`, `video 40 ${p}`],
			...['h264 640x360', `video! 80 ${idr}`, `video 120 ${p}`, `video! 160 ${idr}`, 'audio 160 2110'],
		]);
	});

	it('follow sound whose rate changes', () => {
		const [stereo, mono] = [Buffer.alloc(417), Buffer.alloc(130)];
		stereo.set(hex('fffb9064'));
		mono.set(vectors.mp3Frame);
		const muxer = new TsMuxer(null, configOfMp3Frame(stereo));
		muxer.writeTables();
		for (const [index, frame] of [stereo, stereo, mono, mono].entries()) {
			muxer.writeAudio(frame, index * FRAME_TICKS);
		}
		muxer.flushAudio();
		const heads = read(muxer.take()).map((note) => note.slice(0, 16));
		assert.equal(heads[0], 'mp3 44100/2');
		assert.equal(heads[3], 'mp3 22050/1');
		assert.equal(heads.length, 6);
	});

	it('have no pictures that are none', () => {
		const muxer = new TsMuxer(video, null);
		muxer.writeTables();
		for (const [index, picture] of [lengths(IDR), lengths(SEI), lengths(P)].entries()) {
			muxer.writeVideo(picture, index * FRAME_TICKS, index * FRAME_TICKS, index === 0);
		}
		const pictures = read(muxer.take()).filter((note) => note.startsWith('video'));
		assert.deepEqual(pictures, [
			`video! 0 ${lengths(IDR).toString('hex')}`,
			`video 80 ${lengths(SEI, P).toString('hex')}`,
		]);
	});
});
