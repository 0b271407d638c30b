import { parseAacConfig, parseH264Config, type TrackConfig } from '#src/codec/track-config.js';
import type { FrameSink } from '#src/remux/frame.js';
import * as vectors from '../codec/vectors.js';

export const VIDEO = parseH264Config(vectors.avcC);
export const OTHER_VIDEO = parseH264Config(vectors.avcCInterlaced);
export const AUDIO = parseAacConfig(vectors.ascLc);

const VIDEO_FRAME_MS = 40;
const AUDIO_FRAME_SAMPLES = 1024;
const SAMPLES_PER_MS = 44.1;
const NAL_IDR = 0x65;
const NAL_SLICE = 0x41;

/** The text in a frame by which it is found again: `v123;` is picture number 123. */
export function labelOf(kind: 'video' | 'audio', number: number): string {
	return `${kind === 'video' ? 'v' : 'a'}${number};`;
}

/** The label in the bytes of a frame. */
export function labelIn(payload: Buffer): string {
	return /[va]\d+;/.exec(payload.toString('latin1'))?.[0] ?? '';
}

/** Frames of a stream with a picture every 40 ms and AAC at 44.1 kHz in whole milliseconds, numbered, interleaved by time. */
export class FrameSource {
	readonly sink: FrameSink;
	pictures = 0;
	sounds = 0;
	/** The time at which the next `run` begins. */
	timeMs = 0;
	/** Pictures behind a keyframe are shown before it. */
	openGops = false;
	#sinceKeyframe = 0;

	constructor(sink: FrameSink, tracks: readonly TrackConfig[] = [VIDEO, AUDIO]) {
		this.sink = sink;
		this.configure(...tracks);
	}

	configure(...tracks: readonly TrackConfig[]): this {
		for (const config of tracks) {
			this.sink.track({ kind: config.kind, sourceId: 0, config });
		}
		return this;
	}

	/** Goes on for `lengthMs`, with keyframes where `isKeyframe` says so for the time since the call began. */
	run(lengthMs: number, isKeyframe: (sinceMs: number) => boolean): this {
		const startMs = this.timeMs;
		for (; this.timeMs < startMs + lengthMs; this.timeMs += VIDEO_FRAME_MS) {
			this.#frame('video', this.timeMs, isKeyframe(this.timeMs - startMs));
			while ((this.sounds * AUDIO_FRAME_SAMPLES) / SAMPLES_PER_MS < this.timeMs + VIDEO_FRAME_MS) {
				this.#frame('audio', Math.floor((this.sounds * AUDIO_FRAME_SAMPLES) / SAMPLES_PER_MS), true);
			}
		}
		return this;
	}

	/** The next source goes on where this one stops. */
	splice(): this {
		this.sink.splice();
		return this;
	}

	#frame(kind: 'video' | 'audio', dtsMs: number, keyframe: boolean): void {
		const number = kind === 'video' ? this.pictures++ : this.sounds++;
		if (kind === 'video') {
			this.#sinceKeyframe = keyframe ? 0 : this.#sinceKeyframe + 1;
		}
		this.sink.frame({
			kind,
			sourceId: 0,
			dtsMs,
			compositionTimeMs: kind === 'video' ? this.#compositionTimeMs(number) : 0,
			keyframe,
			droppable: false,
			payload: kind === 'video' ? pictureOf(number, keyframe) : Buffer.from(labelOf('audio', number)),
		});
	}

	/** B-frames: every other picture is shown later than it is decoded. */
	#compositionTimeMs(number: number): number {
		if (this.openGops) {
			return [160, 40, 40][this.#sinceKeyframe] ?? 80;
		}
		return 80 + (number % 2) * 40;
	}
}

/** One NAL unit behind its length. */
function pictureOf(number: number, keyframe: boolean): Buffer {
	const unit = Buffer.from(`\0${labelOf('video', number)}`);
	unit[0] = keyframe ? NAL_IDR : NAL_SLICE;
	const length = Buffer.alloc(4);
	length.writeUInt32BE(unit.length);
	return Buffer.concat([length, unit]);
}

/** Keyframes every `gopMs`. */
export function every(gopMs: number): (sinceMs: number) => boolean {
	return (sinceMs) => sinceMs % gopMs === 0;
}
