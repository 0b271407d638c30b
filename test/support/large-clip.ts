import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { Clip } from '#src/tools/load/clip.js';
import { encodeTag, FLV_HEADER, isSequenceHeader, type Tag, TagType } from '#src/tools/load/flv-scanner.js';
import { framesOfTags, type Tracks } from './frames.js';
import { CLIP } from './publish.js';

/**
 * Some frames are larger than every buffer on the way (read windows of 256 KiB, the pages of a disk thread, and 1 MiB); elsewhere many small
 * ones fill such a buffer together.
 */
const KEYFRAME_BYTES = [12, 300, 12, 1200, 12, 270].map((kib) => kib * 1024);
const INTER_BYTES = 12 * 1024;
const SOUND_BYTES = 200;
const GOP = 25;
const FRAME_MS = 40;
const AVC_KEYFRAME = Buffer.from('1701000000', 'hex');
const AVC_INTER = Buffer.from('2701000000', 'hex');
const AAC_FRAME = Buffer.from('af01', 'hex');
const NAL_KEYFRAME = 0x65;
const NAL_INTER = 0x41;
/** More turns of the clip than any test waits for. */
const MOST_TURNS = 50;
/** A connection is lost once or twice on each side. */
const MOST_RUNS = 5;

/**
 * Six seconds, no two frames with the same bytes, and a keyframe every second: a view that is kept too long shows. No byte is 0, so that no
 * frame holds a start code.
 */
export const LARGE_CLIP = new Clip(
	Array.from({ length: KEYFRAME_BYTES.length * GOP }, (_, n) => framesAt(n)).flat(),
	CLIP.headers,
);
export const LARGE_FRAMES = framesOfTags(LARGE_CLIP.frames);

/** The clip as an FLV file in a directory of its own, which goes after the tests of the file that asks. */
export function largeFile(): { directory: string; flv: string } {
	const directory = mkdtempSync(join(tmpdir(), 'millrace-large-'));
	after(() => rmSync(directory, { recursive: true }));
	const flv = join(directory, 'large.flv');
	writeFileSync(flv, Buffer.concat([FLV_HEADER, ...[...LARGE_CLIP.headers, ...LARGE_CLIP.frames].map(encodeTag)]));
	return { directory, flv };
}

/**
 * Holds that frames came as the clip has them, in order. `all`: once, and none is missing; `part`: a run of the endless clip; `parts`:
 * several such runs, for connections that were lost on the way.
 */
export function assertLarge(received: Tracks, extent: 'all' | 'part' | 'parts'): void {
	for (const track of ['video', 'audio'] as const) {
		const sent = LARGE_FRAMES[track].map(({ hash }) => hash);
		const got = received[track].map(({ hash }) => hash);
		assert.ok(got.length > 0, `no ${track}`);
		if (extent === 'all') {
			assert.deepEqual(got, sent, track);
		}
		let runs = 0;
		for (const [index, hash] of got.entries()) {
			assert.ok(sent.includes(hash), `${track} frame ${index} is none that was sent`);
			runs += index > 0 && sent.indexOf(hash) === (sent.indexOf(got[index - 1]!) + 1) % sent.length ? 0 : 1;
		}
		assert.ok(got.length < sent.length * MOST_TURNS && runs <= (extent === 'parts' ? MOST_RUNS : 1), `${runs} runs`);
	}
}

/** Holds that every sequence header among `tags` is one of `sent`, however often it came. */
export function assertHeaders(tags: readonly Tag[], sent: readonly Tag[]): void {
	const headers = tags.filter(isSequenceHeader);
	assert.ok(headers.length >= 2);
	for (const { type, body } of headers) {
		const isKnown = sent.some((header) => header.type === type && header.body.equals(body));
		assert.ok(isKnown, `a header of type ${type}: ${body.toString('hex', 0, 32)}`);
	}
}

function framesAt(n: number): Tag[] {
	const isKeyframe = n % GOP === 0;
	const nal = noise(isKeyframe ? KEYFRAME_BYTES[n / GOP]! : INTER_BYTES, n);
	nal.writeUInt32BE(nal.length - 4);
	nal[4] = isKeyframe ? NAL_KEYFRAME : NAL_INTER;
	const picture = Buffer.concat([isKeyframe ? AVC_KEYFRAME : AVC_INTER, nal]);
	return [
		{ type: TagType.video, dtsMs: n * FRAME_MS, body: picture },
		{ type: TagType.audio, dtsMs: n * FRAME_MS, body: Buffer.concat([AAC_FRAME, noise(SOUND_BYTES, n)]) },
	];
}

/** Bytes from 1 to 255 that another seed makes different. */
function noise(length: number, seed: number): Buffer {
	const bytes = Buffer.alloc(length);
	let state = seed + 1;
	for (let at = 0; at < length; at++) {
		state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
		bytes[at] = 1 + ((state >>> 16) % 255);
	}
	return bytes;
}
