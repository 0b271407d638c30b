import { readFileSync } from 'node:fs';
import { FlvScanner, isSequenceHeader, type Tag, TagType } from './flv-scanner.js';

/** The standard stream of the bar: bench/fixtures/bar.flv (see generate.sh there). */
export const BAR_CLIP = new URL('../../../bench/fixtures/bar.flv', import.meta.url);
export const BAR_KBPS = 309;
export const BAR_STEP_MS: Record<number, number> = { [TagType.audio]: 1024 / 48, [TagType.video]: 40 };

/** An FLV file in memory that can be sent for ever: time goes on at every turn. */
export class Clip {
	/** onMetaData and sequence headers, all at time 0. */
	readonly headers: readonly Tag[];
	readonly frames: readonly Tag[];
	/** Length of one turn: from the first to the last video frame, and one frame more. */
	readonly durationMs: number;

	constructor(frames: readonly Tag[], headers: readonly Tag[]) {
		this.frames = frames;
		this.headers = headers;
		const video = frames.filter((tag) => tag.type === TagType.video);
		const paced = video.length > 1 ? video : frames;
		const spanMs = paced.at(-1)!.dtsMs - paced[0]!.dtsMs;
		this.durationMs = Math.round(spanMs + spanMs / (paced.length - 1));
	}

	/** Frame number `index` of the endless clip. The body is shared: not to be modified. */
	frame(index: number): Tag {
		const turn = Math.floor(index / this.frames.length);
		const frame = this.frames[index % this.frames.length]!;
		return { ...frame, dtsMs: frame.dtsMs + turn * this.durationMs };
	}
}

export function loadClip(file: URL | string): Clip {
	const headers: Tag[] = [];
	const frames: Tag[] = [];
	const scanner = new FlvScanner((tag) => {
		// An encoder's closing mark (AVC end of sequence) would end the picture at every turn.
		const endOfSequence = tag.type === TagType.video && (tag.body[0]! & 0x8f) === 7 && tag.body[1] === 2;
		const copy = { ...tag, body: Buffer.from(tag.body) };
		if (isSequenceHeader(tag) || tag.type === TagType.script) {
			headers.push({ ...copy, dtsMs: 0 });
		} else if (!endOfSequence) {
			frames.push(copy);
		}
	});
	scanner.push(readFileSync(file));
	if (frames.length === 0) {
		throw new Error(`${file} holds no frames`);
	}
	const firstMs = frames[0]!.dtsMs;
	return new Clip(
		frames.map((frame) => ({ ...frame, dtsMs: frame.dtsMs - firstMs })),
		headers,
	);
}
