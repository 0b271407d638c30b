import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { FlvScanner, isSequenceHeader, type Tag, TagType } from '#src/tools/load/flv-scanner.js';

/**
 * A frame is known by its bytes wherever it turns up. `at` are its times in ms, which a server may shift as a whole.
 */
export type Frame = { hash: string; at: readonly number[] };

/** Frames of a stream by track, in order. */
export type Tracks = { video: Frame[]; audio: Frame[] };

/** Frames among FLV tags: no metadata, sequence headers or end-of-sequence marks. */
export function mediaTags(tags: readonly Tag[]): Tag[] {
	return tags.filter((tag) => {
		const endOfSequence = tag.type === TagType.video && (tag.body[0]! & 0x8f) === 7 && tag.body[1] === 2;
		return tag.type !== TagType.script && !isSequenceHeader(tag) && !endOfSequence;
	});
}

export function framesOfTags(tags: readonly Tag[]): Tracks {
	const tracks: Tracks = { video: [], audio: [] };
	for (const tag of mediaTags(tags)) {
		const hash = createHash('md5').update(tag.body).digest('hex');
		tracks[tag.type === TagType.video ? 'video' : 'audio'].push({ hash, at: [tag.dtsMs] });
	}
	return tracks;
}

export function tagsOfFile(file: string | URL): Tag[] {
	const tags: Tag[] = [];
	new FlvScanner((tag) => tags.push({ ...tag, body: Buffer.from(tag.body) })).push(readFileSync(file));
	return tags;
}

/** Frames as ffmpeg's framemd5 muxer prints them for `-map 0:v -map 0:a`, time base 1/1000: stream, dts, pts, duration, size, hash. */
export function framesOfFrameMd5(text: string): Tracks {
	const tracks: Tracks = { video: [], audio: [] };
	for (const line of text.split('\n')) {
		if (line.startsWith('#tb')) {
			assert.match(line, /1\/1000$/, 'framemd5 of FLV counts in milliseconds');
		}
		const fields = line.split(',').map((field) => field.trim());
		if (/^\d+$/.test(fields[0]!) && fields.length >= 6) {
			const track = fields[0] === '0' ? tracks.video : tracks.audio;
			track.push({ hash: fields[5]!, at: [Number(fields[1]), Number(fields[2])] });
		}
	}
	return tracks;
}

/**
 * Holds that `received` is `sent`: the same frames, none missing, none twice, in order on each track, and all times shifted
 * by one and the same offset (give or take `roundingMs`, for containers that count in other units). `part` allows a viewer
 * that came late or left early: a gapless run of what was sent, which goes on with the start when it was sent in a loop. Each turn
 * has an offset of its own.
 */
export function assertSameFrames(
	received: Tracks,
	sent: Tracks,
	{ extent = 'all', roundingMs = 0 }: { extent?: 'all' | 'part'; roundingMs?: number } = {},
): void {
	const offsets = new Map<number, Set<number>>();
	for (const track of ['video', 'audio'] as const) {
		const got = received[track];
		assert.ok(got.length > 0, `no ${track} frames were received`);
		const first = sent[track].findIndex((frame) => frame.hash === got[0]!.hash);
		assert.notEqual(first, -1, `the first ${track} frame received was never sent`);
		const { length } = sent[track];
		const expected = extent === 'all' ? sent[track] : got.map((_, index) => sent[track][(first + index) % length]!);
		assert.equal(extent === 'all' ? first : 0, 0, `${first} ${track} frames at the start are missing`);
		assert.deepEqual(got.map(hashOf), expected.map(hashOf), `${track} frames differ`);
		for (const [index, frame] of got.entries()) {
			const turn = Math.floor((first + index) / length);
			const ofTurn = offsets.get(turn) ?? new Set();
			offsets.set(turn, ofTurn);
			frame.at.forEach((time, kind) => {
				ofTurn.add(time - expected[index]!.at[kind]!);
			});
		}
	}
	for (const ofTurn of offsets.values()) {
		const spreadMs = Math.max(...ofTurn) - Math.min(...ofTurn);
		assert.ok(spreadMs <= roundingMs, `times are shifted by ${[...ofTurn].join(', ')} ms`);
	}
}

/** Holds that each track of `received` is a gapless run of what was sent on it, times aside; a track not sent must not come. */
export function assertSameOrder(received: Tracks, sent: Tracks): void {
	for (const track of ['video', 'audio'] as const) {
		const first = sent[track].findIndex((frame) => frame.hash === received[track][0]?.hash);
		const expected = sent[track].slice(Math.max(0, first)).map(hashOf);
		const got = received[track].slice(0, expected.length).map(hashOf);
		assert.deepEqual(got, expected.slice(0, got.length), `${track} frames differ`);
		assert.equal(got.length === 0, expected.length === 0, `${got.length} ${track} frames were received`);
	}
}

function hashOf(frame: Frame): string {
	return frame.hash;
}
